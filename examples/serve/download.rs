//! A file or a listing: from a request to a response.

use std::io::{self, Seek, SeekFrom};

use axum::{
    body::Body,
    extract::{Extension, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, LAST_MODIFIED},
    },
    response::{IntoResponse, Response},
};
use leasehold::{
    Account,
    http::{BytesBody, ReaderBody},
};

use crate::{
    body::FileBody,
    disk::DiskFile,
    files::{Found, OpenFile, Root},
    listing,
    path::SitePath,
    ranges::{Part, http_date},
    reply::{self, number},
};

/// The thread that writes to the socket also reads the file. So a second block would mostly lie
/// unused, once for each slow client. (Four blocks are a tenth faster over loopback.)
const BLOCKS_AHEAD: usize = 1;

/// Answers with memory of the request's account. The body of the request is not read.
pub async fn download(
    State(root): State<Root>,
    Extension(account): Extension<Account>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(path) = SitePath::parse(uri.path()) else {
        return reply::not_found();
    };
    let answered = answer(&root, &path, &method, &headers, &account).await;
    answered.unwrap_or_else(|error| reply::of_error(&error))
}

async fn answer(
    root: &Root,
    path: &SitePath,
    method: &Method,
    headers: &HeaderMap,
    account: &Account,
) -> io::Result<Response> {
    match root.find(path).await? {
        Found::DirectoryWithoutSlash => Ok(reply::redirect(path.with_slash())),
        Found::Directory(names) => {
            let page = listing::page(path, &names, account).await?;
            Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], Body::new(BytesBody::new(page)))
                .into_response())
        }
        Found::File(file) => answer_file(file, content_type(path), method, headers, account).await,
    }
}

async fn answer_file(
    file: OpenFile,
    content_type: &'static str,
    method: &Method,
    headers: &HeaderMap,
    account: &Account,
) -> io::Result<Response> {
    let OpenFile { mut file, len, modified } = file;
    let modified = modified.and_then(http_date);
    let (status, start, part_len) = match Part::wanted(method, headers, len, modified) {
        Part::NotModified => return Ok(reply::not_modified()),
        Part::Unsatisfiable => return Ok(reply::unsatisfiable(len)),
        Part::Whole => (StatusCode::OK, 0, len),
        Part::Range { start, len } => (StatusCode::PARTIAL_CONTENT, start, len),
    };
    if start > 0 {
        file.seek(SeekFrom::Start(start))?; // only sets a number
    }
    let body = ReaderBody::sized(DiskFile::new(file), part_len, account)
        .ahead(BLOCKS_AHEAD)
        .into_bytes_body();
    // For HEAD axum takes the length from the body and drops it unread.
    let body = if method == Method::HEAD { Body::new(body) } else { FileBody::begin(body).await? };

    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = start + part_len - 1;
        headers.insert(CONTENT_RANGE, number(format!("bytes {start}-{last}/{len}")));
    }
    if let Some(modified) = modified {
        headers.insert(LAST_MODIFIED, number(modified.to_string()));
    }
    Ok(reply)
}

/// By the name alone; the file is not looked into.
fn content_type(path: &SitePath) -> &'static str {
    mime_guess::from_path(path.file_name()).first_raw().unwrap_or("application/octet-stream")
}
