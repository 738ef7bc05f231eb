//! LPIPS: Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep Features as a
//! Perceptual Metric", CVPR 2018.
//!
//! Both pictures go through a network trained on ImageNet. At each tap the activations of a position
//! are divided by their length over the channels; squared differences are weighted per channel, summed
//! over the channels and averaged over the positions; the value is the sum over the taps.
//!
//! Choices: the weights act on the squared difference, as the authors' code has it (the paper's
//! formula has them inside the square); taps are summed, not averaged, with and without learned
//! weights; 1e-10 is added to lengths; the map is the sum of the taps' maps, each resized to the
//! picture, so its mean is near the value, not equal to it.
//!
//! Limits: values have no upper bound and are comparable within one id only. They depend on the size
//! at which the pictures are shown; nothing is resized here.

mod moments;
mod net;
mod spatial;

use std::sync::Arc;

use lookalike_core::{Gradient, Part, Picture, ScoreMap};
use lookalike_kernels::{Processor, UnitDistance};
use lookalike_nn::{Blocks, Line, Planes, Trunk};

pub use moments::ChannelMoments;
pub use net::{Head, Net, Version};

use crate::evaluation::{References, activations, compare, gradients};
use crate::plan::{Plan, batch_of};
use crate::pooled::{pool, roots};
use crate::samples::{PlanesSamples, RgbSamples, SampleRange, Scaling};
use crate::tap_formula::{Outcome, TapFormula, TapPair};
use crate::{Error, Result};

/// LPIPS of one network, version and head.
#[derive(Clone, Debug)]
pub struct Lpips {
    version: Version,
    trunk: Arc<Trunk>,
    taps: Vec<UnitDistance>,
    /// Of the channels' weights, by tap.
    roots: Vec<Vec<f64>>,
}

/// What the network of a version reads: pictures of one size, `[pictures, 3, height, width]`, scaled.
///
/// # Errors
/// [`Error::Sizes`] when they are not all of one size.
pub fn network_input(version: Version, pictures: &[&Picture]) -> Result<Planes> {
    let size = pictures.first().map_or([0; 2], |picture| picture.size());
    let mut data = Vec::with_capacity(3 * size[0] * size[1] * pictures.len());
    for picture in pictures {
        if picture.size() != size {
            return Err(Error::Sizes { reference: size, candidate: picture.size() });
        }
        version.scaling().apply(&picture.read(0..size[0], 0..size[1]), &mut data)?;
    }
    Ok(Planes::new([pictures.len(), 3, size[0], size[1]], data)?)
}

/// The distance of one pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Distance {
    /// The sum over the taps.
    pub value: f64,
    /// The share of every tap.
    pub taps: Vec<f64>,
}

impl Lpips {
    /// LPIPS of a network with given parameters.
    ///
    /// # Errors
    /// When `trunk` is another network, or the head does not belong to it or could make a distance
    /// negative.
    pub fn new(net: Net, version: Version, trunk: Arc<Trunk>, head: Head) -> Result<Self> {
        if trunk.backbone() != net.backbone() {
            return Err(Error::Weights(format!(
                "lpips:{} stands on {}, found {}",
                net.as_str(),
                net.backbone().name(),
                trunk.backbone().name()
            )));
        }
        let weights = head.checked(net)?.of_taps(net);
        let taps = weights.iter().map(|weights| UnitDistance::new(Processor::best(), weights));
        Ok(Self { version, trunk, taps: taps.collect(), roots: roots(weights) })
    }

    /// The same distance of any network's activations, every channel weighing 1: what LPIPS calls its
    /// baseline. Input is scaled as torchvision's weights expect it.
    ///
    /// # Errors
    /// Where activations lie elsewhere for pictures of another size, so that tiles would not be exact.
    pub(crate) fn unweighted(trunk: Arc<Trunk>) -> Result<Self> {
        let name = trunk.backbone().name();
        let channels = trunk.geometry().ok_or(lookalike_nn::Error::NotTileable(name))?;
        let ones: Vec<Vec<f32>> = channels.iter().map(|tap| vec![1.0; tap.channels]).collect();
        let taps = ones.iter().map(|ones| UnitDistance::new(Processor::best(), ones)).collect();
        Ok(Self { version: Version::V0_1, trunk, taps, roots: roots(ones) })
    }

    /// The distance of every candidate from its reference, or from the one reference, which is then
    /// taken through the network once. Batches are `[pictures, 3, height, width]` in red, green, blue.
    ///
    /// # Errors
    /// When the numbers of pictures or their sizes do not belong together, or are too small.
    pub fn distances(
        &self,
        references: &Planes,
        candidates: &Planes,
        range: SampleRange,
    ) -> Result<Vec<Distance>> {
        let plan = self.plan(references, candidates)?;
        let outcomes = self.in_batches(&plan, [references, candidates], range, |pair, them| {
            compare(self, &plan, pair, them, false)
        })?;
        Ok(outcomes.into_iter().map(Distance::of).collect())
    }

    /// As [`distances`](Self::distances), with the derivative of every distance with respect to the
    /// candidate's samples, as samples in 0…1 whatever the range.
    ///
    /// # Errors
    /// As [`distances`](Self::distances).
    pub fn gradients(
        &self,
        references: &Planes,
        candidates: &Planes,
        range: SampleRange,
    ) -> Result<Vec<Gradient>> {
        let plan = self.plan(references, candidates)?;
        self.in_batches(&plan, [references, candidates], range, |pair, them| {
            gradients(self, &plan, pair, them)
        })
    }

    /// The plan for pairs that belong together.
    fn plan(&self, references: &Planes, candidates: &Planes) -> Result<Plan> {
        let (count, partners) = (candidates.batch(), references.batch());
        if partners != count && partners != 1 {
            return Err(Error::Batches { references: partners, candidates: count });
        }
        for planes in [references, candidates] {
            if planes.channels() != 3 {
                let (network, found) = (self.trunk.backbone().name(), planes.channels());
                return Err(lookalike_nn::Error::Channels { network, expected: 3, found }.into());
            }
        }
        let size = |planes: &Planes| [planes.height(), planes.width()];
        let (reference, candidate) = (size(references), size(candidates));
        if reference != candidate {
            return Err(Error::Sizes { reference, candidate });
        }
        Plan::new(self, candidate)
    }

    /// Hands pairs over in batches that fill the memory of a tile.
    fn in_batches<T>(
        &self,
        plan: &Plan,
        [references, candidates]: [&Planes; 2],
        range: SampleRange,
        compute: impl Fn(References<'_>, &[&dyn RgbSamples]) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let samples = |planes| (0..).map(move |index| PlanesSamples { planes, index, range });
        let (count, partners) = (candidates.batch(), references.batch());
        let candidates: Vec<_> = samples(candidates).take(count).collect();
        let references: Vec<_> = samples(references).take(partners).collect();
        let known = match (plan.whole(), partners == 1 && count > 1) {
            (Some(tile), true) => Some(activations(self, tile, &[&references[0]])?),
            _ => None,
        };
        let geometry = self.trunk.geometry().unwrap_or_default();
        let batch = batch_of(&geometry, plan.size).div_ceil(2);
        let mut all = Vec::with_capacity(count);
        for first in (0..count).step_by(batch) {
            let indices = first..(first + batch).min(count);
            let them: Vec<&dyn RgbSamples> =
                candidates[indices.clone()].iter().map(|candidate| candidate as _).collect();
            let partner = |index: usize| &references[index.min(partners - 1)] as &dyn RgbSamples;
            let partners: Vec<&dyn RgbSamples> = indices.map(partner).collect();
            let pair = match &known {
                Some(known) => References::Known(known),
                None => References::Pictures(&partners),
            };
            all.extend(compute(pair, &them)?);
        }
        Ok(all)
    }
}

impl Distance {
    fn of(outcome: Outcome) -> Self {
        let taps = outcome.parts.iter().map(|part| part.value).collect();
        Self { value: outcome.value, taps }
    }
}

/// Distances gathered over tiles.
pub(crate) struct Gathered {
    sizes: Vec<[usize; 2]>,
    sums: Vec<f64>,
    /// The distance at every position of every tap, when a map is wanted.
    maps: Option<Vec<Vec<f32>>>,
}

impl Gathered {
    fn mean(&self, tap: usize) -> f64 {
        self.sums[tap] / (self.sizes[tap][0] * self.sizes[tap][1]) as f64
    }
}

impl TapFormula for Lpips {
    type State = Gathered;

    fn trunk(&self) -> &Trunk {
        &self.trunk
    }

    fn scaling(&self) -> Scaling {
        self.version.scaling()
    }

    fn looks_at_samples(&self) -> bool {
        false
    }

    fn start(&self, sizes: &[[usize; 2]], map: bool) -> Gathered {
        let maps = || sizes.iter().map(|[height, width]| vec![0.0; height * width]).collect();
        Gathered { sizes: sizes.to_vec(), sums: vec![0.0; sizes.len()], maps: map.then(maps) }
    }

    fn add(&self, state: &mut Gathered, tap: usize, pair: &TapPair<'_>) -> Result<()> {
        let TapPair { reference, candidate, .. } = pair;
        let distances = self.taps[tap].distances(*reference, *candidate, &pair.runs());
        let distances = distances.map_err(lookalike_nn::Error::from)?;
        state.sums[tap] += distances.iter().map(|&distance| f64::from(distance)).sum::<f64>();
        let Some(maps) = &mut state.maps else { return Ok(()) };
        let width = state.sizes[tap][1];
        let [rows, columns] = &pair.owned;
        for (index, row) in distances.chunks_exact(columns.len().max(1)).enumerate() {
            debug_assert!(index < rows.len());
            let start = (pair.place[0] + index) * width + pair.place[1];
            let target = &mut maps[tap][start..start + row.len()];
            target.copy_from_slice(row);
        }
        Ok(())
    }

    fn finish(&self, state: &Gathered, size: [usize; 2]) -> Outcome {
        let means: Vec<f64> = (0..state.sums.len()).map(|tap| state.mean(tap)).collect();
        let parts = means.iter().enumerate();
        let parts = parts.map(|(tap, &mean)| Part::new(format!("tap_{}", tap + 1), mean)).collect();
        let map = state.maps.as_ref().map(|maps| {
            let mut sum = vec![0.0; size[0] * size[1]];
            for (map, &from) in maps.iter().zip(&state.sizes) {
                spatial::add_resized(&mut sum, size, map, from);
            }
            let values = sum.into_iter().map(|distance| distance as f32).collect();
            ScoreMap { width: size[1], height: size[0], values, left: 0, top: 0, step: 1 }
        });
        Outcome { value: means.iter().sum(), parts, map }
    }

    /// Activations of length one, averaged over the positions, times the roots of the channels' weights: the
    /// square of the distance between two such vectors is at most the metric (Jensen).
    fn embedding(&self, taps: &[Blocks]) -> Option<Vec<f64>> {
        let mut found = Vec::new();
        for (tap, roots) in taps.iter().zip(&self.roots) {
            pool(&tap.picture(0)?, roots, 1, &mut found);
        }
        Some(found)
    }

    fn derive(
        &self,
        state: &Gathered,
        tap: usize,
        pair: &TapPair<'_>,
        derivatives: &mut [Line],
    ) -> Result<()> {
        let [height, width] = state.sizes[tap];
        let scale = 1.0 / (height * width) as f32;
        let TapPair { reference, candidate, .. } = pair;
        let runs = pair.runs();
        let derived = self.taps[tap].derive(*reference, *candidate, &runs, scale, derivatives);
        Ok(derived.map_err(lookalike_nn::Error::from)?)
    }
}
