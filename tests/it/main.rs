//! The tests of public behaviour, one module for each noun. `cargo test MODULE` runs one.
//!
//! A test that needs a process of its own, or counts what the whole process does, is in another
//! program beside this one.

mod accounts;
mod axum;
mod block;
mod buf_stream;
mod buf_stream_beside_tokio;
mod builder;
mod chain;
mod chain_lease;
mod chain_model;
mod chain_reader;
mod chain_reader_held;
mod chain_reader_memory;
mod codec_differential;
mod collect;
mod credit;
mod delivery;
mod extremes;
mod fairness;
mod framed;
mod homecoming;
mod http_scripts;
mod hyper_bodies;
mod interrupted;
mod layer;
mod leased_body;
mod length_delimited;
mod metrics;
mod model;
mod one_way;
mod outbox;
mod pool;
mod refusals;
mod relay;
mod relay_failures;
mod request_bodies;
mod reservation;
mod stress;
mod told;
mod trimming;
mod waiting;
mod wakers;
mod write_buf;
mod ws;
mod ws_deflate;
mod ws_fuzz;
mod ws_handshake;
mod ws_hub;
mod ws_hub_stalled;
mod ws_keep_alive;
mod ws_one_way;

#[path = "../support/mod.rs"]
mod support;
