//! `Diagnostic`: one error of the compiler.

use serde_json::Value;

/// One error of the compiler, with what it says at the places and below them.
#[derive(Debug)]
pub(crate) struct Diagnostic {
    pub(crate) message: String,
    pub(crate) labels: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Diagnostic {
    /// The errors in what `rustc --error-format=json` prints, in order.
    pub(crate) fn read(printed: &str) -> Vec<Self> {
        printed
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Value| {
                line["level"] == "error" && line["spans"] != Value::Array([].into())
            })
            .map(|error| Self {
                message: text(&error["message"]),
                labels: texts(&error["spans"], "label"),
                notes: texts(&error["children"], "message"),
            })
            .collect()
    }
}

fn texts(list: &Value, key: &str) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|value| text(&value[key])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
