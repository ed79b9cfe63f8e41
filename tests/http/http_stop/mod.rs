//! What becomes of requests, streams and sockets when a server stops.
//!
//! Every request whose first byte came before the signal is answered, wherever its bytes are: in
//! the service, in a line for room, in hyper, in half a head, in the kernel, or in a connection
//! that was not accepted yet.

mod claims;
mod client;
mod http2;
mod limits;
mod site;
mod transports;
