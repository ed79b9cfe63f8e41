//! The pool's figures as JSON.

use axum::{
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use leasehold::{ClassStats, Pool};
use serde_json::{Value, json};

/// Answers with the figures.
pub async fn status(State(clients): State<Pool>) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], json(&clients)).into_response()
}

/// Written on the heap, not into blocks: it must be readable when the pool is exhausted.
fn json(clients: &Pool) -> String {
    let stats = clients.stats();
    let classes: Vec<Value> = stats.classes.iter().map(class).collect();
    let figures = json!({
        "budget": stats.budget,
        "mapped": stats.mapped,
        "metadata": stats.metadata,
        // In blocks. What is reserved is beside it: the connection that asks for these figures is awake, and has some.
        "leased": stats.leased.saturating_sub(stats.reserved),
        "reserved": stats.reserved,
        "cached": stats.cached,
        "peak": clients.peak(),
        "waiting": stats.waiting,
        "waits": stats.waits,
        "refused": stats.refused,
        "classes": classes,
    });
    format!("{figures:#}\n")
}

fn class(class: &ClassStats) -> Value {
    json!({
        "block_len": class.block_len,
        "leased": class.leased,
        "cached": class.cached,
        "free": class.free,
    })
}
