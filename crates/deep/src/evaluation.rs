//! A formula over two pictures: tile by tile through the network, values and gradients.

use lookalike_core::Gradient;
use lookalike_nn::Blocks;

use crate::plan::{Plan, Tile};
use crate::samples::RgbSamples;
use crate::tap_formula::{Outcome, TapFormula, TapPair};
use crate::{Error, Result};

/// The activations of a tile at all taps.
pub(crate) fn activations<F: TapFormula>(
    formula: &F,
    tile: Tile<'_>,
    samples: &dyn RgbSamples,
) -> Result<Vec<Blocks>> {
    let (plain, scaled) = tile.input(formula, samples)?;
    let taps = formula.trunk().activations(&scaled)?;
    Ok(plain.into_iter().chain(taps).collect())
}

/// A picture whose activations are known, or too many to be kept.
pub(crate) struct Reference<'a> {
    pub(crate) samples: &'a dyn RgbSamples,
    pub(crate) activations: Option<&'a [Blocks]>,
}

impl Reference<'_> {
    fn of_tile<F: TapFormula>(
        &self,
        formula: &F,
        tile: Tile<'_>,
    ) -> Result<std::borrow::Cow<'_, [Blocks]>> {
        match self.activations {
            Some(known) => Ok(known.into()),
            None => Ok(activations(formula, tile, self.samples)?.into()),
        }
    }
}

fn check_sizes(plan: &Plan, reference: &Reference<'_>, candidate: &dyn RgbSamples) -> Result<()> {
    let (reference, candidate) = (reference.samples.size(), candidate.size());
    if reference == plan.size && candidate == plan.size {
        return Ok(());
    }
    Err(Error::Sizes { reference, candidate })
}

/// The value of a formula, and its map when wanted.
pub(crate) fn compare<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    reference: &Reference<'_>,
    candidate: &dyn RgbSamples,
    map: bool,
) -> Result<Outcome> {
    check_sizes(plan, reference, candidate)?;
    let state = gather(formula, plan, reference, candidate, map)?;
    Ok(formula.finish(&state, plan.size))
}

/// The same of the pictures `of` two batches whose activations are known; `None` for a plan with cuts.
pub(crate) fn compare_known<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    [reference, candidate]: [&[Blocks]; 2],
    of: [usize; 2],
    map: bool,
) -> Option<Result<Outcome>> {
    let tile = plan.whole()?;
    let mut state = formula.start(&plan.taps, map);
    let added = add(formula, &mut state, tile, (reference, candidate.iter()), of);
    Some(added.map(|()| formula.finish(&state, plan.size)))
}

fn gather<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    reference: &Reference<'_>,
    candidate: &dyn RgbSamples,
    map: bool,
) -> Result<F::State> {
    let mut state = formula.start(&plan.taps, map);
    for tile in plan.tiles() {
        let known = reference.of_tile(formula, tile)?;
        let found = activations(formula, tile, candidate)?;
        add(formula, &mut state, tile, (&known, found.iter()), [0, 0])?;
    }
    Ok(state)
}

/// Gathers the pictures `of` two batches of activations.
fn add<'a, F: TapFormula>(
    formula: &F,
    state: &mut F::State,
    tile: Tile<'_>,
    (reference, candidate): (&[Blocks], impl Iterator<Item = &'a Blocks>),
    of: [usize; 2],
) -> Result<()> {
    for (tap, (reference, candidate)) in reference.iter().zip(candidate).enumerate() {
        formula.add(state, tap, &pair(tile, tap, [reference, candidate], of)?)?;
    }
    Ok(())
}

fn pair<'a>(
    tile: Tile<'_>,
    tap: usize,
    [reference, candidate]: [&'a Blocks; 2],
    of: [usize; 2],
) -> Result<TapPair<'a>> {
    let absent = || Error::Batches { references: of[0], candidates: of[1] };
    let reference = reference.picture(of[0]).ok_or_else(absent)?;
    Ok(tile.pair(tap, reference, candidate.picture(of[1]).ok_or_else(absent)?))
}

/// The value of a formula and its derivative with respect to the candidate's samples in 0…1, in three
/// channels.
pub(crate) fn gradient<F: TapFormula>(
    formula: &F,
    plan: &Plan,
    reference: &Reference<'_>,
    candidate: &dyn RgbSamples,
) -> Result<Gradient> {
    check_sizes(plan, reference, candidate)?;
    let [height, width] = plan.size;
    let mut samples = vec![0.0; 3 * height * width];
    // What belongs to all tiles must be known before the first is differentiated.
    let mut state = match plan.whole() {
        Some(_) => formula.start(&plan.taps, false),
        None => gather(formula, plan, reference, candidate, false)?,
    };
    for tile in plan.tiles() {
        let known = reference.of_tile(formula, tile)?;
        let (plain, scaled) = tile.input(formula, candidate)?;
        let mut direct = None;
        let pulled = formula.trunk().gradient(&scaled, |taps| -> Result<Vec<Blocks>> {
            let found: Vec<&Blocks> = plain.iter().chain(taps.iter().copied()).collect();
            if plan.whole().is_some() {
                add(formula, &mut state, tile, (&known, found.iter().copied()), [0, 0])?;
            }
            let mut derived = Vec::with_capacity(found.len());
            for (tap, (known, found)) in known.iter().zip(found).enumerate() {
                let mut derivatives = Blocks::new();
                derivatives.reshape(found.shape()).map_err(lookalike_nn::Error::from)?;
                let pair = pair(tile, tap, [known, found], [0, 0])?;
                formula.derive(&state, tap, &pair, &mut derivatives)?;
                derived.push(derivatives);
            }
            if plain.is_some() {
                direct = Some(derived.remove(0).to_planes());
            }
            Ok(derived)
        })?;
        let deviation = formula.scaling().deviation;
        let (rows, columns) = (&tile.rows.input, &tile.columns.input);
        let area = rows.len() * columns.len();
        for (channel, deviation) in deviation.into_iter().enumerate() {
            for (index, y) in rows.clone().enumerate() {
                let from = channel * area + index * columns.len();
                let to = (channel * height + y) * width + columns.start;
                let part = from..from + columns.len();
                let target = &mut samples[to..to + columns.len()];
                for (sum, &g) in target.iter_mut().zip(&pulled.data()[part.clone()]) {
                    *sum += f64::from(g) / deviation;
                }
                let direct = direct.iter().flat_map(|planes| &planes[part.clone()]);
                for (sum, &g) in target.iter_mut().zip(direct) {
                    *sum += f64::from(g);
                }
            }
        }
    }
    let value = formula.finish(&state, plan.size).value;
    Ok(Gradient { value, width, height, channels: 3, samples })
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
        let reference = Reference { samples: &a, activations: None };
        let plans = [cut(formula, size, 4096), cut(formula, size, core)];
        let counts = plans.each_ref().map(|plan| plan.tiles().count());
        assert!(counts[0] == 1 && counts[1] >= tiles, "{counts:?}");
        let [whole, tiled] =
            plans.each_ref().map(|plan| compare(formula, plan, &reference, &b, true).unwrap());
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
        let [whole, tiled] =
            plans.each_ref().map(|plan| gradient(formula, plan, &reference, &b).unwrap());
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
