//! `Elsewhere`: another thread, whose magazines are others.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

type Job = Box<dyn FnOnce() + Send>;

/// Does one thing at a time, while this thread waits for it.
pub(crate) struct Elsewhere {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Elsewhere {
    pub(crate) fn new() -> Self {
        let (jobs, waiting): (Sender<Job>, Receiver<Job>) = channel();
        let thread = thread::spawn(move || waiting.into_iter().for_each(|job| job()));
        Self { jobs: Some(jobs), thread: Some(thread) }
    }

    /// Does `job` here, or there.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        is_elsewhere: bool,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if !is_elsewhere {
            return job();
        }
        let (done, result) = channel();
        let job = move || done.send(job()).expect("somebody waits for it");
        self.jobs
            .as_ref()
            .expect("it runs until it is dropped")
            .send(Box::new(job))
            .expect("the thread runs");
        result.recv().expect("the job does not panic")
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
