//! What a test at random can be repeated by.

/// The seed of this run, printed so that a failure can be repeated: `LEASEHOLD_SEED` sets it.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("LEASEHOLD_SEED") {
        Ok(seed) => seed.parse().expect("LEASEHOLD_SEED is a number"),
        Err(_) => rand::random(),
    };
    println!("LEASEHOLD_SEED={seed}");
    seed
}
