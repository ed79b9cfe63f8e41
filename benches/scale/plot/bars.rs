//! Lying bars, each with its name before it and its value behind.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    row::{Measure, Row},
    table::number,
};

/// A bar for each row of a scenario that has the measure.
#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    pub(crate) measure: &'static Measure,
    /// Whether an equal step on the axis is an equal factor.
    pub(crate) is_log: bool,
}

// Pixels.
const WIDTH: i32 = 1000;
const LEFT: i32 = 330;
const RIGHT: i32 = 110;
const TOP: i32 = 80;
const BOTTOM: i32 = 30;
const BAR: i32 = 16;
const STEP: i32 = 20;
const CASE_GAP: i32 = 10;

/// Dark and light, so that they differ in grey too.
const OURS: RGBColor = RGBColor(0x14, 0x4a, 0x7c);
const STOCK: RGBColor = RGBColor(0xf0, 0xb4, 0x69);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

impl Bars {
    pub(super) fn draw(&self, rows: &[&Row]) -> anyhow::Result<String> {
        let bars: Vec<(&Row, f64)> =
            rows.iter().filter_map(|row| Some((*row, row.value(self.measure)?))).collect();
        let cases = bars.chunk_by(|(one, _), (other, _)| one.case == other.case).count() as i32;
        let bottom = TOP + bars.len() as i32 * STEP + cases * CASE_GAP;
        let axis = Axis::new(bars.iter().map(|(_, value)| *value), self.is_log);

        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (WIDTH as u32, (bottom + BOTTOM) as u32))
                .into_drawing_area();
            area.fill(&WHITE)?;
            self.draw_head(&area)?;
            for tick in &axis.ticks {
                let x = axis.x(*tick);
                area.draw(&PathElement::new([(x, TOP), (x, bottom)], GRID))?;
                area.draw(&Text::new(
                    number(*tick),
                    (x, bottom + 4),
                    font(12, HPos::Center, VPos::Top),
                ))?;
            }
            let mut top = TOP;
            let mut case = "";
            for (row, value) in bars {
                if std::mem::replace(&mut case, &row.case) != row.case {
                    top += CASE_GAP;
                }
                draw_bar(&area, top, row, value, axis.x(value))?;
                top += STEP;
            }
            area.present()?;
        }
        Ok(svg)
    }

    fn draw_head(&self, area: &Area<'_>) -> Result<(), Failure> {
        let scale = if self.is_log { ", each step ten times as much" } else { "" };
        let text = format!("{}: {} ({}){scale}", self.title, self.measure.name, self.measure.unit);
        area.draw(&Text::new(text, (20, 14), font(18, HPos::Left, VPos::Top)))?;
        for (x, colour, name) in [(20, STOCK, "stock"), (120, OURS, "leasehold")] {
            area.draw(&Rectangle::new([(x, 46), (x + 16, 60)], colour.filled()))?;
            area.draw(&Text::new(name, (x + 24, 53), font(14, HPos::Left, VPos::Center)))?;
        }
        Ok(())
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Failure = DrawingAreaErrorKind<std::io::Error>;

fn draw_bar(area: &Area<'_>, top: i32, row: &Row, value: f64, end: i32) -> Result<(), Failure> {
    let middle = top + BAR / 2;
    let name = format!("{}: {} (N {})", row.case, row.variant, number(row.connections as f64));
    let colour = if row.is_ours() { OURS } else { STOCK };
    area.draw(&Text::new(name, (LEFT - 8, middle), font(13, HPos::Right, VPos::Center)))?;
    area.draw(&Rectangle::new([(LEFT, top), (end.max(LEFT + 1), top + BAR)], colour.filled()))?;
    area.draw(&Text::new(number(value), (end + 6, middle), font(13, HPos::Left, VPos::Center)))
}

fn font(size: i32, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(horizontal, vertical))
}

/// From values to pixels.
struct Axis {
    is_log: bool,
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64> + Clone, is_log: bool) -> Self {
        let most = values.clone().fold(f64::MIN_POSITIVE, f64::max);
        if is_log {
            let least = values.filter(|value| *value > 0.0).fold(most, f64::min);
            let (from, to) = (least.log10().floor(), most.log10().ceil());
            let ticks = (from as i32..=to as i32).map(|power| 10_f64.powi(power)).collect();
            return Self { is_log, from, to: to.max(from + 1.0), ticks };
        }
        // One, two or five times a power of ten, and five ticks or so.
        let power = 10_f64.powf((most / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| step * 6.0 >= most);
        let step = step.unwrap_or(most);
        let ticks: Vec<f64> =
            (0..=(most / step).ceil() as i32).map(|index| f64::from(index) * step).collect();
        Self { is_log, from: 0.0, to: ticks.last().copied().unwrap_or(most), ticks }
    }

    fn x(&self, value: f64) -> i32 {
        let at = if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = ((at - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        LEFT + (share * f64::from(WIDTH - LEFT - RIGHT)) as i32
    }
}
