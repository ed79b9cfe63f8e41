//! What the suite says of each case, and what it is expected to say.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

/// A line for each case whose verdict is not OK: its name, what became of it, and how it was
/// closed. All others are OK twice.
const EXPECTED: &str = include_str!("expected.txt");

/// Compares the reports with what is expected; `others` are the cases that the suite was not asked
/// for.
pub(crate) fn assert_expected(reports: &Path, count: usize) {
    let index = std::fs::read(reports.join("index.json")).expect("the suite writes an index");
    let index: Value = serde_json::from_slice(&index).expect("the index is JSON");
    let agents: Vec<_> = index.as_object().expect("a map of agents").values().collect();
    let [agent] = agents[..] else { panic!("one peer was tested, not {}", agents.len()) };
    let cases = agent.as_object().expect("a map of cases");
    let text = |of: &Value, key: &str| of[key].as_str().unwrap_or("nothing").to_owned();
    let verdict = |case: &Value| (text(case, "behavior"), text(case, "behaviorClose"));

    let expected: BTreeMap<&str, (String, String)> = EXPECTED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let name = line.split_whitespace().next().expect("a name");
            (
                name,
                (words.nth(1).expect("a verdict"), words.next().expect("a verdict of the close")),
            )
        })
        .collect();
    let ok = ("OK".to_owned(), "OK".to_owned());
    let mut wrong = Vec::new();
    for (name, case) in cases {
        let (found, wanted) = (verdict(case), expected.get(&name[..]).unwrap_or(&ok));
        if found != *wanted {
            wrong.push(format!("{name}: {found:?}, expected {wanted:?}"));
        }
    }
    let mut counts = BTreeMap::<String, usize>::new();
    cases.values().for_each(|case| *counts.entry(text(case, "behavior")).or_default() += 1);
    println!("{} cases: {counts:?}", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases.len(), count, "all cases were played");
}
