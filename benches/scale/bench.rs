//! What a scenario runs in.

use std::time::Duration;

use tokio::runtime::Runtime;

use crate::{
    curve::Curve,
    heap::Allocator,
    options::Options,
    progress::Progress,
    row::{Measure, Row},
    scenario::Scenario,
    server::Server,
    table,
};

/// The run of all scenarios: what they may use, and what they have found.
pub(crate) struct Bench {
    connections: usize,
    is_measured: bool,
    runtime: Runtime,
    progress: Progress,
    scenario: &'static str,
    results: Results,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    pub(crate) curves: Vec<Curve>,
    /// How long each scenario took.
    pub(crate) times: Vec<(&'static str, Duration)>,
}

impl Bench {
    pub(crate) fn new(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            connections: options.connections(),
            is_measured: options.is_measured(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            progress: Progress::new(options.scenarios().map(|scenario| scenario.steps).sum()),
            scenario: "",
            results: Results::default(),
        })
    }

    pub(crate) fn begin(&mut self, scenario: &'static Scenario) {
        self.scenario = scenario.name;
        self.progress.begin(scenario.name);
    }

    pub(crate) fn end(&mut self, scenario: &'static Scenario, took: Duration) {
        self.results.times.push((scenario.name, took));
        self.progress.aside(|| table::print(scenario, &self.results));
    }

    // ---- for scenarios --------------------------------------------------------------------------

    /// How many connections a server is to have, in scenarios that are about many.
    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Whether figures are wanted. If not, the least that shows that it works is enough.
    pub(crate) fn is_measured(&self) -> bool {
        self.is_measured
    }

    /// Where the client runs.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Starts the server of a variant of this scenario.
    pub(crate) fn server(&self, variant: &str) -> anyhow::Result<Server> {
        self.server_on(variant, Allocator::default())
    }

    /// The same, with its memory from there.
    pub(crate) fn server_on(&self, variant: &str, allocator: Allocator) -> anyhow::Result<Server> {
        Server::start(&format!("{}/{variant}", self.scenario), allocator)
    }

    /// Says what comes now; the scenario's `steps` are how often it does.
    pub(crate) fn step(&mut self, what: &str) {
        self.progress.step(what);
    }

    /// Records what a variant did in a case.
    pub(crate) fn row(
        &mut self,
        case: impl Into<String>,
        variant: &'static str,
        connections: usize,
        values: impl Into<Vec<(&'static Measure, f64)>>,
    ) {
        let (scenario, case, values) = (self.scenario, case.into(), values.into());
        self.results.rows.push(Row { scenario, case, variant, connections, values });
    }

    /// Records a curve.
    pub(crate) fn curve(&mut self, curve: Curve) {
        self.results.curves.push(curve);
    }
}

impl Results {
    pub(crate) fn rows_of(&self, scenario: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.scenario == scenario)
    }

    /// How long it took, once it is done.
    pub(crate) fn time_of(&self, scenario: &str) -> Option<Duration> {
        self.times.iter().find(|(name, _)| *name == scenario).map(|(_, time)| *time)
    }
}

impl Bench {
    pub(crate) fn results(&self) -> &Results {
        &self.results
    }
}
