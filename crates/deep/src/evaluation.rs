//! A formula over pairs of pictures: tile by tile through the network, values and gradients.

use std::borrow::Cow;

use lookalike_core::Gradient;
use lookalike_kernels::leave_numbers;
use lookalike_nn::{Blocks, PictureBlocks, Planes};

use crate::plan::{Plan, Tile};
use crate::samples::RgbSamples;
use crate::tap_formula::{Outcome, TapFormula};
use crate::{Error, Result};

/// The activations of a tile of some pictures at all taps.
pub(crate) fn activations<F: TapFormula>(
    formula: &F,
    tile: Tile<'_>,
    pictures: &[&dyn RgbSamples],
) -> Result<Vec<Blocks>> {
    on_workers(|| {
        let (plain, scaled) = tile.input(formula, pictures)?;
        let taps = formula.trunk().activations(&scaled)?;
        leave_numbers(scaled.into_data());
        Ok(plain.into_iter().chain(taps).collect())
    })
}

/// What candidates are compared with.
#[derive(Clone, Copy)]
pub(crate) enum References<'a> {
    /// The activations of one picture that needs no tiles, for all candidates.
    Known(&'a [Blocks]),
    /// One picture for each candidate.
    Pictures(&'a [&'a dyn RgbSamples]),
}

impl<'a> References<'a> {
    fn of_tile<F: TapFormula>(&self, formula: &F, tile: Tile<'_>) -> Result<Cow<'a, [Blocks]>> {
        Ok(match *self {
            Self::Known(known) => known.into(),
            Self::Pictures(pictures) => activations(formula, tile, pictures)?.into(),
        })
    }

    fn check(&self, plan: &Plan, candidates: &[&dyn RgbSamples]) -> Result<()> {
        let candidate = |index: usize| candidates.get(index).map_or(plan.size, |c| c.size());
        if let Self::Pictures(pictures) = self {
            if pictures.len() != candidates.len() {
                let (references, candidates) = (pictures.len(), candidates.len());
                return Err(Error::Batches { references, candidates });
            }
            for (index, reference) in pictures.iter().map(|picture| picture.size()).enumerate() {
                if reference != plan.size {
                    return Err(Error::Sizes { reference, candidate: candidate(index) });
                }
            }
        }
        match (0..candidates.len()).map(candidate).find(|&size| size != plan.size) {
            Some(candidate) => Err(Error::Sizes { reference: plan.size, candidate }),
            None => Ok(()),
        }
    }
}

/// The value of a formula for every candidate, and its map when wanted.
pub(crate) fn compare<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    references: References<'_>,
    candidates: &[&dyn RgbSamples],
    map: bool,
) -> Result<Vec<Outcome>> {
    on_workers(|| {
        let states = gather(formula, plan, references, candidates, map)?;
        Ok(states.iter().map(|state| formula.finish(state, plan.size)).collect())
    })
}

/// Has a thread of the pool do what many layers of tasks are part of: any other thread would hand over every layer and
/// wait for it.
fn on_workers<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    rayon::scope(|_| work())
}

/// The same of two pictures whose activations are known; `None` for a plan with cuts.
pub(crate) fn compare_known<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    [reference, candidate]: [&[Blocks]; 2],
    map: bool,
) -> Option<Result<Outcome>> {
    let tile = plan.whole()?;
    let mut state = formula.start(&plan.taps, map);
    let mut add = || -> Result<()> {
        for (tap, (reference, candidate)) in reference.iter().zip(candidate).enumerate() {
            let pair = [picture(reference, 0)?, picture(candidate, 0)?];
            formula.add(&mut state, tap, &tile.pair(tap, pair))?;
        }
        Ok(())
    };
    Some(add().map(|()| formula.finish(&state, plan.size)))
}

/// Takes candidates through the network, and references as well where they are pictures: all as one
/// batch, so that filters are read once, and each tap is looked at as it comes. In tiles, which are
/// large enough to make filters cheap, references go first: that takes less memory.
fn gather<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    references: References<'_>,
    candidates: &[&dyn RgbSamples],
    map: bool,
) -> Result<Vec<F::State>> {
    references.check(plan, candidates)?;
    let start = |_| formula.start(&plan.taps, map);
    let mut states: Vec<F::State> = candidates.iter().map(start).collect();
    let count = candidates.len();
    let (alone, pictures) = match references {
        References::Pictures(references) if plan.whole().is_some() => {
            (false, [candidates, references].concat())
        }
        _ => (true, candidates.to_vec()),
    };
    for tile in plan.tiles() {
        let known = if alone { Some(references.of_tile(formula, tile)?) } else { None };
        let (plain, scaled) = tile.input(formula, &pictures)?;
        let mut add = |tap: usize, found: &Blocks| -> Result<()> {
            for (index, state) in states.iter_mut().enumerate() {
                let reference = match &known {
                    Some(known) => partner(known, tap, index)?,
                    None => picture(found, count + index)?,
                };
                formula.add(state, tap, &tile.pair(tap, [reference, picture(found, index)?]))?;
            }
            Ok(())
        };
        if let Some(plain) = &plain {
            add(0, plain)?;
        }
        let first = usize::from(plain.is_some());
        let mut outcome = Ok(());
        formula.trunk().visit(&scaled, |tap, found| {
            if outcome.is_ok() {
                outcome = add(first + tap, found);
            }
        })?;
        leave_numbers(scaled.into_data());
        outcome?;
    }
    Ok(states)
}

/// The activations of the reference of candidate `index`: of its own, or of the one for all.
fn partner(known: &[Blocks], tap: usize, index: usize) -> Result<PictureBlocks<'_>> {
    let known = known.get(tap).ok_or_else(absent)?;
    picture(known, index.min(known.shape()[0].saturating_sub(1)))
}

fn absent() -> Error {
    lookalike_nn::Error::Engine("activations are of fewer pictures or taps".to_owned()).into()
}

fn picture(blocks: &Blocks, index: usize) -> Result<PictureBlocks<'_>> {
    blocks.picture(index).ok_or_else(absent)
}

/// The value of a formula for every candidate and its derivative with respect to the candidate's
/// samples in 0…1, in three channels.
pub(crate) fn gradients<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    references: References<'_>,
    candidates: &[&dyn RgbSamples],
) -> Result<Vec<Gradient>> {
    on_workers(|| gradients_here(formula, plan, references, candidates))
}

fn gradients_here<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    references: References<'_>,
    candidates: &[&dyn RgbSamples],
) -> Result<Vec<Gradient>> {
    references.check(plan, candidates)?;
    let [height, width] = plan.size;
    let mut gradients: Vec<Gradient> = Vec::with_capacity(candidates.len());
    for _ in candidates {
        let samples = vec![0.0; 3 * height * width];
        gradients.push(Gradient { value: 0.0, width, height, channels: 3, samples });
    }
    // What belongs to all tiles must be known before the first is differentiated.
    let mut states: Vec<F::State> = match plan.whole() {
        Some(_) => candidates.iter().map(|_| formula.start(&plan.taps, false)).collect(),
        None => gather(formula, plan, references, candidates, false)?,
    };
    for tile in plan.tiles() {
        let known = references.of_tile(formula, tile)?;
        let (plain, scaled) = tile.input(formula, candidates)?;
        let mut direct = None;
        let pulled = formula.trunk().gradient(&scaled, |taps| -> Result<Vec<Blocks>> {
            let mut derived = Vec::with_capacity(taps.len() + 1);
            for (tap, found) in plain.iter().chain(taps.iter().copied()).enumerate() {
                // Positions of other tiles have no derivative here.
                let zeros = Blocks::zeros(found.shape());
                let mut derivatives = zeros.map_err(lookalike_nn::Error::from)?;
                for (index, state) in states.iter_mut().enumerate() {
                    let reference = partner(&known, tap, index)?;
                    let pair = tile.pair(tap, [reference, picture(found, index)?]);
                    if plan.whole().is_some() {
                        formula.add(state, tap, &pair)?;
                    }
                    let derivatives = derivatives.picture_mut(index).ok_or_else(absent)?;
                    formula.derive(state, tap, &pair, derivatives)?;
                }
                derived.push(derivatives);
            }
            if plain.is_some() {
                let planes = Planes::of_blocks(&derived.remove(0))?;
                direct = Some(planes);
            }
            Ok(derived)
        })?;
        leave_numbers(scaled.into_data());
        for (index, gradient) in gradients.iter_mut().enumerate() {
            let samples = &mut gradient.samples;
            let deviation = formula.scaling().deviation.map(f64::recip);
            spread(samples, [height, width], tile, pulled.picture(index), deviation);
            if let Some(direct) = &direct {
                spread(samples, [height, width], tile, direct.picture(index), [1.0; 3]);
            }
        }
    }
    for (gradient, state) in gradients.iter_mut().zip(&states) {
        gradient.value = formula.finish(state, plan.size).value;
    }
    Ok(gradients)
}

/// Adds the derivatives of a tile, times one factor per channel, at its place in the picture.
fn spread(
    samples: &mut [f64],
    [height, width]: [usize; 2],
    tile: Tile<'_>,
    derivatives: &[f32],
    factors: [f64; 3],
) {
    let (rows, columns) = (&tile.rows.input, &tile.columns.input);
    let area = (rows.len() * columns.len()).max(1);
    for (channel, (plane, factor)) in derivatives.chunks_exact(area).zip(factors).enumerate() {
        for (y, row) in rows.clone().zip(plane.chunks_exact(columns.len())) {
            let to = (channel * height + y) * width + columns.start;
            for (sum, &derivative) in samples[to..to + row.len()].iter_mut().zip(row) {
                *sum += f64::from(derivative) * factor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lookalike_nn::tiling::Span;
    use lookalike_nn::{Parameters as _, Planes, Seeded, TapGeometry, Trunk};

    use super::*;
    use crate::plan::core_side;
    use crate::samples::{PlanesSamples, SampleRange};
    use crate::{Dists, Head, Lpips, Net, Version};

    fn picture(height: usize, width: usize, seed: &str) -> Planes {
        let shape = [1, 3, height, width];
        Planes::new(shape, Seeded::new(seed).f32("lin", &shape).unwrap()).unwrap()
    }

    fn cut<F: TapFormula>(formula: &F, size: [usize; 2], core: usize) -> Plan {
        let mut geometry = formula.trunk().geometry().unwrap();
        if formula.looks_at_samples() {
            geometry.insert(0, TapGeometry::INPUT);
        }
        Plan::with_core(formula, size, &geometry, core).unwrap()
    }

    fn close(found: f64, expected: f64, size: f64, what: &str) {
        assert!((found - expected).abs() <= 2e-6 * size, "{what}: {found} against {expected}");
    }

    /// Values, parts, maps and gradients in tiles are those of the whole.
    fn tiles_are_the_whole<F: TapFormula>(
        formula: &F,
        size: [usize; 2],
        core: usize,
        tiles: usize,
    ) {
        let [a, b] = ["a", "b"].map(|seed| picture(size[0], size[1], seed));
        let [a, b] = [&a, &b].map(|planes| PlanesSamples {
            planes,
            index: 0,
            range: SampleRange::ZeroToOne,
        });
        let pictures: [&dyn RgbSamples; 1] = [&a];
        let reference = References::Pictures(&pictures);
        let plans = [cut(formula, size, 4096), cut(formula, size, core)];
        let counts = plans.each_ref().map(|plan| plan.tiles().count());
        assert!(counts[0] == 1 && counts[1] >= tiles, "{counts:?}");
        let [whole, tiled] = plans
            .each_ref()
            .map(|plan| compare(formula, plan, reference, &[&b], true).unwrap().remove(0));
        close(tiled.value, whole.value, whole.value, "value");
        for (tiled, whole) in tiled.parts.iter().zip(&whole.parts) {
            close(tiled.value, whole.value, whole.value, &whole.name);
        }
        assert_eq!(tiled.map.is_some(), whole.map.is_some());
        if let (Some(tiled), Some(whole)) = (tiled.map, whole.map) {
            let largest = whole.values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            for (tiled, whole) in tiled.values.iter().zip(whole.values) {
                close(f64::from(*tiled), f64::from(whole), f64::from(largest), "map");
            }
        }
        let [whole, tiled] = plans
            .each_ref()
            .map(|plan| gradients(formula, plan, reference, &[&b]).unwrap().remove(0));
        close(tiled.value, whole.value, whole.value, "value beside the gradient");
        let norm = |samples: &mut dyn Iterator<Item = f64>| {
            samples.map(|sample| sample * sample).sum::<f64>().sqrt()
        };
        let size = norm(&mut whole.samples.iter().copied());
        let pairs = tiled.samples.iter().zip(&whole.samples);
        let difference = norm(&mut pairs.map(|(tiled, whole)| tiled - whole));
        // In a tile the 4×4 outputs that Winograd computes together are others, and so is their rounding.
        assert!(difference <= 1e-4 * size, "gradient: {difference} of {size}");
    }

    fn lpips(net: Net) -> Lpips {
        let trunk = Trunk::new(net.backbone(), &Seeded::new(net.as_str())).unwrap();
        let head = Head::load(net, &Seeded::new("head")).unwrap();
        Lpips::new(net, Version::V0_1, Arc::new(trunk), head).unwrap()
    }

    #[test]
    fn lpips_in_tiles_is_lpips_of_the_whole() {
        tiles_are_the_whole(&lpips(Net::Alex), [293, 301], 80, 4);
        tiles_are_the_whole(&lpips(Net::Squeeze), [397, 70], 96, 2);
        tiles_are_the_whole(&lpips(Net::Vgg), [21, 355], 96, 2);
    }

    #[test]
    fn dists_in_tiles_is_dists_of_the_whole() {
        let seeded = Seeded::new("vgg");
        let backbone = lookalike_nn::Backbone::Vgg16HanningPool;
        let trunk = Trunk::new(backbone, &seeded).unwrap();
        let dists = Dists::new(Arc::new(trunk), &seeded).unwrap();
        tiles_are_the_whole(&dists, [21, 420], 96, 2);
    }

    #[test]
    fn large_pictures_are_cut_so_that_memory_stays_bounded() {
        for net in Net::ALL {
            let lpips = lpips(net);
            for size in [[1080, 1920], [9000, 12000]] {
                let plan = Plan::new(&lpips, size).unwrap();
                let positions = |span: &Span| span.input.len();
                let rows = plan.rows.iter().map(positions).max().unwrap();
                let columns = plan.columns.iter().map(positions).max().unwrap();
                let geometry = lpips.trunk().geometry().unwrap();
                let side = core_side(&geometry);
                assert!(rows.max(columns) <= 2 * side + 512, "{net:?} {rows}x{columns}");
            }
        }
    }
}
