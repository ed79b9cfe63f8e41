//! Leases against `BytesMut` on jemalloc.

mod ratios;
#[path = "lease/rounds.rs"]
mod rounds;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    rounds::run("jemalloc");
}
