//! Errors of handlers as responses, and handlers that are asked for the head alone.

use std::{error::Error, num::ParseIntError};

use axum::{
    Router,
    extract::Path,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{site::everywhere, visitor::Visitor};

/// Any error, for `?` in handlers.
struct Failure(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.is::<ParseIntError>() {
            true => StatusCode::BAD_REQUEST,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("it failed: {}", self.0)).into_response()
    }
}

async fn halve(Path(number): Path<String>) -> Result<String, Failure> {
    let number: u32 = number.parse()?;
    if number % 2 == 1 {
        return Err("it is odd".into());
    }
    Ok((number / 2).to_string())
}

#[tokio::test]
async fn any_error_is_a_response() {
    let app = || Router::new().route("/halve/{number}", get(halve));
    let seen = everywhere(app, async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for path in ["/halve/8", "/halve/7", "/halve/x", "/other"] {
            seen.push(visitor.get(path).await);
            site.rest().await;
        }
        seen
    })
    .await;
    let seen = seen.iter().map(|answer| (answer.status.as_u16(), answer.body.as_str()));
    let expected = [
        (200, "4"),
        (500, "it failed: it is odd"),
        (400, "it failed: invalid digit found in string"),
        (404, ""),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}

/// The handler of GET is asked for HEAD too. It may leave out what makes the body.
async fn page(method: Method) -> Response {
    if method == Method::HEAD {
        return ([("x-made", "head")]).into_response();
    }
    ([("x-made", "page")], "a page").into_response()
}

#[tokio::test]
async fn a_handler_may_see_that_only_the_head_is_asked_for() {
    let app = || Router::new().route("/page", get(page)).route("/plain", get(async || "plain"));
    let seen = everywhere(app, async |site| {
        let mut visitor: Visitor = site.visitor().await;
        let mut seen = Vec::new();
        for path in ["/page", "/plain"] {
            for method in ["HEAD", "GET", "HEAD", "POST"] {
                seen.push(visitor.ask(method, path, "").await);
                site.rest().await;
            }
        }
        seen
    })
    .await;
    let of_page: Vec<_> = seen[..4]
        .iter()
        .map(|answer| (answer.status.as_u16(), answer.header("x-made"), answer.body.as_str()))
        .collect();
    let (head, page) = ((200, Some("head"), ""), (200, Some("page"), "a page"));
    assert_eq!(of_page, [head, page, head, (405, None, "")]);
    // Where the handler makes the body, its length is told, and the body is not sent.
    assert_eq!((seen[4].header("content-length"), seen[4].body.as_str()), (Some("5"), ""));
}
