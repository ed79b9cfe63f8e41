//! The middle one of several tries.

/// Of those that are as many on either side, the larger one; there is one at least.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
