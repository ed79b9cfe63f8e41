//! Figures as pictures.

mod bars;
mod lines;

use std::{fs, path::Path};

use anyhow::Context;

pub(crate) use self::{bars::Bars, lines::Lines};
use crate::{bench::Results, scenario::Scenario};

/// What to draw.
#[derive(Debug)]
pub(crate) enum Plot {
    Bars(Bars),
    Lines(Lines),
}

/// Draws all plots of these scenarios, into a directory that is there.
pub(crate) fn write(
    dir: &Path,
    scenarios: impl Iterator<Item = &'static Scenario>,
    results: &Results,
) -> anyhow::Result<()> {
    for scenario in scenarios {
        for plot in scenario.plots {
            let (file, svg) = match plot {
                Plot::Bars(bars) => {
                    (bars.file, bars.draw(&results.rows_of(scenario.name).collect::<Vec<_>>()))
                }
                Plot::Lines(lines) => (lines.file, lines.draw(&results.curves)),
            };
            let path = dir.join(file);
            let svg = svg.with_context(|| format!("cannot draw {file}"))?;
            fs::write(&path, svg).with_context(|| format!("cannot write to {}", path.display()))?;
        }
    }
    Ok(())
}
