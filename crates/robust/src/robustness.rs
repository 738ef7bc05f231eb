//! Whether an answer about a triplet is right, stays right under attack, and is proved to stay right.
//!
//! An answer is right where the picture that most people chose is strictly nearer; ties are wrong. The reference is
//! attacked in its own samples. An answer is certified where it is right and its radius exceeds ε; for l∞ where it
//! exceeds √n·ε, n the number of samples. What is certified is attacked all the same, so that natural ≥ empirical ≥
//! certified is a result and not a definition; only wrong answers are not attacked, as in AutoAttack.

use std::str::FromStr;

use lookalike_core::{Direction, Metric, Picture, Want};

use crate::attack::{Attack, Method, MetricDecision, Norm, Target, planes, shape};
use crate::decision_certifier::DecisionCertifier;
use crate::{Error, Result};

/// A norm and a radius, such as `l2:36/255`.
#[derive(Clone, Debug, PartialEq)]
pub struct Threat {
    /// How changes are measured.
    pub norm: Norm,
    /// How long they may be.
    pub eps: f64,
    /// As it was written.
    pub text: String,
}

impl Threat {
    /// Reads several with one norm, `l2:36/255,72/255`.
    ///
    /// # Errors
    /// [`Error::Asked`] with what was expected.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        let wrong = || Error::Asked(format!("expected l2:E,… or linf:E,…, found '{text}'"));
        let (name, list) = text.split_once(':').ok_or_else(wrong)?;
        let norm: Norm = name.trim().parse().map_err(Error::Asked)?;
        let one = |eps: &str| {
            let eps = eps.trim();
            let value = eps_value(eps).map_err(Error::Asked)?;
            Ok(Self { norm, eps: value, text: format!("{}:{eps}", norm.as_str()) })
        };
        list.split(',').map(one).collect()
    }
}

/// A number above 0, or one divided by another: `0.14`, `36/255`.
///
/// # Errors
/// What was expected.
pub fn eps_value(text: &str) -> Result<f64, String> {
    let wrong = || format!("expected a number above 0 such as 0.5 or 36/255, found '{text}'");
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let value = match text.split_once('/') {
        None => number(text)?,
        Some((over, under)) => number(over)? / number(under)?,
    };
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(wrong()) }
}

impl FromStr for Norm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "l2" => Ok(Self::L2),
            "linf" => Ok(Self::Linf),
            _ => Err(format!("expected l2 or linf, found '{text}'")),
        }
    }
}

impl Norm {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::Linf => "linf",
        }
    }
}

/// What became of an answer under one threat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withstood {
    /// Right, and no attack changed that.
    pub attacked: bool,
    /// Right, and proved to stay so; `None` for metrics without certificates.
    pub certified: Option<bool>,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whether it was right.
    pub natural: bool,
    /// By threat.
    pub withstood: Vec<Withstood>,
}

/// A metric under attack.
pub struct Robustness<'a> {
    metric: &'a dyn Metric,
    certifier: Option<DecisionCertifier>,
    attack: Attack,
}

impl<'a> Robustness<'a> {
    /// A metric, and an attack whose norm and radius do not matter. A metric that has no derivatives for the
    /// reference is attacked by squares.
    ///
    /// # Errors
    /// What reading certified weights gives.
    pub fn new(metric: &'a dyn Metric, attack: Attack) -> Result<Self> {
        let certifier = DecisionCertifier::of(metric.id())?;
        let card = metric.card();
        let white_box = card.gradient && card.symmetric;
        let method = if white_box || !attack.method.needs_gradients() {
            attack.method
        } else {
            Method::Square
        };
        // Squares ask for values alone, which is why they may ask more often.
        let steps = if method == attack.method { attack.steps } else { attack.queries };
        Ok(Self { metric, certifier, attack: Attack { method, steps, ..attack } })
    }

    /// The attack that is used.
    pub fn attack(&self) -> &Attack {
        &self.attack
    }

    /// Whether there are certificates.
    pub fn is_certified(&self) -> bool {
        self.certifier.is_some()
    }

    /// Answers a triplet of reference, left and right, of which most people chose the right one or not.
    ///
    /// # Errors
    /// What the metric gives.
    pub fn answer(
        &self,
        pictures: [&Picture; 3],
        right: bool,
        threats: &[Threat],
    ) -> Result<Answered> {
        let [reference, left, right_one] = pictures;
        let sign = if self.metric.direction() == Direction::HigherIsBetter { -1.0 } else { 1.0 };
        let distance = |side: &Picture| -> Result<f64> {
            Ok(sign * self.metric.compare(reference, side, Want::default())?.value)
        };
        let (chosen, other) = if right { (right_one, left) } else { (left, right_one) };
        let natural = distance(chosen)? < distance(other)?;
        let none = self.certifier.as_ref().map(|_| false);
        if !natural {
            let withstood = vec![Withstood { attacked: false, certified: none }; threats.len()];
            return Ok(Answered { natural, withstood });
        }
        let decision = self.certifier.as_ref().map(|one| one.decide(pictures)).transpose()?;
        let target = MetricDecision::new(self.metric, reference, chosen, other)?;
        let centre = planes(reference);
        // The attack may exchange the order of a pair; where rounding makes that a tie there is nothing to attack.
        let given_way = target.value(&centre)?.1;
        let mut withstood = Vec::with_capacity(threats.len());
        for threat in threats {
            let attack = Attack { norm: threat.norm, eps: threat.eps, ..self.attack };
            let attacked = !given_way && !attack.run(&target, &centre, shape(reference))?.succeeded;
            let length = match threat.norm {
                Norm::L2 => threat.eps,
                Norm::Linf => threat.eps * (centre.len() as f64).sqrt().next_up(),
            };
            let certified =
                decision.map(|decision| decision.left == Some(!right) && decision.radius > length);
            withstood.push(Withstood { attacked, certified });
        }
        Ok(Answered { natural, withstood })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threats_are_lists_of_one_norm() {
        let found = Threat::parse_list("l2:36/255, 0.5").unwrap();
        assert_eq!((found[0].norm, found[0].eps), (Norm::L2, 36.0 / 255.0));
        assert_eq!((found[1].text.as_str(), found[1].eps), ("l2:0.5", 0.5));
        assert_eq!(Threat::parse_list("linf:0.01").unwrap()[0].norm, Norm::Linf);
        for text in ["", "l2", "l2:", "l3:1", "l2:0", "l2:1/0", "l2:x", "l2:-1"] {
            assert!(Threat::parse_list(text).is_err(), "{text}");
        }
    }
}
