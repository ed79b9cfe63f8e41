//! The pool's figures as JSON.

use std::sync::Arc;

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use leasehold::{AccountStats, ClassStats, http::serve::Connections};
use serde_json::{Value, json};

use crate::figures::Figures;

/// Answers with the figures.
pub async fn status(State(figures): State<Arc<Figures>>) -> Response {
    ([(CONTENT_TYPE, "application/json")], text(&figures)).into_response()
}

/// The figures, as text.
///
/// It is written on the heap, not into blocks: it must be readable when the pool is exhausted.
pub fn text(figures: &Figures) -> String {
    let (pool, clients) = (figures.pool(), figures.clients());
    let stats = pool.stats();
    let classes: Vec<Value> = stats.classes.iter().map(class).collect();
    let accounts: Vec<Value> = stats.accounts.iter().map(account).collect();
    let figures = json!({
        "budget": stats.budget,
        "limit": clients.limit(),
        "mapped": stats.mapped,
        "metadata": stats.metadata,
        // Without reserved bytes: the connection that asks for these figures is awake, and has
        // some.
        "leased": stats.leased.saturating_sub(stats.reserved),
        "reserved": stats.reserved,
        "cached": stats.cached,
        "peak": clients.peak(),
        "waiting": stats.waiting,
        // Others wait at the limit of an account, as each download that is ahead of its client
        // does. That is no lack of memory.
        "waiting_for_pool": pool.pressure().waiting,
        "waits": stats.waits,
        "refused": stats.refused,
        "cache_flushes": stats.cache_flushes,
        "trimmed": stats.trimmed,
        "classes": classes,
        "accounts": accounts,
        "connections": connections(figures.connections()),
        "sockets": figures.sockets().count(),
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

fn account(account: &AccountStats) -> Value {
    json!({
        "name": account.name,
        "leased": account.leased,
        "limit": account.limit,
        "peak": account.peak,
    })
}

fn connections(connections: &Connections) -> Value {
    json!({
        "open": connections.open(),
        "awake": connections.awake(),
        "parked": connections.parked(),
        "accepted": connections.accepted(),
    })
}
