//! What a burst leaves behind, with mimalloc as the rival and for the side tables.

#[path = "burst/aftermath.rs"]
mod aftermath;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    aftermath::run("mimalloc")
}
