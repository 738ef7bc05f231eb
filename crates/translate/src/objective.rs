//! The objective of a step: the process's loss of every example, and of those with little noise what metrics and
//! embeddings say of the picture that the network has in mind.
//!
//! L = mean ℓ(output) + Σ wᵢ·Σ λₖ·ℓₖ(x̂ᵢ), where wᵢ are those of [`Weighting`](crate::losses::Weighting) and x̂ the
//! estimate of x₀, decoded where latents are drawn ([`decoded_loss`]). Regression has the second part alone.

use std::sync::OnceLock;

use lookalike_deep::WeightSource;
use lookalike_train::losses::Terms;

use crate::Result;
use crate::examples::{Example, Examples};
use crate::losses::{
    Decoder, Estimate, Pair, PictureLosses, Pixels, Reference, Similarity, Weighted, decoded_loss,
};
use crate::noised::{Noised, Noising};
use crate::process::Process;
use crate::recipe::Recipe;

/// What is minimised.
pub struct Objective {
    noising: Noising,
    losses: Option<PictureLosses>,
    perceptual: String,
    min_snr: f64,
    /// Channels and side of what is drawn.
    drawn: [usize; 3],
    /// What losses keep of every pair as it is and mirrored, once it was computed; empty where pairs are cut at random.
    kept: Vec<[OnceLock<Vec<Reference>>; 2]>,
}

/// What a step says of an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts {
    /// The process's loss.
    pub process: f64,
    /// What pictures say, with all weights.
    pub pictures: f64,
}

impl Objective {
    /// The objective of a recipe whose networks draw so many channels, rows and columns, for so many pairs.
    ///
    /// # Errors
    /// What losses and embedders are refused for.
    pub fn new(
        recipe: &Recipe,
        drawn: [usize; 3],
        pairs: usize,
        weights: &dyn WeightSource,
    ) -> Result<Self> {
        let mut losses = Vec::new();
        let mut perceptual = String::new();
        if !recipe.perceptual.is_empty() {
            let terms = Terms::parse(&recipe.perceptual, recipe.data.side, weights)?;
            perceptual = terms.name();
            losses.push(Weighted { weight: 1.0, loss: Box::new(terms) });
        }
        if let Some(name) = &recipe.similarity {
            let loss = Box::new(Similarity::named(name, recipe.similarity_reference)?);
            losses.push(Weighted { weight: recipe.similarity_weight, loss });
        }
        let losses = if losses.is_empty() { None } else { Some(PictureLosses::new(losses)?) };
        let noising = Noising::new(recipe.process, recipe.prediction)?;
        // Embeddings of frozen pictures cost as much as those of what is drawn, and stay the same.
        let cut = recipe.data.load.is_some_and(|load| load != recipe.data.side);
        let kept = if recipe.similarity.is_some() && !cut { pairs } else { 0 };
        let kept = (0..kept).map(|_| Default::default()).collect();
        Ok(Self { noising, losses, perceptual, min_snr: recipe.min_snr, drawn, kept })
    }

    /// The process.
    pub fn noising(&self) -> &Noising {
        &self.noising
    }

    /// The metrics of the recipe with their full names.
    pub fn perceptual(&self) -> &str {
        &self.perceptual
    }

    /// What the pictures of each of some examples count.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) for times beyond the process.
    pub fn weights(&self, noised: &[Noised], recipe: &Recipe) -> Result<Vec<f64>> {
        if self.losses.is_none() {
            return Ok(vec![0.0; noised.len()]);
        }
        if recipe.process == Process::None {
            return Ok(vec![1.0 / noised.len() as f64; noised.len()]);
        }
        let signals = noised.iter().map(|one| self.noising.signal(one.time));
        recipe.weighting.weights(&signals.collect::<Result<Vec<f64>>>()?)
    }

    /// The loss of an example of `count`, and its derivatives with respect to the output.
    ///
    /// # Errors
    /// What the losses refuse, such as numbers that are not finite.
    pub fn of(
        &self,
        examples: &Examples,
        example: &Example,
        noised: &Noised,
        output: &[f32],
        (weight, count): (f64, usize),
    ) -> Result<(Parts, Vec<f32>)> {
        let said = self.noising.said(&example.target, noised, output, self.min_snr)?;
        let share = 1.0 / count as f64;
        let mut gradient: Vec<f32> =
            said.gradient.iter().map(|&slope| (share * f64::from(slope)) as f32).collect();
        let mut parts = Parts { process: share * said.loss, pictures: 0.0 };
        let Some(losses) = self.losses.as_ref().filter(|_| weight != 0.0) else {
            return Ok((parts, gradient));
        };
        let side = examples.pairs.side;
        let [source, target] = &example.pictures;
        let mut pair = Pair::new([3, side, side], source, target)?;
        if let Some(both) = self.kept.get(example.place) {
            let kept = &both[usize::from(example.mirrored)];
            if kept.get().is_none() {
                // Nobody waits for another: what two compute at once is equal.
                let _ = kept.set(losses.references(&pair)?);
            }
            pair = pair.with_references(kept.get().map_or(&[], Vec::as_slice));
        }
        let estimate = Estimate { sample: &said.x0, shape: self.drawn, slope: said.factor };
        let decoder: &dyn Decoder = match examples.vae() {
            Some(vae) => vae,
            None => &Pixels,
        };
        let found = decoded_loss(decoder, losses, &estimate, &pair, weight)?;
        parts.pictures = found.value;
        // Channels of a learned variance stand behind and have no part in the picture.
        gradient.iter_mut().zip(found.gradient).for_each(|(to, slope)| *to += slope);
        Ok((parts, gradient))
    }
}
