//! The manual: how to use the crate, one page for each task. There is no code here.
//!
//! | page | answers |
//! |---|---|
//! | [`budgets`] | How large is the pool? Which accounts do I open, with which limits? |
//! | [`from_bytes`] | What becomes of my code with `Bytes` and `BytesMut`? |
//! | [`reading_writing`] | How do bytes get from a socket into blocks, and out again? |
//! | `http` (feature `http`) | How do I serve hyper, tower or axum services within a budget? |
//! | `grpc` (features `http` and `tower`) | What does tonic hold for large messages, and how do I bound it? |
//! | `websocket` (feature `ws`) | How do I receive, send and broadcast messages? |
//! | [`short_of_memory`] | What happens when there is no memory, and what do I do then? |
//! | [`testing`] | How do I test that my code survives that, and leaks nothing? |
//!
//! Every example is complete: it is compiled, and most of them are run, with the tests of the
//! crate. `examples/` in the repository has whole programs.

pub mod budgets;
pub mod from_bytes;
#[cfg(all(feature = "http", feature = "tower"))]
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
pub mod reading_writing;
pub mod short_of_memory;
pub mod testing;
#[cfg(feature = "ws")]
pub mod websocket;
