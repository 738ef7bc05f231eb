//! Gates: rules such as `ssim>=0.95` that every pair must meet.
//!
//! A bound must point the way the metric points: `ssim<=0.95` would pass the worst pictures and
//! fail the best, so it is refused rather than obeyed.

use std::fmt;

use lookalike_core::{Direction, MetricId};

use crate::error::{Error, Result};

/// How a value is held against the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
}

impl Comparator {
    fn as_str(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
        }
    }

    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtLeast => value >= bound,
            Self::Above => value > bound,
            Self::AtMost => value <= bound,
            Self::Below => value < bound,
        }
    }
}

/// A rule that a pair meets or fails.
///
/// ```
/// use lookalike::Gate;
/// let gate = Gate::parse("ssim>=0.95")?;
/// assert_eq!(gate.to_string(), "ssim@wang>=0.95");
/// assert!(gate.passes(0.96) && !gate.passes(0.94));
/// assert!(Gate::parse("ssim<=0.95").unwrap_err().to_string().contains("higher is better"));
/// # Ok::<(), lookalike::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    id: MetricId,
    comparator: Comparator,
    bound: f64,
}

/// A gate as it was typed: well formed, its metric not yet looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct GateSyntax {
    /// The metric's name as given.
    pub metric: MetricId,
    /// The comparison.
    pub comparator: Comparator,
    /// The bound, a finite number.
    pub bound: f64,
}

impl GateSyntax {
    /// Reads `ID OP X`; blanks around the operator are allowed.
    ///
    /// # Errors
    /// [`Error::Gate`], and [`Error::Core`] for a malformed id.
    pub fn parse(rule: &str) -> Result<Self> {
        let wrong = |reason: String| Error::Gate { rule: shortened(rule), reason };
        let Some(at) = rule.find(['<', '>']) else {
            return Err(wrong("expected METRIC OP NUMBER with OP one of >=, >, <=, <".to_owned()));
        };
        let (metric, rest) = rule.split_at(at);
        let (comparator, bound) = match (rest.strip_prefix(">="), rest.strip_prefix("<=")) {
            (Some(bound), _) => (Comparator::AtLeast, bound),
            (_, Some(bound)) => (Comparator::AtMost, bound),
            _ if rest.starts_with('>') => (Comparator::Above, &rest[1..]),
            _ => (Comparator::Below, &rest[1..]),
        };
        let metric = metric.trim().parse()?;
        match bound.trim().parse::<f64>() {
            Ok(bound) if bound.is_finite() => Ok(Self { metric, comparator, bound }),
            _ => {
                Err(wrong(format!("expected a finite number, found '{}'", shortened(bound.trim()))))
            }
        }
    }
}

impl Gate {
    /// Reads a rule and looks its metric up.
    ///
    /// # Errors
    /// As [`GateSyntax::parse`] and [`Gate::new`].
    pub fn parse(rule: &str) -> Result<Self> {
        Self::new(&GateSyntax::parse(rule)?)
    }

    /// Looks the metric of a rule up and checks that the bound points its way.
    ///
    /// # Errors
    /// [`Error::Gate`] for a bound against the metric's direction; [`Error::Core`] for an unknown
    /// metric.
    pub fn new(syntax: &GateSyntax) -> Result<Self> {
        let metric = crate::metric(&syntax.metric.to_string())?;
        let fitting = match metric.direction() {
            Direction::HigherIsBetter => [Comparator::AtLeast, Comparator::Above],
            Direction::LowerIsBetter => [Comparator::AtMost, Comparator::Below],
        };
        let gate =
            Self { id: metric.id().clone(), comparator: syntax.comparator, bound: syntax.bound };
        if fitting.contains(&syntax.comparator) {
            return Ok(gate);
        }
        Err(Error::Gate {
            rule: gate.to_string(),
            reason: format!(
                "of {} {} is better, so the bound must be written with {} or {}",
                gate.id,
                metric.direction(),
                fitting[0].as_str(),
                fitting[1].as_str()
            ),
        })
    }

    /// The full id of the metric.
    pub fn id(&self) -> &MetricId {
        &self.id
    }

    /// Whether a value meets the rule.
    pub fn passes(&self, value: f64) -> bool {
        self.comparator.holds(value, self.bound)
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.id, self.comparator.as_str(), self.bound)
    }
}

fn shortened(rule: &str) -> String {
    rule.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_operator() {
        for (rule, shown) in [
            ("psnr >= 30", "psnr>=30"),
            ("psnr>30.5", "psnr>30.5"),
            ("mse<=1e-3", "mse<=0.001"),
            (" mse < 1 ", "mse<1"),
        ] {
            assert_eq!(Gate::parse(rule).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn bounds_hold_as_written() {
        assert!(Gate::parse("psnr>=30").unwrap().passes(30.0));
        assert!(!Gate::parse("psnr>30").unwrap().passes(30.0));
        assert!(Gate::parse("psnr>30").unwrap().passes(f64::INFINITY));
        assert!(!Gate::parse("mse<0").unwrap().passes(0.0));
    }

    #[test]
    fn refuses_what_cannot_be_meant() {
        for (rule, part) in [
            ("psnr", "expected METRIC OP NUMBER"),
            ("psnr>=", "finite number"),
            ("psnr>=nan", "finite number"),
            ("psnr>=inf", "finite number"),
            ("psnr=>3", "not a metric id"),
            (">=3", "not a metric id"),
            ("nothing>=3", "no metric is called"),
            ("psnr<=30", "higher is better"),
            ("mse>=0.1", "lower is better"),
        ] {
            let message = Gate::parse(rule).unwrap_err().to_string();
            assert!(message.contains(part), "{rule}: {message}");
        }
    }
}
