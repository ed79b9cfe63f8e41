//! Leases against `BytesMut` on mimalloc.

mod ratios;
#[path = "lease/rounds.rs"]
mod rounds;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    rounds::run("mimalloc");
}
