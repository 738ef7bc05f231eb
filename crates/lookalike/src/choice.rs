//! Which metric a run computes, and the ones it computes when none is named.

use lookalike_core::Metric;

use crate::error::Result;

/// A metric, or the choice between two by the size of the pair.
pub struct Choice {
    metric: Box<dyn Metric>,
    below: Option<(usize, Box<dyn Metric>)>,
    on_demand: bool,
}

impl Choice {
    /// One metric at every size.
    pub fn fixed(metric: Box<dyn Metric>) -> Self {
        Self { metric, below: None, on_demand: false }
    }

    /// One metric, for the pairs that have a gate on it.
    pub fn for_gates(metric: Box<dyn Metric>) -> Self {
        Self { metric, below: None, on_demand: true }
    }

    /// `small` when the shorter side is below `side`, else `large`.
    pub fn by_size(large: Box<dyn Metric>, side: usize, small: Box<dyn Metric>) -> Self {
        Self { metric: large, below: Some((side, small)), on_demand: false }
    }

    /// The metric for pictures of a size.
    pub fn at(&self, width: usize, height: usize) -> &dyn Metric {
        match &self.below {
            Some((side, small)) if width.min(height) < *side => small.as_ref(),
            _ => self.metric.as_ref(),
        }
    }

    /// The metric for pictures whose shorter side is below a limit, and that limit.
    pub fn small(&self) -> Option<(usize, &dyn Metric)> {
        self.below.as_ref().map(|(side, metric)| (*side, metric.as_ref()))
    }

    /// The metric for large pictures, and the one for small ones.
    pub(crate) fn both(&self) -> impl Iterator<Item = &dyn Metric> {
        std::iter::once(self.metric()).chain(self.small().map(|(_, metric)| metric))
    }

    /// Whether it is computed only for pairs that have a gate on it.
    pub(crate) fn is_on_demand(&self) -> bool {
        self.on_demand
    }

    /// The metric for large pictures, which gives the choice its name.
    pub fn metric(&self) -> &dyn Metric {
        self.metric.as_ref()
    }
}

/// The metrics that are used when none is named: `ssim`, `ms-ssim` (`@small` below 161 pixels),
/// `psnr` and `ssimulacra2`.
///
/// # Errors
/// Never in a complete build; the registry's errors are passed on.
pub fn default_metrics() -> Result<Vec<Choice>> {
    Ok(vec![
        Choice::fixed(crate::metric("ssim")?),
        Choice::by_size(crate::metric("ms-ssim")?, 161, crate::metric("ms-ssim@small")?),
        Choice::fixed(crate::metric("psnr")?),
        Choice::fixed(crate::metric("ssimulacra2")?),
    ])
}
