//! An upload: from a request to a file.

use axum::{
    body::{Body, HttpBody},
    extract::{Extension, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_RANGE, LOCATION},
    },
    response::{IntoResponse, Response},
};
use leasehold::{Account, http::LeasedBody};

use crate::{inbox::Inbox, name::Name, path::encode, upload_error::UploadError};

/// Where uploads are put.
const UPLOADS_PATH: &str = "/up/";

/// Takes the body as a file, with memory of the request's account, whatever its length.
pub async fn upload(
    State(inbox): State<Inbox>,
    Extension(account): Extension<Account>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let received = receive(&inbox, &account, head.uri.path(), &head.headers, body).await;
    received.unwrap_or_else(IntoResponse::into_response)
}

async fn receive(
    inbox: &Inbox,
    account: &Account,
    path: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, UploadError> {
    // All checks that need no body come before the body is asked for: a client that expects `100
    // Continue` has not sent it yet.
    let name = Name::parse(path.strip_prefix(UPLOADS_PATH).unwrap_or_default())
        .map_err(UploadError::Refused)?;
    if headers.contains_key(CONTENT_RANGE) {
        // RFC 9110 §14.5: a part that is taken for the whole would be a broken file.
        return Err(UploadError::Refused("a part of a file is not taken; send the whole\n"));
    }
    let len_max = inbox.len_max();
    if body.size_hint().lower() > len_max {
        return Err(UploadError::TooLong { len_max });
    }
    let _held_by_hyper =
        account.try_reserve(inbox.hyper_len()).map_err(|_| UploadError::OutOfMemory)?;
    let mut part = inbox.begin(&name).await?;

    let mut body = LeasedBody::new(body, account);
    let mut len = 0;
    while let Some(chain) = body.next_chain().await {
        let chain = chain?;
        len += chain.len() as u64;
        if len > len_max {
            return Err(UploadError::TooLong { len_max });
        }
        part.write(chain).await?;
    }
    let location = format!("{UPLOADS_PATH}{}", encode(name.as_str()));
    part.publish(name).await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], format!("{len} bytes are stored\n"))
        .into_response())
}
