//! `Case`: a program, and what the compiler is to say of it.

use std::path::Path;

use crate::diagnostic::Diagnostic;

/// A program whose head says what the compiler is to say of it: `compiles`, or a `message` with
/// its `label` and `note`s. An ellipsis stands for any text: compilers write types in many ways.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) source: String,
}

impl Case {
    pub(crate) fn new(name: &str, source: String) -> Self {
        Self { name: name.to_owned(), source }
    }

    pub(crate) fn read(path: &Path) -> Self {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        Self::new(name, std::fs::read_to_string(path).expect("text"))
    }

    /// Whether the first error is the one that is expected; if not, what is wrong.
    pub(crate) fn verdict(&self, said: &[Diagnostic]) -> Result<(), String> {
        let messages = self.expected("message");
        if self.source.lines().any(|line| line == "//! compiles") {
            return said.is_empty().then_some(()).ok_or(format!("does not compile: {said:#?}"));
        }
        assert_eq!(messages.len(), 1, "{} expects one message, or that it compiles", self.name);
        let Some(first) = said.first() else { return Err("compiles".to_owned()) };
        let is_said = is_like(messages[0], &first.message)
            && is_among(&self.expected("label"), &first.labels)
            && is_among(&self.expected("note"), &first.notes);
        is_said.then_some(()).ok_or(format!("says something else: {first:#?}"))
    }

    /// What the head says of `key`.
    fn expected(&self, key: &str) -> Vec<&str> {
        let lines = self.source.lines().filter_map(|line| line.strip_prefix("//! "));
        lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).collect()
    }
}

fn is_among(expected: &[&str], said: &[String]) -> bool {
    expected.iter().all(|expected| said.iter().any(|said| is_like(expected, said)))
}

/// Whether `said` is `expected`, with any text in place of each ellipsis.
fn is_like(expected: &str, said: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}
