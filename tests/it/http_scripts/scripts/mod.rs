//! The scripts, by what they are about.

mod bodies;
mod ends;
mod expectations;
mod failures;
mod garbage;
mod heads;
mod lengths;
mod own_heads;
mod responses;
mod rests;
mod trailers;
mod unread;
mod upgrades;
mod versions;

use crate::http_scripts::script::Script;

/// Every script.
pub(crate) fn all() -> Vec<Script> {
    [
        heads::scripts(),
        versions::scripts(),
        bodies::scripts(),
        unread::scripts(),
        expectations::scripts(),
        responses::scripts(),
        own_heads::scripts(),
        trailers::scripts(),
        failures::scripts(),
        upgrades::scripts(),
        garbage::scripts(),
        lengths::scripts(),
        ends::scripts(),
        rests::scripts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
