//! Chains as HTTP bodies, on stock hyper (feature `http`).
//!
//! | body | `Data` | frames | for |
//! |---|---|---|---|
//! | [`ChainBody`] | [`Chain`](crate::Chain) | one | plain hyper: head and body leave in one writev, up to 63 pieces |
//! | [`BytesBody`] | `Bytes` | one per piece | axum, tonic and tower-http, whose boxes want `Data = Bytes` |
//! | [`ReaderBody`] | [`Chain`](crate::Chain) | one per block | files and other readers, a few blocks ahead of the client |
//! | [`ReaderBody::into_bytes_body`] | `Bytes` | one per block | the same for axum and its like |
//!
//! All but `ReaderBody::new` know their length and say so by `size_hint`: hyper then writes the
//! Content-Length itself. Never set that header beside them; a value that differs is sent as it is,
//! and the next response on the connection is misread.
//!
//! | of a request | |
//! |---|---|
//! | [`collect`] | its body as one [`Chain`](crate::Chain), up to a limit |
//! | [`LeasedBody`] | its body as chains that come one by one, and its trailers |
//! | `axum` (feature `axum`) | both as extractors, and chains as responses |
//!
//! Either copies what hyper has read and lets go of it: what is kept is charged, and pins no buffer
//! of hyper's.

#[cfg(feature = "axum")]
pub mod axum;
mod bytes_body;
mod chain_body;
mod collect;
mod copying;
mod leased_body;
mod reader_body;
pub mod serve;

// For rooms above, of which not all are built.
#[allow(unused_imports)]
pub(crate) use self::copying::Copying;
pub use self::{
    bytes_body::BytesBody,
    chain_body::ChainBody,
    collect::{CollectError, collect},
    leased_body::{LeasedBody, LeasedBodyError},
    reader_body::{ReaderBody, ReaderBodyError},
    serve::serve,
};
