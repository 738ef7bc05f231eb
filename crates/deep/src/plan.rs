//! How pictures of one size are cut into tiles for a formula, and what each tile hands over.

use std::ops::Range;

use lookalike_kernels::{leave_numbers, take_numbers};
use lookalike_nn::geometry::tap_lengths;
use lookalike_nn::tiling::{Span, spans};
use lookalike_nn::{Blocks, PictureBlocks, Planes, TapGeometry};
use rayon::prelude::*;

use crate::Result;
use crate::samples::RgbSamples;
use crate::tap_formula::{TapFormula, TapPair};

/// Bytes that the activations of one tile of one picture may take. Peak memory is a few times this:
/// those of both pictures, and what the network needs on the way.
const TILE_BYTES: usize = 128 << 20;

/// Samples of a channel that are read together: the first cache holds them until they are scaled.
const STRIP: usize = 1 << 10;

/// How pictures of one size are cut.
pub(crate) struct Plan {
    /// Height and width of the pictures it is for.
    pub(crate) size: [usize; 2],
    /// Height and width of every tap of the whole picture.
    pub(crate) taps: Vec<[usize; 2]>,
    pub(crate) rows: Vec<Span>,
    pub(crate) columns: Vec<Span>,
}

impl Plan {
    /// The plan for pictures of a height and width.
    pub(crate) fn new<F: TapFormula>(formula: &F, size: [usize; 2]) -> Result<Self> {
        let network = formula.trunk().geometry();
        let mut geometry =
            network.ok_or(lookalike_nn::Error::NotTileable(formula.trunk().backbone().name()))?;
        if formula.looks_at_samples() {
            geometry.insert(0, TapGeometry::INPUT);
        }
        Self::with_core(formula, size, &geometry, core_side(&geometry))
    }

    /// The plan with cores of a side.
    pub(crate) fn with_core<F: TapFormula>(
        formula: &F,
        size: [usize; 2],
        geometry: &[TapGeometry],
        core: usize,
    ) -> Result<Self> {
        let trunk = formula.trunk();
        let layers = trunk.backbone().layers();
        let [height, width] = size;
        let too_small = || lookalike_nn::Error::TooSmall {
            network: trunk.backbone().name(),
            minimum: trunk.minimum_side(),
            width,
            height,
        };
        let lengths = |side: usize| -> Result<Vec<usize>> {
            let mut lengths = tap_lengths(&layers, side).ok_or_else(too_small)?;
            if formula.looks_at_samples() {
                lengths.insert(0, side);
            }
            Ok(lengths)
        };
        let (vertical, horizontal) = (lengths(height)?, lengths(width)?);
        Ok(Self {
            size,
            rows: spans(geometry, &vertical, height, core),
            columns: spans(geometry, &horizontal, width, core),
            taps: vertical.into_iter().zip(horizontal).map(|(h, w)| [h, w]).collect(),
        })
    }

    pub(crate) fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        self.rows
            .iter()
            .flat_map(|rows| self.columns.iter().map(move |columns| Tile { rows, columns }))
    }

    /// The one tile, when the picture is not cut.
    pub(crate) fn whole(&self) -> Option<Tile<'_>> {
        match (self.rows.as_slice(), self.columns.as_slice()) {
            ([rows], [columns]) => Some(Tile { rows, columns }),
            _ => None,
        }
    }
}

/// How many pictures of a height and width a batch may have so that its activations fill the bytes of a
/// tile; one at least.
pub(crate) fn batch_of(geometry: &[TapGeometry], [height, width]: [usize; 2]) -> usize {
    let side = core_side(geometry);
    (side * side / (height * width).max(1)).max(1)
}

/// The side of a square whose activations fill the bytes of a tile.
pub(crate) fn core_side(geometry: &[TapGeometry]) -> usize {
    let per_position = |tap: &TapGeometry| {
        (tap.channels * size_of::<f32>()) as f64 / (tap.stride * tap.stride) as f64
    };
    let bytes: f64 = geometry.iter().map(per_position).sum();
    (TILE_BYTES as f64 / bytes.max(1.0)).sqrt() as usize
}

/// A part of a picture.
#[derive(Clone, Copy)]
pub(crate) struct Tile<'a> {
    pub(crate) rows: &'a Span,
    pub(crate) columns: &'a Span,
}

impl Tile<'_> {
    /// What a formula takes of a pair at one tap.
    pub(crate) fn pair<'a>(
        &self,
        tap: usize,
        [reference, candidate]: [PictureBlocks<'a>; 2],
    ) -> TapPair<'a> {
        let local = |span: &Span| {
            let (owned, first) = (&span.owned[tap], span.first[tap]);
            owned.start - first..owned.end - first
        };
        TapPair {
            reference,
            candidate,
            owned: [local(self.rows), local(self.columns)],
            place: [self.rows.owned[tap].start, self.columns.owned[tap].start],
        }
    }

    /// What the network reads of this tile of some pictures, as one batch, and the samples where the
    /// formula looks at them.
    pub(crate) fn input<F: TapFormula>(
        &self,
        formula: &F,
        pictures: &[&dyn RgbSamples],
    ) -> Result<(Option<Blocks>, Planes)> {
        let (rows, columns) = (&self.rows.input, &self.columns.input);
        let shape = [pictures.len(), 3, rows.len(), columns.len()];
        let scaling = formula.scaling();
        let scaled = self.read(pictures, |picture, rows, columns, planes| {
            picture.scaled(rows, columns, &scaling, planes)
        })?;
        let scaled = Planes::new(shape, scaled)?;
        if !formula.looks_at_samples() {
            return Ok((None, scaled));
        }
        let plain = self.read(pictures, |picture, rows, columns, planes| {
            let samples = picture.read(rows, columns);
            let parts = samples.chunks_exact((samples.len() / 3).max(1));
            for (samples, plane) in parts.zip(planes) {
                plane.iter_mut().zip(samples).for_each(|(to, &sample)| *to = sample as f32);
            }
            Ok(())
        })?;
        let mut blocks = Blocks::new();
        blocks.read_planes(shape, &plain).map_err(lookalike_nn::Error::from)?;
        leave_numbers(plain);
        Ok((Some(blocks), scaled))
    }

    /// Three planes of every picture, which `fill` makes of rows and columns: strip by strip, each by one task.
    fn read(
        &self,
        pictures: &[&dyn RgbSamples],
        fill: impl Fn(
            &dyn RgbSamples,
            Range<usize>,
            Range<usize>,
            [&mut [f32]; 3],
        ) -> lookalike_nn::Result<()>
        + Sync,
    ) -> Result<Vec<f32>> {
        let (rows, columns) = (&self.rows.input, &self.columns.input);
        let area = rows.len() * columns.len();
        let mut planes = take_numbers(3 * area * pictures.len());
        let strip = (STRIP / columns.len().max(1)).max(1);
        let length = (strip * columns.len()).max(1);
        let mut strips = Vec::new();
        for (&picture, planes) in pictures.iter().zip(planes.chunks_exact_mut((3 * area).max(1))) {
            let (red, others) = planes.split_at_mut(area);
            let (green, blue) = others.split_at_mut(area);
            let parts = red.chunks_mut(length).zip(green.chunks_mut(length));
            let parts = parts.zip(blue.chunks_mut(length));
            for (first, ((red, green), blue)) in rows.clone().step_by(strip).zip(parts) {
                strips.push((picture, first..(first + strip).min(rows.end), [red, green, blue]));
            }
        }
        strips
            .into_par_iter()
            .try_for_each(|(picture, rows, planes)| fill(picture, rows, columns.clone(), planes))?;
        Ok(planes)
    }
}
