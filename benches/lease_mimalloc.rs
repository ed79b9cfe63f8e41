//! Leases against `BytesMut` on mimalloc.

#[path = "lease/rounds.rs"]
mod rounds;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    rounds::run("mimalloc");
}
