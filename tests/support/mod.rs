//! What several test programs need.
//!
//! `calls` is not among these modules: it takes the place of functions of the C library. The
//! programs that count system calls name it.

#![allow(dead_code, unused_imports, reason = "each program uses a part of it")]

pub(crate) mod bodies;
pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod heap;
pub(crate) mod http_client;
pub(crate) mod peer;
pub(crate) mod pools;
pub(crate) mod transport;

pub(crate) use transport::seed;
