//! What a burst leaves behind, with the system's allocator as the rival and for the side tables.

#[path = "burst/aftermath.rs"]
mod aftermath;

fn main() -> anyhow::Result<()> {
    aftermath::run("system")
}
