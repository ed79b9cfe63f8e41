//! Our frames against tungstenite's: broken streams give both the same messages, and both fail, but
//! for the differences of a table.
//!
//! Streams are valid frames with a few bytes changed, lost, doubled or made up, and are read in
//! pieces. `LEASEHOLD_SEED` repeats a run. Those that are worth it are in `corpus.txt`, and are cut
//! at every byte.

mod compare;
mod corpus;
mod difference;
mod mutation;
mod ours;
mod outcome;
mod stream;
mod theirs;

use crate::support::transport;

use std::collections::BTreeMap;

use leasehold::{Pool, ws::Role};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::ws_fuzz::{
    compare::compare,
    corpus::corpus,
    difference::Difference,
    mutation::mutate,
    outcome::{Outcome, Seen},
    stream::frames,
};

const STREAMS: usize = 20_000;

#[tokio::test(start_paused = true)]
async fn random_streams_give_the_same_messages() {
    let pool = Pool::new(16 << 20).unwrap();
    let mut dice = SmallRng::seed_from_u64(transport::seed());
    let (mut differences, mut agreed) = (BTreeMap::new(), [0; 2]);
    for _ in 0..STREAMS {
        let role = if dice.random() { Role::Server } else { Role::Client };
        let mut bytes = frames(role, &mut dice);
        mutate(&mut bytes, &mut dice);
        let cut = if dice.random() {
            bytes.len().max(1)
        } else {
            dice.random_range(1..=bytes.len().max(1))
        };
        match compare(role, &bytes, cut, &pool).await {
            Some(difference) => *differences.entry(difference).or_insert(0) += 1,
            None => agreed[usize::from(theirs::read(role, &bytes, cut).is_failed())] += 1,
        }
    }
    println!(
        "both received all of {} streams, both refused {}; they differ in {differences:?}",
        agreed[0], agreed[1]
    );
    assert!(agreed.iter().all(|count| *count >= STREAMS / 10), "streams of both kinds: {agreed:?}");
}

#[tokio::test(start_paused = true)]
async fn streams_of_the_corpus_give_the_same_messages_wherever_they_are_cut() {
    let pool = Pool::new(16 << 20).unwrap();
    let mut seen = BTreeMap::new();
    for (name, role, bytes, difference) in corpus() {
        for cut in 1..=bytes.len().max(1) {
            let found = compare(role, &bytes, cut, &pool).await;
            assert_eq!(found, difference, "{name}, in pieces of {cut}");
            // And ours in two pieces: the same as in one.
            let whole = ours::read(role, &bytes, usize::MAX, &pool).await;
            assert_eq!(
                ours::read_in_two(role, &bytes, cut.min(bytes.len()), &pool).await,
                whole,
                "{name}, cut at {cut}"
            );
        }
        if let Some(difference) = difference {
            *seen.entry(difference).or_insert(0) += 1;
        }
    }
    assert_eq!(
        seen.into_keys().collect::<Vec<_>>(),
        Difference::ALL,
        "each of the table is shown by a stream"
    );
}

#[test]
fn an_outcome_is_compared_whole() {
    let outcome = |messages: &[&str], failure: Option<&str>| Outcome {
        messages: messages.iter().map(|text| text.as_bytes().to_vec()).map(Seen::Text).collect(),
        failure: failure.map(str::to_owned),
    };
    assert_eq!(outcome(&["a"], Some("why")), outcome(&["a"], Some("another why")));
    assert_ne!(outcome(&["a"], None), outcome(&["a"], Some("why")));
    assert_ne!(outcome(&["a", "b"], None), outcome(&["a"], None));
}
