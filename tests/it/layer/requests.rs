//! Requests, and a service that tells what was reserved for them.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use leasehold::{Account, layer::BudgetLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::layer::bodies::Scripted;

/// A body that says so of its length.
pub(crate) fn saying(least: usize, most: impl Into<Option<usize>>) -> Scripted {
    Scripted::default().saying(least as u64, most.into().map(|most| most as u64))
}

pub(crate) fn exactly(len: usize) -> Scripted {
    saying(len, len)
}

/// Says in its body what is charged to the account of the request.
pub(crate) async fn charge(
    request: Request<Scripted>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let account = request.extensions().get::<Account>().expect("an account of its own");
    Ok(Response::new(account.leased().to_string().into()))
}

/// What is reserved for a request with this body.
pub(crate) async fn reserved(layer: &BudgetLayer, body: Scripted) -> usize {
    let response =
        layer.layer(service_fn(charge)).oneshot(Request::new(body)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.into_body().collect().await.expect("a body").to_bytes();
    std::str::from_utf8(&text).expect("text").parse().expect("a number")
}
