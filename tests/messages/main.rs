//! What the compiler says to a user who serves the wrong thing: this crate's message, label and
//! notes, whatever else a version of the compiler prints around them.

mod build;
mod case;
mod diagnostic;

use std::{path::Path, sync::Mutex, thread};

use crate::{build::Build, case::Case};

/// All cases of the folder, by name.
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages/cases");
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|file| Case::read(&file.expect("a file").path()))
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

/// The build that the case compiles with which is right.
fn build(cases: &[Case]) -> Build {
    let served = cases.iter().find(|case| case.name == "served").expect("the case that compiles");
    Build::find(&served.source)
}

#[test]
fn the_compiler_says_what_is_wrong_and_what_to_write() {
    let cases = cases();
    let build = build(&cases);
    let (left, wrong) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    let work = || {
        while let Some(case) = { left.lock().expect("no panic").next() } {
            if let Err(said) = case.verdict(&build.compile(&case.source)) {
                wrong.lock().expect("no panic").push(format!("== {}: {said}", case.name));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(cases.len()));
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// A verdict that is always good would prove nothing.
#[test]
fn a_case_that_expects_something_else_fails() {
    let cases = cases();
    let build = build(&cases);
    let case = cases.iter().find(|case| case.name == "listener_of_std").expect("the case");
    let said = build.compile(&case.source);
    case.verdict(&said).expect("it says what the case expects");
    for (before, after) in [
        ("//! message: `", "//! message: no `"),
        ("//! label: connections", "//! label: no connections"),
        ("//! note: a listener", "//! note: no listener"),
    ] {
        let source = case.source.replacen(before, after, 1);
        assert_ne!(source, case.source);
        Case::new("something_else", source).verdict(&said).expect_err(after);
    }
    Case::new("something_else", "//! compiles".to_owned()).verdict(&said).expect_err("compiles");
    case.verdict(&[]).expect_err("it does not compile");
}
