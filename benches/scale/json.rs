//! All figures, for programs.

use std::{fs, path::Path};

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::{
    bench::Results,
    curve::Curve,
    machine::Machine,
    options::Options,
    row::{Row, is_ours},
};

/// Writes them to a file, in place of what is there.
pub(crate) fn write(
    path: &Path,
    machine: &Machine,
    options: &Options,
    results: &Results,
) -> anyhow::Result<()> {
    let Machine { cpu, cores, kernel, memory, memory_available, load } = machine;
    let seconds: Map<String, Value> = results
        .times
        .iter()
        .map(|(name, time)| ((*name).into(), time.as_secs_f64().into()))
        .collect();
    let all = json!({
        "machine": {
            "cpu": cpu, "cores": cores, "kernel": kernel, "memory_bytes": memory,
            "memory_available_bytes": memory_available, "load": load,
        },
        "connections": options.connections(),
        "is_measured": options.is_measured(),
        "seconds": seconds,
        "rows": results.rows.iter().map(|row| row_value(row, &results.rows)).collect::<Vec<_>>(),
        "curves": results.curves.iter().map(curve_value).collect::<Vec<_>>(),
    });
    fs::write(path, format!("{all:#}\n"))
        .with_context(|| format!("cannot write to {}", path.display()))
}

fn row_value(row: &Row, rows: &[Row]) -> Value {
    let values = row.values.iter().map(|(measure, value)| {
        let ratio = row.ratio(measure, rows);
        json!({ "name": measure.name, "unit": measure.unit, "value": value, "ratio_to_best_stock": ratio })
    });
    json!({
        "scenario": row.scenario, "case": row.case, "variant": row.variant, "is_ours": row.is_ours(),
        "connections": row.connections, "values": values.collect::<Vec<_>>(),
    })
}

fn curve_value(curve: &Curve) -> Value {
    json!({
        "plot": curve.plot, "variant": curve.variant, "is_ours": is_ours(curve.variant),
        "connections": curve.connections, "points": curve.points,
    })
}
