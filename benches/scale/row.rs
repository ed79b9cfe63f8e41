//! A row of figures, and what they measure.

/// What a figure measures.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
}

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
    /// They are not compared.
    Neither,
}

impl Measure {
    pub(crate) const fn new(name: &'static str, unit: &'static str, better: Better) -> Self {
        Self { name, unit, better }
    }
}

/// What one variant did in one case.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    /// Rows of the same case are compared.
    pub(crate) case: String,
    pub(crate) variant: &'static str,
    pub(crate) connections: usize,
    pub(crate) values: Vec<(&'static Measure, f64)>,
}

impl Row {
    pub(crate) fn is_ours(&self) -> bool {
        is_ours(self.variant)
    }

    pub(crate) fn value(&self, measure: &Measure) -> Option<f64> {
        self.values.iter().find(|(other, _)| *other == measure).map(|(_, value)| *value)
    }

    /// A value as a ratio to the best one of the others in its case that are not ours.
    pub(crate) fn ratio(&self, measure: &Measure, rows: &[Self]) -> Option<f64> {
        let rivals = rows
            .iter()
            .filter(|row| row.scenario == self.scenario && row.case == self.case && !row.is_ours());
        let values = rivals.filter_map(|row| row.value(measure));
        let best = match measure.better {
            Better::Less => values.min_by(f64::total_cmp),
            Better::More => values.max_by(f64::total_cmp),
            Better::Neither => None,
        }?;
        let ratio = self.value(measure)? / best;
        ratio.is_finite().then_some(ratio)
    }
}

/// Whether a variant is this crate; it has the crate's name then.
pub(crate) fn is_ours(variant: &str) -> bool {
    variant.starts_with("leasehold")
}
