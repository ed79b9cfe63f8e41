//! A figure over time, or over whatever else it depends on.

#[derive(Debug)]
pub(crate) struct Curve {
    /// The file of the plot that it is drawn in.
    pub(crate) plot: &'static str,
    pub(crate) variant: &'static str,
    pub(crate) connections: usize,
    pub(crate) points: Vec<(f64, f64)>,
}
