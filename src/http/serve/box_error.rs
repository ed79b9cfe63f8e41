//! `BoxError`: the error of a service or of its body.

/// The error of a service or of its body, in a box.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
