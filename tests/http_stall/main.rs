//! A client that stops reading its response, or sending a body that is waited for, is cut, and nobody else is.

#[expect(dead_code, reason = "a part of it is used here")]
#[path = "../http_parking/client.rs"]
mod client;
mod http2;
mod reading;
mod sending;
mod site;
