//! Leases against `BytesMut` on the system's allocator (glibc on most Linux).

mod ratios;
#[path = "lease/rounds.rs"]
mod rounds;

fn main() {
    rounds::run("system");
}
