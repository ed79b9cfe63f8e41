//! The routes of axum, made once.

use std::{any::Any, mem};

use axum::{Router, routing::MethodRouter};

/// A `Router` without state makes its handlers anew for each request, until its state is settled.
/// `axum::serve` does this too.
pub(super) fn build_routes(app: &mut dyn Any) {
    if let Some(router) = app.downcast_mut::<Router>() {
        *router = mem::take(router).with_state(());
    } else if let Some(router) = app.downcast_mut::<MethodRouter>() {
        *router = mem::take(router).with_state(());
    }
}
