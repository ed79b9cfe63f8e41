//! A matrix of faults: every operation of the crate that waits ([`operations`], each told once),
//! under everything that can go wrong with it.
//!
//! | | what goes wrong | what is wanted |
//! |---|---|---|
//! | [`leases`] | each ask for memory in turn | an error that says so; whole if it can be tried again |
//! | [`polls`] | each future is dropped at each of its moments | whole if it is cancel safe |
//! | [`cuts`] | reads and writes are cut anywhere, and wait | whole |
//! | [`transports`] | each call of the transport in turn | that very error |
//! | [`deaf`] | all calls that write, from each of them on | all that the peer has said |
//! | [`calls_refused`] | the system's calls | whole, or that very error |
//! | [`panics`] | each call of the user's code in turn | that panic, and no other |
//! | [`runtimes`] | the runtime goes, or the thread | nothing is lost with it |
//! | [`children`] | programs are started meanwhile | they see nothing of it |
//!
//! And whatever happens: no byte is lost, doubled or changed, nothing is leased afterwards, and the
//! pool goes on.

mod calls_refused;
mod children;
mod cuts;
mod deaf;
mod leases;
mod manner;
mod operation;
mod operations;
mod panics;
#[cfg(unix)]
mod peer;
mod place;
mod plan;
mod polls;
mod runtimes;
mod site;
mod transports;
mod trial;
mod wire;

#[path = "../support/mod.rs"]
mod support;

use crate::support::{bodies, transport};
