//! Leases against `BytesMut` on the system's allocator (glibc on most Linux).

#[path = "lease/rounds.rs"]
mod rounds;

fn main() {
    rounds::run("system");
}
