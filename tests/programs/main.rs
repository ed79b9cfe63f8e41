//! The examples as their users meet them: real programs, files and sockets.

#![cfg(target_os = "linux")]

mod chat;
mod clients;
mod program;
mod relay;
mod serve;
