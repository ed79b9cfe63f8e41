//! `Spawner`: where the tasks of a server run.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use hyper::rt::Executor;

/// A task in a box, as an executor of the user's takes it.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// tokio's runtime, or an executor of the user's.
#[derive(Clone, Default)]
pub(super) struct Spawner(Option<Arc<dyn Executor<Task> + Send + Sync>>);

impl Spawner {
    pub(super) fn new(executor: impl Executor<Task> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(executor)))
    }

    /// Spawns a task. Only an executor of the user's needs it in a box.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.0 {
            Some(executor) => executor.execute(Box::pin(task)),
            None => drop(tokio::spawn(task)),
        }
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Spawner(of the user's)" } else { "Spawner(tokio)" })
    }
}
