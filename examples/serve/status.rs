//! The pool's figures as JSON.

use leasehold::{ClassStats, Pool};
use serde_json::{Value, json};

/// Written on the heap, not into blocks: it must be readable when the pool is exhausted.
pub fn json(clients: &Pool) -> String {
    let stats = clients.stats();
    let classes: Vec<Value> = stats.classes.iter().map(class).collect();
    let figures = json!({
        "budget": stats.budget,
        "mapped": stats.mapped,
        "metadata": stats.metadata,
        "leased": stats.leased,
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
