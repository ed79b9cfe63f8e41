//! What becomes of requests when the pool is full: they wait in line, and whoever waits too long is
//! told so.

mod client;
mod refusals;
mod site;
mod waiting;
