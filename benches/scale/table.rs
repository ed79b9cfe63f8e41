//! Rows as text.

use crate::{
    bench::Results,
    row::{Better, Measure, Row},
    scenario::Scenario,
};

/// Prints the table of a scenario that is done.
pub(crate) fn print(scenario: &Scenario, results: &Results) {
    println!("\n{}: {}", scenario.name, scenario.about);
    if let Some(time) = results.time_of(scenario.name) {
        println!(
            "in {:.0} s; in brackets the ratio to the best one of its case that is not ours",
            time.as_secs_f64()
        );
    }
    let rows: Vec<&Row> = results.rows_of(scenario.name).collect();
    let measures = measures(&rows);
    let mut lines = vec![head(&measures)];
    let mut case = "";
    for row in rows {
        // A case is named once.
        let shown =
            if std::mem::replace(&mut case, &row.case) == row.case { "" } else { &row.case };
        let values = measures.iter().map(|measure| cell(row, measure, &results.rows));
        lines.push(
            [shown.into(), row.variant.into(), number(row.connections as f64)]
                .into_iter()
                .chain(values)
                .collect(),
        );
    }
    print_aligned(&lines);
}

/// Those of all rows, in the order in which they come.
fn measures(rows: &[&Row]) -> Vec<&'static Measure> {
    let mut measures = Vec::new();
    for (measure, _) in rows.iter().flat_map(|row| &row.values) {
        if !measures.contains(measure) {
            measures.push(*measure);
        }
    }
    measures
}

fn head(measures: &[&Measure]) -> Vec<String> {
    let names = measures.iter().map(|measure| match measure.unit {
        "" => measure.name.into(),
        unit => format!("{}, {unit}", measure.name),
    });
    ["".into(), "".into(), "N".into()].into_iter().chain(names).collect()
}

fn cell(row: &Row, measure: &Measure, rows: &[Row]) -> String {
    let Some(value) = row.value(measure) else { return "-".into() };
    match row.ratio(measure, rows) {
        Some(ratio) => format!("{} {:>7}", number(value), format!("({})", ratio_text(ratio))),
        None if measure.better == Better::Neither => number(value),
        None => format!("{}        ", number(value)),
    }
}

/// In five characters at most.
fn ratio_text(ratio: f64) -> String {
    match ratio {
        ..10.0 => format!("{ratio:.3}"),
        ..1000.0 => format!("{ratio:.1}"),
        // To next to nothing.
        _ => ">999".into(),
    }
}

/// Three digits at least of what is not whole; thousands apart.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        whole if whole.fract() == 0.0 => 0,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) =
        text.split_once('.').map_or((&text[..], None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    rest.map_or(grouped.clone(), |rest| format!("{grouped}.{rest}"))
}

/// Words to the left, numbers to the right.
fn print_aligned(lines: &[Vec<String>]) {
    const WORDS: usize = 2;
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    for line in lines {
        let cells =
            line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                ..WORDS => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
