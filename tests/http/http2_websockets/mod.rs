//! WebSockets on streams of HTTP/2 (RFC 8441): ours and axum's, behind our server and stock ones.

mod client;
mod echoes;
mod ends;
mod idle;
mod refusals;
mod site;
