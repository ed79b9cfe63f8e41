//! Requests, counted by the class of their status.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use metrics::{Counter, Unit, counter, describe_counter};

use crate::figures::Figures;

/// One counter for each hundred of status codes.
pub struct Tally {
    hundreds: [Counter; 5],
}

impl Tally {
    /// Counts for the recorder that is installed now.
    pub fn new() -> Self {
        describe_counter!(
            "serve_requests_total",
            Unit::Count,
            "Requests answered, by the class of the status."
        );
        let of = |class| counter!("serve_requests_total", "status" => class);
        Self { hundreds: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(of) }
    }

    fn count(&self, status: StatusCode) {
        // A code can be up to 999; this server sends none above 599.
        if let Some(counter) = self.hundreds.get(usize::from(status.as_u16() / 100) - 1) {
            counter.increment(1);
        }
    }
}

/// Counts each request when its response begins.
pub async fn requests(
    State(figures): State<Arc<Figures>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    figures.tally().count(response.status());
    response
}
