//! Rules on scores: agreement with people, of which more is always better whatever the metric's direction.

use anyhow::bail;
use lookalike::{Comparator, GateSyntax};

use super::record::GateRecord;

pub(super) struct ScoreGate {
    /// Which of the run's metrics.
    metric: usize,
    strict: bool,
    bound: f64,
    rule: String,
}

impl ScoreGate {
    /// Reads `ID>=X` or `ID>X`; the metric must be among `ids`.
    pub(super) fn parse(rule: &str, ids: &[String]) -> anyhow::Result<Self> {
        let syntax = GateSyntax::parse(rule)?;
        if syntax.pooling.is_some() {
            bail!("gate '{rule}': a score has no map to be pooled; expected ID>=X");
        }
        let strict = match syntax.comparator {
            Comparator::AtLeast => false,
            Comparator::Above => true,
            Comparator::AtMost | Comparator::Below => {
                bail!("gate '{rule}': a higher score is better, so expected >= or >")
            }
        };
        let named = syntax.metric.to_string();
        let id =
            if ids.contains(&named) { named } else { lookalike::look_up(&named)?.0.to_string() };
        let Some(metric) = ids.iter().position(|known| *known == id) else {
            bail!("gate '{rule}': {id} is not among the metrics; add it to -m");
        };
        let sign = if strict { ">" } else { ">=" };
        let bound = syntax.bound;
        Ok(Self { metric, strict, bound, rule: format!("{id}{sign}{bound}") })
    }

    pub(super) fn check(&self, scores: &[f64]) -> GateRecord {
        let passed = scores.get(self.metric).is_some_and(|&score| {
            if self.strict { score > self.bound } else { score >= self.bound }
        });
        GateRecord { rule: self.rule.clone(), checked: 1, failed: usize::from(!passed) }
    }
}
