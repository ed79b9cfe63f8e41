//! `UpgradeError` as a rejection.

use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};

use crate::ws::UpgradeError;

impl IntoResponse for UpgradeError {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::new)
    }
}
