//! What is compared.

mod bulk;
mod burst;
mod fan_out;
mod idle;
mod mixed;
mod read_size;
mod slow_readers;
mod small;

use crate::{
    bench::Bench,
    host::{Post, Service},
    plot::Plot,
};

pub(crate) const ALL: [&Scenario; 8] = [
    &idle::SCENARIO,
    &slow_readers::SCENARIO,
    &bulk::SCENARIO,
    &small::SCENARIO,
    &burst::SCENARIO,
    &mixed::SCENARIO,
    &read_size::SCENARIO,
    &fan_out::SCENARIO,
];

/// One question, put to several servers.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// For the command line.
    pub(crate) name: &'static str,
    /// A line above its table.
    pub(crate) about: &'static str,
    /// How often it says what comes now.
    pub(crate) steps: u64,
    /// The client's part.
    pub(crate) run: fn(&mut Bench) -> anyhow::Result<()>,
    /// The server's part: what a variant runs. It is called in the server's runtime.
    pub(crate) serve: fn(&str, Post) -> Service,
    pub(crate) plots: &'static [Plot],
}

pub(crate) fn find(name: &str) -> Option<&'static Scenario> {
    ALL.into_iter().find(|scenario| scenario.name == name)
}

/// All of them, a line each.
pub(crate) fn list() -> String {
    let lines = ALL.map(|scenario| format!("  {:<14} {}", scenario.name, scenario.about));
    format!("Scenarios:\n{}", lines.join("\n"))
}
