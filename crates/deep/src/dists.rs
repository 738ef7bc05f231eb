//! DISTS: Ding, Ma, Wang, Simoncelli, "Image Quality Assessment: Unifying Structure and Texture
//! Similarity", TPAMI 2020.
//!
//! The samples themselves and five taps of VGG-16, whose pools are replaced by the root of the mean
//! square under a Hanning window. Of every channel the means (texture) and the covariance (structure)
//! of both pictures are compared in the manner of SSIM, over the whole picture. The value is 1 less the
//! sum of these similarities under learned weights that are brought to a sum of 1.
//!
//! Choices: the samples count as a tap in 0…1, before mean and deviation are taken off for the network;
//! both constants are 1e-6; variances are those of the population. The authors' script shrinks pictures
//! to 256 pixels on the shorter side before; here nothing is resized, as in the authors' class.
//!
//! Limits: by design blind to where on a texture something is, and without a map.

use std::ops::Range;
use std::sync::Arc;

use lookalike_core::Part;
use lookalike_kernels::moments::{self, Sums};
use lookalike_kernels::{LANES, Processor};
use lookalike_nn::{Backbone, Line, Parameters, Trunk};
use rayon::prelude::*;

use crate::samples::Scaling;
use crate::tap_formula::{Outcome, TapFormula, TapPair};
use crate::{Error, Result};

/// Channels of the samples and of the taps.
const CHANNELS: [usize; 6] = [3, 64, 128, 256, 512, 512];

/// Keeps quotients of small means and variances defined.
const STABILISER: f64 = 1e-6;

/// DISTS with its weights.
#[derive(Clone, Debug)]
pub struct Dists {
    trunk: Arc<Trunk>,
    /// Weights of texture and structure of every channel of every tap; all together sum to 1.
    weights: Vec<Vec<[f64; 2]>>,
}

impl Dists {
    /// DISTS on a trunk, [`Backbone::Vgg16HanningPool`], with the weights `alpha` (texture) and `beta`
    /// (structure) of 1475 numbers each.
    ///
    /// # Errors
    /// When `trunk` is another network, or weights are missing, negative or all zero.
    pub fn new(trunk: Arc<Trunk>, parameters: &dyn Parameters) -> Result<Self> {
        if trunk.backbone() != Backbone::Vgg16HanningPool {
            return Err(Error::Weights(format!(
                "dists stands on {}, found {}",
                Backbone::Vgg16HanningPool.name(),
                trunk.backbone().name()
            )));
        }
        let count: usize = CHANNELS.iter().sum();
        let [texture, structure] = ["alpha", "beta"].map(|name| parameters.f32(name, &[count]));
        let (texture, structure) = (texture?, structure?);
        let all = texture.iter().chain(&structure);
        let total: f64 = all.clone().map(|&weight| f64::from(weight)).sum();
        let sound = all.clone().all(|&weight| weight >= 0.0) && total > 0.0 && total.is_finite();
        if !sound {
            return Err(Error::Weights(
                "expected weights from 0 on that are not all 0, so that the value stays in 0…1"
                    .to_owned(),
            ));
        }
        let shares = texture.iter().zip(&structure);
        let mut shares = shares.map(|(&t, &s)| [t, s].map(|weight| f64::from(weight) / total));
        let weights = CHANNELS.iter().map(|&channels| shares.by_ref().take(channels).collect());
        Ok(Self { trunk, weights: weights.collect() })
    }
}

/// What the similarities of one channel are made of.
struct Moments {
    means: [f64; 2],
    variances: [f64; 2],
    covariance: f64,
}

impl Moments {
    fn of(sums: &Sums, count: f64) -> Self {
        let means = [sums.a / count, sums.b / count];
        let variance = |squares: f64, mean: f64| (squares / count - mean * mean).max(0.0);
        Self {
            means,
            variances: [variance(sums.a_squares, means[0]), variance(sums.b_squares, means[1])],
            covariance: sums.products / count - means[0] * means[1],
        }
    }

    /// Similarities of the means and of the structure.
    fn similarities(&self) -> [f64; 2] {
        let ([x, y], [vx, vy]) = (self.means, self.variances);
        [
            (2.0 * (x * y) + STABILISER) / (x * x + y * y + STABILISER),
            (2.0 * self.covariance + STABILISER) / (vx + vy + STABILISER),
        ]
    }
}

/// Sums of every channel of every tap.
pub(crate) struct Gathered {
    counts: Vec<f64>,
    sums: Vec<Vec<Sums>>,
}

impl Gathered {
    fn moments(&self, tap: usize, channel: usize) -> Moments {
        Moments::of(&self.sums[tap][channel], self.counts[tap])
    }
}

impl TapFormula for Dists {
    type State = Gathered;

    fn trunk(&self) -> &Trunk {
        &self.trunk
    }

    fn scaling(&self) -> Scaling {
        Scaling::IMAGENET
    }

    fn looks_at_samples(&self) -> bool {
        true
    }

    fn start(&self, sizes: &[[usize; 2]], _map: bool) -> Gathered {
        Gathered {
            counts: sizes.iter().map(|[height, width]| (height * width) as f64).collect(),
            sums: CHANNELS.iter().map(|&channels| vec![Sums::default(); channels]).collect(),
        }
    }

    fn add(&self, state: &mut Gathered, tap: usize, pair: &TapPair<'_>) -> Result<()> {
        let TapPair { reference, candidate, .. } = pair;
        let sums = moments::sums(Processor::best(), *reference, *candidate, &pair.runs());
        let sums = sums.map_err(lookalike_nn::Error::from)?;
        for (total, sums) in state.sums[tap].iter_mut().zip(sums) {
            total.a += sums.a;
            total.b += sums.b;
            total.a_squares += sums.a_squares;
            total.b_squares += sums.b_squares;
            total.products += sums.products;
        }
        Ok(())
    }

    fn finish(&self, state: &Gathered, _size: [usize; 2]) -> Outcome {
        // What is missing to 1 is summed, so that equal pictures give 0 and not what is left of 1.
        let mut missing = [0.0; 2];
        for (tap, weights) in self.weights.iter().enumerate() {
            for (channel, weights) in weights.iter().enumerate() {
                let similarities = state.moments(tap, channel).similarities();
                for (sum, (weight, similarity)) in
                    missing.iter_mut().zip(weights.iter().zip(similarities))
                {
                    *sum += weight * (1.0 - similarity);
                }
            }
        }
        let parts = vec![Part::new("texture", missing[0]), Part::new("structure", missing[1])];
        Outcome { value: missing[0] + missing[1], parts, map: None }
    }

    fn derive(
        &self,
        state: &Gathered,
        tap: usize,
        pair: &TapPair<'_>,
        derivatives: &mut [Line],
    ) -> Result<()> {
        let count = state.counts[tap];
        let area = pair.candidate.area();
        let channels = self.weights[tap].iter().enumerate();
        let slopes = channels.map(|(channel, &[texture, structure])| {
            let moments = state.moments(tap, channel);
            let ([mx, my], [vx, vy]) = (moments.means, moments.variances);
            let [similar_means, similar_structure] = moments.similarities();
            let means = mx * mx + my * my + STABILISER;
            let spread = vx + vy + STABILISER;
            let by_mean = -texture * 2.0 * (mx - similar_means * my) / (means * count);
            let by_position = -structure * 2.0 / (spread * count);
            // by_mean + by_position·((x − mx) − similar_structure·(y − my)) as a line in x and y.
            let constant = by_mean - by_position * (mx - similar_structure * my);
            [by_position, -by_position * similar_structure, constant]
        });
        let slopes: Vec<[f64; 3]> = slopes.collect();
        let runs = pair.runs();
        let planes = derivatives.par_chunks_mut(area).zip(slopes.par_chunks(LANES));
        let read = pair.reference.lines().par_chunks(area);
        let read = read.zip(pair.candidate.lines().par_chunks(area));
        planes.zip(read).for_each(|((to, slopes), (reference, candidate))| {
            for position in runs.iter().flat_map(Range::clone) {
                let (x, y) = (&reference[position].0, &candidate[position].0);
                let to = to[position].0.iter_mut().zip(x.iter().zip(y));
                for ((to, (&x, &y)), [by_x, by_y, constant]) in to.zip(slopes) {
                    *to = (f64::from(x) * by_x + f64::from(y) * by_y + constant) as f32;
                }
            }
        });
        Ok(())
    }
}
