//! A differential test against stock hyper: scripts of raw bytes, and from every server the same
//! bytes back (Date aside) and the same end.
//!
//! A server that takes connections apart between requests and loses track of where a request ends
//! answers bytes of a body as if they were a request (request smuggling), or cuts a response. So
//! each script is played against stock hyper and against the server under test at once, and the two
//! transcripts are compared. To see that the scripts would notice, a small server that parks leaves
//! out one condition after another, and some script must fail. `.ci/seeded parking` does the same
//! to the server under test.

mod careless;
mod condition;
mod judge;
mod player;
mod script;
mod scripts;
mod servers;
mod service;
mod transcript;

use self::{
    careless::careless,
    condition::Condition,
    judge::failing_scripts,
    servers::{Manner, Setting, ours, stock},
};

/// Where heads are small, stock hyper leaves bytes of these unread, and the system resets the
/// connection. `http::serve` reads them: a reset could lose an answer.
const ENDS_IN_ORDER: [&str; 1] = ["too long trailers"];

async fn every_script_runs_as_on_stock_hyper(setting: Setting, manner: Manner) {
    let mut failing = failing_scripts(&stock(setting), &ours(setting, manner)).await;
    if matches!(setting, Setting::SmallHeads) {
        failing.retain(|name| !ENDS_IN_ORDER.contains(name));
    }
    assert!(
        failing.is_empty(),
        "{} of {} scripts differ: {failing:#?}",
        failing.len(),
        scripts::all().len()
    );
}

#[tokio::test]
async fn every_script_runs_as_on_stock_hyper_on_connections_that_are_parked_at_once() {
    every_script_runs_as_on_stock_hyper(Setting::Default, Manner::Parked).await;
}

#[tokio::test]
async fn every_script_runs_as_on_stock_hyper_on_connections_that_linger() {
    every_script_runs_as_on_stock_hyper(Setting::Default, Manner::Lingering).await;
}

#[tokio::test]
async fn every_script_runs_as_on_stock_hyper_out_of_a_pool() {
    every_script_runs_as_on_stock_hyper(Setting::Default, Manner::Pooled).await;
}

#[tokio::test]
async fn every_script_runs_as_on_stock_hyper_without_keep_alive() {
    every_script_runs_as_on_stock_hyper(Setting::NoKeepAlive, Manner::Parked).await;
}

#[tokio::test]
async fn every_script_runs_as_on_stock_hyper_where_heads_are_small() {
    every_script_runs_as_on_stock_hyper(Setting::SmallHeads, Manner::Parked).await;
}

#[tokio::test]
async fn the_least_server_that_parks_rightly_passes_every_script() {
    let stock = stock(Setting::Default);
    assert_eq!(failing_scripts(&stock, &careless(None)).await, [""; 0]);
}

#[tokio::test]
async fn each_condition_of_parking_is_needed_by_a_script() {
    let stock = stock(Setting::Default);
    for (condition, script) in Condition::NEEDED {
        let failing = failing_scripts(&stock, &careless(Some(condition))).await;
        println!("without {condition:?}: {} scripts fail: {failing:#?}", failing.len());
        assert!(failing.contains(&script), "without {condition:?}: {script}");
    }
}

#[test]
fn names_of_scripts_are_unique() {
    let mut names: Vec<_> = scripts::all().iter().map(|script| script.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 40, "{count} scripts");
}
