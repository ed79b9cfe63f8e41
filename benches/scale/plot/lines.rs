//! Curves over one axis.

use plotters::prelude::*;

use crate::{curve::Curve, row::is_ours, table::number};

/// A line for each [`Curve`] of this file.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    /// What the axes are, with units.
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
}

/// From light to dark, so that they differ in grey too; ours are darker than all of these.
const STOCK: [RGBColor; 4] = [
    RGBColor(0xf0, 0xb4, 0x69),
    RGBColor(0xd9, 0x6b, 0x3b),
    RGBColor(0xa8, 0x32, 0x4a),
    RGBColor(0x6b, 0x1f, 0x4f),
];
const OURS: [RGBColor; 4] = [
    RGBColor(0x14, 0x4a, 0x7c),
    RGBColor(0x1f, 0x7a, 0x8c),
    RGBColor(0x0b, 0x2d, 0x4d),
    RGBColor(0x5b, 0xa3, 0xb5),
];

/// Above the highest point there is room for the names.
const HEADROOM: f64 = 1.5;

impl Lines {
    pub(super) fn draw(&self, curves: &[Curve]) -> anyhow::Result<String> {
        let curves: Vec<&Curve> = curves.iter().filter(|curve| curve.plot == self.file).collect();
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let x_max = points().map(|(x, _)| *x).fold(f64::MIN_POSITIVE, f64::max);
        let y_max = points().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max);

        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (1000, 560)).into_drawing_area();
            area.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&area)
                .caption(self.title, ("sans-serif", 20))
                .margin(16)
                .x_label_area_size(46)
                .y_label_area_size(90)
                .build_cartesian_2d(0.0..x_max, 0.0..y_max * HEADROOM)?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .x_desc(self.x)
                .y_desc(self.y)
                .x_label_formatter(&|x| number(*x))
                .y_label_formatter(&|y| number(*y))
                .label_style(("sans-serif", 13))
                .axis_desc_style(("sans-serif", 15))
                .draw()?;
            let mut counts = [0; 2];
            for curve in curves {
                let ours = is_ours(curve.variant);
                let index = counts[usize::from(ours)];
                counts[usize::from(ours)] += 1;
                let colour = if ours { OURS } else { STOCK }[index % 4];
                let style = colour.stroke_width(if ours { 4 } else { 2 });
                // Each of a kind has dashes of its own.
                let gap = if index == 0 { 0 } else { 3 * index as i32 };
                let line = DashedLineSeries::new(curve.points.iter().copied(), 12, gap, style);
                let name = format!("{} (N {})", curve.variant, number(curve.connections as f64));
                chart
                    .draw_series(line)?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .legend_area_size(32)
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK)
                .label_font(("sans-serif", 14))
                .draw()?;
            area.present()?;
        }
        Ok(svg)
    }
}
