//! Losses of the picture that a network's output stands for, and their derivatives with respect to the output.
//!
//! x̂0 = a·o + b·x_t for an output o (a = −√(1−ᾱ)/√ᾱ where noise is predicted, 1 for the picture itself, −s for
//! the velocity of a flow), x̂ = (D(x̂0) + 1)/2, and
//!
//! ℓ = w·Σ_k λ_k·ℓ_k(s, y, x̂), ∂ℓ/∂o = w·a·½·J_Dᵀ·Σ_k λ_k·∂ℓ_k/∂x̂.
//!
//! The weight w is that of [`Weighting`](super::Weighting), the share of the batch included; where it is 0 nothing is
//! decoded. D is the identity for diffusion on pixels ([`Pixels`](super::Pixels)). Nothing is cut off at black and
//! white: what lies beyond has derivatives, and each loss says what it makes of it.
//!
//! Source: Zhu et al., arXiv 2505.16001, with L1 or any other loss in the place of LPIPS. Reproduces the total and
//! derivatives of MSE of the noise + ᾱ·(0.1·CLIP + 0.5·L1) through a small autoencoder of diffusers within 1e-5.

use super::decoder::Decoder;
use super::similarity::Reference;
use super::{Pair, PictureLoss, expect_samples};
use crate::{Error, Result};

/// A loss and what it counts.
pub struct Weighted {
    /// λ.
    pub weight: f64,
    /// ℓ.
    pub loss: Box<dyn PictureLoss>,
}

/// A weighted sum of losses of pictures.
pub struct PictureLosses(Vec<Weighted>);

/// What a sum of losses makes of an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Σ λ·ℓ.
    pub value: f64,
    /// Every ℓ, without its factor.
    pub terms: Vec<f64>,
    /// Derivatives of the sum with respect to every sample of the output.
    pub gradient: Vec<f32>,
}

impl PictureLosses {
    /// A sum; a factor of 0 is measured and has no derivatives.
    ///
    /// # Errors
    /// [`Error::Refused`] for no loss, and for factors that are not finite.
    pub fn new(losses: Vec<Weighted>) -> Result<Self> {
        if losses.is_empty() || losses.iter().any(|one| !one.weight.is_finite()) {
            let found: Vec<f64> = losses.iter().map(|one| one.weight).collect();
            return Err(Error::Refused(format!(
                "losses of pictures: expected at least one, with finite factors, found {found:?}"
            )));
        }
        Ok(Self(losses))
    }

    /// The losses.
    pub fn losses(&self) -> &[Weighted] {
        &self.0
    }

    /// What all losses keep of a pair, for [`Pair::with_references`].
    ///
    /// # Errors
    /// As [`PictureLoss::reference`].
    pub fn references(&self, pair: &Pair<'_>) -> Result<Vec<Reference>> {
        let kept = self.0.iter().map(|one| one.loss.reference(pair));
        Ok(kept.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The sum for an output of the pair's shape, in 0…1.
    ///
    /// # Errors
    /// As [`PictureLoss::value_and_gradient`].
    pub fn evaluate(&self, pair: &Pair<'_>, output: &[f32]) -> Result<Evaluated> {
        let mut sum = vec![0.0; output.len()];
        let (mut value, mut terms) = (0.0, Vec::with_capacity(self.0.len()));
        for Weighted { weight, loss } in &self.0 {
            let (term, slopes) = loss.value_and_gradient(pair, output)?;
            value += weight * term;
            terms.push(term);
            if *weight != 0.0 {
                let slopes = slopes.into_iter().map(f64::from);
                sum.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += weight * slope);
            }
        }
        let gradient = sum.into_iter().map(|slope| slope as f32).collect();
        Ok(Evaluated { value, terms, gradient })
    }
}

/// What a network's output says of the clean picture, as diffusion runs on it.
#[derive(Clone, Copy, Debug)]
pub struct Estimate<'a> {
    /// x̂0.
    pub sample: &'a [f32],
    /// Its channels, height and width.
    pub shape: [usize; 3],
    /// ∂x̂0/∂output, one factor for all samples.
    pub slope: f64,
}

/// A loss of a network's output.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedLoss {
    /// w·Σ λ·ℓ.
    pub value: f64,
    /// Every ℓ, without any factor; empty where the weight is 0.
    pub terms: Vec<f64>,
    /// Derivatives of the value with respect to the output, as many as the estimate has samples.
    pub gradient: Vec<f32>,
}

/// The losses of one example with its weight in the batch.
///
/// # Errors
/// [`Error::Refused`] for an estimate that does not fill its shape or is not finite, a picture of another shape than
/// the pair's, and a weight or slope that is no number; what the decoder and the losses refuse. With a weight of
/// 0 the estimate may be anything, since it is not looked at.
pub fn decoded_loss(
    decoder: &dyn Decoder,
    losses: &PictureLosses,
    estimate: &Estimate<'_>,
    pair: &Pair<'_>,
    weight: f64,
) -> Result<DecodedLoss> {
    let Estimate { sample, shape, slope } = *estimate;
    if weight == 0.0 {
        return Ok(DecodedLoss {
            value: 0.0,
            terms: Vec::new(),
            gradient: vec![0.0; sample.len()],
        });
    }
    if !(weight.is_finite() && slope.is_finite()) {
        return Err(Error::Refused(format!(
            "a loss of an estimated picture: expected a finite weight and slope, found {weight} and {slope}"
        )));
    }
    expect_samples("the estimated picture", sample, shape)?;
    let decoded = decoder.decode(sample, shape)?;
    if decoded.shape() != pair.shape() {
        return Err(Error::Refused(format!(
            "a loss of an estimated picture: expected one of the target's shape, {:?}, found {:?}",
            pair.shape(),
            decoded.shape()
        )));
    }
    let output: Vec<f32> = decoded.planes().iter().map(|x| 0.5 * x + 0.5).collect();
    let Evaluated { value, terms, gradient } = losses.evaluate(pair, &output)?;
    let upstream: Vec<f32> =
        gradient.iter().map(|&slope| (0.5 * weight * f64::from(slope)) as f32).collect();
    let slopes = decoded.pull(&upstream)?;
    let gradient: Vec<f32> =
        slopes.into_iter().map(|pulled| (slope * f64::from(pulled)) as f32).collect();
    expect_samples("the derivatives of an estimated picture", &gradient, shape)?;
    Ok(DecodedLoss { value: weight * value, terms, gradient })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lookalike_nn::Seeded;

    use super::super::decoder::Pixels;
    use super::super::tests::{L2, Tanh, numbers, pictures};
    use super::super::{Similarity, SimilarityReference};
    use super::*;
    use crate::autoencoder_kl::{AutoencoderKl, Config, LatentScaling};

    fn losses() -> PictureLosses {
        let similarity =
            Similarity::new(Arc::new(Tanh::new(4, 6)), SimilarityReference::Directional);
        PictureLosses::new(vec![
            Weighted { weight: 0.7, loss: Box::new(similarity) },
            Weighted { weight: 2.0, loss: Box::new(L2) },
        ])
        .unwrap()
    }

    /// Compares derivatives with differences of the value along a few directions.
    fn assert_differences(
        decoder: &dyn Decoder,
        shape: [usize; 3],
        picture: [usize; 3],
        (step, tolerance): (f64, f64),
    ) {
        let losses = losses();
        let [source, target, _] = pictures(picture);
        let pair = Pair::new(picture, &source, &target).unwrap();
        let references = losses.references(&pair).unwrap();
        let pair = pair.with_references(&references);
        let count = shape.into_iter().product();
        let output: Vec<f32> = numbers(count, 5).iter().map(|x| 2.0 * x - 1.0).collect();
        let noised = numbers(count, 6);
        let slope = -1.25;
        let at = |output: &[f32]| {
            let sample = output.iter().zip(&noised);
            let sample: Vec<f32> = sample.map(|(o, x)| slope as f32 * o + x).collect();
            let estimate = Estimate { sample: &sample, shape, slope };
            decoded_loss(decoder, &losses, &estimate, &pair, 0.25).unwrap()
        };
        let found = at(&output);
        assert!((found.value - 0.25 * (0.7 * found.terms[0] + 2.0 * found.terms[1])).abs() < 1e-15);
        let dot = |direction: &[f32]| -> f64 {
            let pairs = found.gradient.iter().zip(direction);
            pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let length = dot(&found.gradient).sqrt();
        assert!(length > 1e-4, "{length}");
        let own: Vec<f32> = found.gradient.iter().map(|g| g / length as f32).collect();
        for seed in 0..4 {
            let mut direction = own.clone();
            if seed > 0 {
                direction = numbers(count, 10 + seed).iter().map(|x| x - 0.5).collect();
            }
            let moved = |step: f64| {
                let moved = output.iter().zip(&direction);
                at(&moved.map(|(o, d)| o + step as f32 * d).collect::<Vec<_>>()).value
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            let expected = dot(&direction);
            let norm = direction.iter().map(|d| d * d).sum::<f32>().sqrt();
            let allowed = tolerance * length * f64::from(norm);
            assert!((slope - expected).abs() < allowed, "{seed}: {slope} {expected} {allowed}");
        }
    }

    #[test]
    fn derivatives_on_pixels_are_differences() {
        assert_differences(&Pixels, [3, 8, 8], [3, 8, 8], (1e-2, 1e-3));
    }

    #[test]
    fn derivatives_through_an_autoencoder_are_differences() {
        let config = Config {
            channels: 3,
            block_out_channels: vec![8, 8],
            layers_per_block: 1,
            latent_channels: 4,
            groups: 4,
            quant_conv: true,
            post_quant_conv: true,
            scaling: LatentScaling { factor: 0.5, shift: 0.1 },
        };
        let decoder = AutoencoderKl::new(config, &Seeded::new("losses")).unwrap();
        assert_differences(&decoder, [4, 3, 4], [3, 6, 8], (1e-3, 5e-3));
        let sample = numbers(36, 1);
        assert!(Decoder::decode(&decoder, &sample, [3, 3, 4]).is_err());
    }

    #[test]
    fn without_a_weight_nothing_is_looked_at() {
        struct Never;
        impl Decoder for Never {
            fn decode(&self, _: &[f32], _: [usize; 3]) -> Result<super::super::Decoded<'_>> {
                panic!("decoded")
            }
        }
        let shape = [3, 8, 8];
        let [source, target, _] = pictures(shape);
        let pair = Pair::new(shape, &source, &target).unwrap();
        let broken = vec![f32::NAN; 10];
        let estimate = Estimate { sample: &broken, shape, slope: f64::NEG_INFINITY };
        let found = decoded_loss(&Never, &losses(), &estimate, &pair, 0.0).unwrap();
        let expected = DecodedLoss { value: 0.0, terms: Vec::new(), gradient: vec![0.0; 10] };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let shape = [3, 8, 8];
        let [source, target, output] = pictures(shape);
        let pair = Pair::new(shape, &source, &target).unwrap();
        let evaluate = |sample: &[f32], shape, slope, weight| {
            decoded_loss(&Pixels, &losses(), &Estimate { sample, shape, slope }, &pair, weight)
        };
        assert!(evaluate(&output, shape, 1.0, 1.0).is_ok());
        assert!(evaluate(&output, shape, f64::NAN, 1.0).is_err());
        assert!(evaluate(&output, shape, 1.0, f64::INFINITY).is_err());
        assert!(evaluate(&output[1..], shape, 1.0, 1.0).is_err());
        assert!(evaluate(&output, [3, 4, 16], 1.0, 1.0).is_err());
        let mut broken = output.clone();
        broken[3] = f32::INFINITY;
        let message = evaluate(&broken, shape, 1.0, 1.0).unwrap_err().to_string();
        assert!(message.contains("gate"), "{message}");
        assert!(PictureLosses::new(Vec::new()).is_err());
        let nothing = Weighted { weight: f64::NAN, loss: Box::new(L2) };
        assert!(PictureLosses::new(vec![nothing]).is_err());
    }
}
