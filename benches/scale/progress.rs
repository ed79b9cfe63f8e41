//! A bar on stderr, if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) struct Progress {
    bar: ProgressBar,
    scenario: &'static str,
    begun: u64,
}

impl Progress {
    pub(crate) fn new(steps: u64) -> Self {
        let bar = ProgressBar::new(steps);
        let style = ProgressStyle::with_template("{elapsed_precise} [{bar:40}] {pos}/{len} {msg}");
        bar.set_style(style.expect("a template").progress_chars("=> "));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, scenario: "", begun: 0 }
    }

    pub(crate) fn begin(&mut self, scenario: &'static str) {
        self.scenario = scenario;
    }

    /// Says what comes now, when all before it is done.
    pub(crate) fn step(&mut self, what: &str) {
        self.bar.set_message(format!("{}: {what}", self.scenario));
        self.bar.set_position(self.begun);
        self.begun += 1;
    }

    /// Prints without tearing the bar.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
