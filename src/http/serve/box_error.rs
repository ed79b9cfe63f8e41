//! `BoxError`: what a service and its body may fail with.

/// What errors of services and bodies become.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
