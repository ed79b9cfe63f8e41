//! Tests that count the system calls of a socket.

mod any_stream;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "../support/calls.rs"]
mod calls;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod syscalls;

#[path = "../support/mod.rs"]
mod support;
