//! Whether what a model draws depends on what it is shown.
//!
//! With the noise of one seed, a model that looks at its source draws different pictures of different sources; one
//! that ignores it draws the same. Compared are the mean absolute differences of samples in 0…1 between what is drawn
//! of neighbouring sources and, to have a scale, between the targets of these.

use std::collections::BTreeMap;

use lookalike_train::reconstruction::picture_of;
use rayon::prelude::*;

use crate::data::doctor::{Finding, Severity};
use crate::data::{Pairs, spread};
use crate::drawing::{Choices, Translator};
use crate::model::Model;
use crate::{Error, Result};

/// Sources that are shown, at most.
const SHOWN: usize = 8;
/// The share of the targets' differences below which a model is blind.
const BLIND: f64 = 0.05;

/// Shows sources of `pairs` to a model.
///
/// # Errors
/// [`Error::Refused`] for fewer than two pairs; what drawing refuses.
pub fn dependence(pairs: &Pairs, model: Model, seed: u64) -> Result<Finding> {
    let places = spread(pairs, SHOWN);
    if places.len() < 2 {
        return Err(Error::Refused(format!(
            "a model that is to be shown sources: expected two pairs or more, found {}",
            pairs.len()
        )));
    }
    let translator = Translator::new(model, None, &Choices::default())?;
    let size = [pairs.side; 2];
    let of = |&place: &usize| {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        pairs.append(place, false, &mut source, &mut target);
        let drawn = translator.translate(&picture_of(3, size, &source)?, seed)?;
        Ok([drawn.to_rgb().plane(1, 1.0), picture_of(3, size, &target)?.plane(1, 1.0)])
    };
    let found: Vec<[Vec<f64>; 2]> = places.par_iter().map(of).collect::<Result<_>>()?;
    let apart = |which: usize| {
        let pairs = found.windows(2).map(|two| {
            let (a, b) = (&two[0][which], &two[1][which]);
            let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
            sum / a.len().max(1) as f64
        });
        pairs.sum::<f64>() / (found.len() - 1) as f64
    };
    let (drawn, targets) = (apart(0), apart(1));
    let (severity, advice) = match drawn < BLIND * targets {
        true => (Severity::Error, "; the model does not look at its source"),
        false => (Severity::Ok, ""),
    };
    Ok(Finding {
        check: "dependence",
        severity,
        message: format!(
            "what is drawn of different sources with one seed differs by {drawn:.4}, their targets by {targets:.4}{advice}"
        ),
        numbers: BTreeMap::from([("drawn", drawn), ("targets", targets)]),
        examples: Vec::new(),
    })
}
