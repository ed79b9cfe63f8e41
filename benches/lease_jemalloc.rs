//! Leases against `BytesMut` on jemalloc.

#[path = "lease/rounds.rs"]
mod rounds;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    rounds::run("jemalloc");
}
