//! Chains as responses.

use ::http::{HeaderValue, header::CONTENT_TYPE};
use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};

use crate::{chain::Chain, http::BytesBody};

impl IntoResponse for Chain {
    /// Makes a response of these bytes, of type `application/octet-stream`, as axum does for
    /// `Bytes`.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::new(BytesBody::new(self)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        response
    }
}
