//! Rules on scores that every model must meet, such as `hr@9>=0.3`.

use anyhow::bail;
use lookalike_discover::evaluation::record::{GateRecord, Report};

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gate {
    metric: String,
    strict: bool,
    bound: f64,
}

impl Gate {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a rule such as hr@9>=0.3, found '{text}'");
        let (metric, rest) = text.split_once('>').ok_or_else(wrong)?;
        let (strict, bound) = match rest.strip_prefix('=') {
            Some(bound) => (false, bound),
            None => (true, rest),
        };
        let bound: f64 = bound.trim().parse().map_err(|_| wrong())?;
        if metric.trim().is_empty() || !bound.is_finite() {
            return Err(wrong());
        }
        Ok(Self { metric: metric.trim().to_owned(), strict, bound })
    }

    pub(super) fn check(&self, report: &Report) -> anyhow::Result<GateRecord> {
        let mut failures = Vec::new();
        for model in &report.models {
            let Some(score) = model.score(&self.metric) else {
                bail!(
                    "gate '{}': {} has no score of this name; there are {}",
                    self.rule(),
                    model.id,
                    model.names().join(", ")
                );
            };
            if !(score > self.bound || (!self.strict && score == self.bound)) {
                failures.push(model.id.clone());
            }
        }
        let (checked, failed) = (report.models.len(), failures.len());
        Ok(GateRecord { rule: self.rule(), checked, failed, failures })
    }

    fn rule(&self) -> String {
        format!("{}{}{}", self.metric, if self.strict { ">" } else { ">=" }, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_a_name_and_a_bound() {
        let gate = Gate::parse("hr@9 >= 0.3").unwrap();
        assert_eq!((gate.rule().as_str(), gate.strict), ("hr@9>=0.3", false));
        assert!(Gate::parse("dcs>0.5").unwrap().strict);
        for text in ["", "hr@9", "hr@9<1", ">=1", "hr@9>=x", "hr@9>=inf"] {
            assert!(Gate::parse(text).is_err(), "{text}");
        }
    }
}
