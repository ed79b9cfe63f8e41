//! Chains as HTTP bodies, on stock hyper (feature `http`).
//!
//! | body | `Data` | frames | for |
//! |---|---|---|---|
//! | [`ChainBody`] | [`Chain`] | one | plain hyper: head and body leave in one writev |
//! | [`BytesBody`] | `Bytes` | one per piece | axum, tonic and tower-http |
//! | [`ReaderBody`] | [`Chain`] | one per block | files and other readers |
//! | [`into_bytes_body`] | `Bytes` | one per block | the same for axum, tonic, tower-http |
//!
//! All but `ReaderBody::new` know their length and tell it by `size_hint`: hyper then writes the
//! Content-Length itself. Never set that header yourself. hyper sends a value that differs as it
//! is, and the client then misreads the next response on the connection.
//!
//! | of a request | |
//! |---|---|
//! | [`collect`] | its body as one [`Chain`], up to a limit |
//! | [`LeasedBody`] | its body as chains that come one by one, and its trailers |
//! | `axum` (feature `axum`) | both as extractors, and chains as responses |
//!
//! Both copy the bytes out of hyper's buffer and let go of it. The copy is charged to an account,
//! and keeps no buffer of hyper alive.
//!
//! The [guide](crate::guide::http) has complete examples.
//!
//! [`Chain`]: crate::Chain
//! [`into_bytes_body`]: ReaderBody::into_bytes_body

#[cfg(feature = "axum")]
pub mod axum;
mod bytes_body;
mod chain_body;
mod collect;
mod copying;
mod frames_of_bytes;
mod leased_body;
mod reader_body;
pub mod serve;

pub(crate) use self::copying::Copying;
pub use self::{
    bytes_body::BytesBody,
    chain_body::ChainBody,
    collect::{CollectError, collect},
    leased_body::{LeasedBody, LeasedBodyError},
    reader_body::{ReaderBody, ReaderBodyError},
    serve::serve,
};
