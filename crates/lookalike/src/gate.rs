//! Gates: rules such as `ssim>=0.95` or `ssim.worst32>=0.9` that every pair must meet.
//!
//! A bound must point the way the metric points: `ssim<=0.95` would pass the worst pictures and
//! fail the best, so it is refused rather than obeyed. The bound on a [`Pooling`] of a map must
//! point the way of the map, which for some metrics is another (`psnr>=40`, but
//! `psnr.worst32<=0.001`: its map holds squared errors).

use std::fmt;

use lookalike_core::{Direction, MetricId};

use crate::error::{Error, Result};
use crate::pooling::{Pooling, map_direction};

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
/// assert_eq!(Gate::parse("ssim.worst32>=0.9")?.to_string(), "ssim@wang.worst32>=0.9");
/// # Ok::<(), lookalike::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    id: MetricId,
    pooling: Option<Pooling>,
    comparator: Comparator,
    bound: f64,
}

/// A gate as it was typed: well formed, its metric not yet looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct GateSyntax {
    /// The metric's name as given.
    pub metric: MetricId,
    /// The pooling of its map, where the rule is not on the metric's own value.
    pub pooling: Option<Pooling>,
    /// The comparison.
    pub comparator: Comparator,
    /// The bound, a finite number.
    pub bound: f64,
}

impl GateSyntax {
    /// Reads `ID OP X`, `ID.worstN OP X` or `ID.pN OP X`; blanks around the operator are allowed.
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
        let (metric, pooling) = Pooling::split(metric.trim()).map_err(wrong)?;
        let metric = metric.parse()?;
        match bound.trim().parse::<f64>() {
            Ok(bound) if bound.is_finite() => Ok(Self { metric, pooling, comparator, bound }),
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
    /// [`Error::Gate`] for a bound against the metric's direction and for a pooling of a metric
    /// without a map; [`Error::Core`] for an unknown metric.
    pub fn new(syntax: &GateSyntax) -> Result<Self> {
        let (id, card) = crate::look_up(&syntax.metric.to_string())?;
        let gate = Self {
            id,
            pooling: syntax.pooling,
            comparator: syntax.comparator,
            bound: syntax.bound,
        };
        let wrong = |reason| Err(Error::Gate { rule: gate.to_string(), reason });
        let (direction, whose) = match (syntax.pooling, card.map) {
            (None, _) => (card.direction, ""),
            (Some(_), Some(scale)) => (map_direction(scale), "the map of "),
            (Some(_), None) => {
                return wrong(format!(
                    "{} has no map to pool; among those that have one are {}",
                    gate.id,
                    some_with_maps()
                ));
            }
        };
        let fitting = match direction {
            Direction::HigherIsBetter => [Comparator::AtLeast, Comparator::Above],
            Direction::LowerIsBetter => [Comparator::AtMost, Comparator::Below],
        };
        if fitting.contains(&syntax.comparator) {
            return Ok(gate);
        }
        wrong(format!(
            "of {whose}{} {direction} is better, so the bound must be written with {} or {}",
            gate.id,
            fitting[0].as_str(),
            fitting[1].as_str()
        ))
    }

    /// The full id of the metric.
    pub fn id(&self) -> &MetricId {
        &self.id
    }

    /// The pooling of the metric's map, where the rule is not on the metric's own value.
    pub fn pooling(&self) -> Option<Pooling> {
        self.pooling
    }

    /// Whether a value meets the rule.
    pub fn passes(&self, value: f64) -> bool {
        self.comparator.holds(value, self.bound)
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(pooling) = self.pooling {
            write!(f, ".{pooling}")?;
        }
        write!(f, "{}{}", self.comparator.as_str(), self.bound)
    }
}

/// The first few default profiles that have a map.
fn some_with_maps() -> String {
    let cards = crate::definitions().map(|definition| definition.card);
    let ids = cards.filter(|card| card.map.is_some() && card.default_profile).map(|card| card.id);
    let preferred = ["ssim@wang", "ciede2000", "flip", "butteraugli"];
    let ids: Vec<&str> = ids.filter(|id| preferred.contains(id)).collect();
    ids.join(", ")
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
            ("ssim.worst32 >= 0.9", "ssim@wang.worst32>=0.9"),
            ("ssim@wang.worst32>=.9", "ssim@wang.worst32>=0.9"),
            ("ciede2000.p1<=2", "ciede2000.p1<=2"),
            ("flip+ppd=50.p0.5<.1", "flip+ppd=50.p0.5<0.1"),
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
    fn poolings_point_the_way_of_the_map() {
        // The metrics of these maps point the other way.
        for rule in ["psnr.worst32<=0.001", "gmsd.worst32>=0.9", "mdsi.p1>=0.5"] {
            assert_eq!(Gate::parse(rule).unwrap().to_string(), rule);
        }
        assert!(Gate::parse("psnr.p1>=30").is_err());
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
            ("ssim.worst32<=0.9", "of the map of ssim@wang higher is better"),
            ("ciede2000.p1>=2", "of the map of ciede2000 lower is better"),
            ("ssim.worst0>=0.9", "N from 1 to 4096"),
            ("ssim.p100>=0.9", "above 0 and below 100"),
            ("vifp.worst32>=0.9", "has no map to pool; among those that have one are ssim@wang"),
        ] {
            let message = Gate::parse(rule).unwrap_err().to_string();
            assert!(message.contains(part), "{rule}: {message}");
        }
    }
}
