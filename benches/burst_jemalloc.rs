//! What a burst leaves behind, with jemalloc as the rival and for the side tables.

#[path = "burst/aftermath.rs"]
mod aftermath;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    aftermath::run("jemalloc")
}
