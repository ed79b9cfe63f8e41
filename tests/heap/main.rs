//! Tests that count what the whole process has on its heap. Each of them holds `heap::alone()`, so
//! they run one after another.

mod attack;
mod http2_bounds;
mod http_attack;
mod relay_memory;
mod ws_deflate_heap;
mod ws_heap;
mod ws_http2;
mod ws_hub_cost;
mod ws_idle;

#[path = "../support/mod.rs"]
mod support;

#[global_allocator]
static HEAP: support::heap::Counting = support::heap::Counting;
