//! The gradient of MS-SSIM with respect to the candidate.
//!
//! Every scale gives the derivative of its own factor, as SSIM's gradient does
//! ([`gradient`](super::gradient)). When all factors are known, so is the share of each in the
//! value, and the derivatives travel from the coarsest scale to the finest: each is multiplied by
//! its share and gets what the next coarser one spreads over it.
//!
//! Beside the gradient itself, s and d of the coarser scales are kept: a third of a pair in single
//! precision.

use rayon::prelude::*;

use super::gradient::of_scale;
use super::halving::Step;
use super::kernel::Wanted;
use super::level::Shape;
use super::processor::Processor;
use super::quotients::Formula;
use super::rows::Rows;
use super::{PairRows, Schedule};
use crate::downsample::Halving;
use crate::ssim::{Constants, Window};

/// The factors of MS-SSIM, channel by channel, and the derivative with respect to every sample on
/// 0…1, channel after channel, of the number whose derivatives by the factors of one channel
/// `shares` gives.
///
/// `None` for windows that the kernels do not know and for halvings that look beyond the edge. The
/// coarsest scale has at least [`TAPS`](super::TAPS) rows and columns.
pub(crate) fn multi_scale_gradient(
    rows: &PairRows<'_>,
    window: &Window,
    constants: Constants,
    (scales, halving): (usize, Halving),
    shares: impl Fn(&[f64]) -> Vec<f64>,
    schedule: Schedule,
) -> Option<(Vec<Vec<f64>>, Vec<f32>)> {
    if !matches!(halving, Halving::EdgeRepeated | Halving::Floor) {
        return None;
    }
    let formula = Formula::new(window, constants, rows.full_scale).filter(Formula::is_whole)?;
    let steps = Step::all(rows.shape(), scales, halving, -rows.full_scale);
    let coarser = Halved::all(rows, &steps, schedule.processor);
    let wanted = |scale: usize| {
        if scale == steps.len() { Wanted::Gradient } else { Wanted::StructureGradient }
    };
    let unit = |shape: Shape| f64::from(rows.full_scale) / shape.positions() as f64;
    let of_coarser = |(index, halved): (usize, &Halved)| {
        of_scale(halved, &formula, wanted(index + 1), unit(halved.shape), schedule)
    };
    let (finest, of_coarser): (_, Vec<_>) = rayon::join(
        || of_scale(rows, &formula, wanted(0), unit(rows.shape()), schedule),
        || coarser.par_iter().enumerate().map(of_coarser).collect(),
    );
    let (factors, mut gradients): (Vec<_>, Vec<_>) =
        std::iter::once(finest).chain(of_coarser).unzip();
    let channels = rows.shape().channels;
    let factors_of =
        |channel: usize| factors.iter().map(|scale: &Vec<f64>| scale[channel]).collect();
    let factors: Vec<Vec<f64>> = (0..channels).map(factors_of).collect();
    let shares: Vec<Vec<f64>> = factors.iter().map(|factors| shares(factors)).collect();
    let mut sum = gradients.pop()?;
    let pixels = sum.len() / channels;
    for (channel, shares) in sum.chunks_mut(pixels).zip(&shares) {
        channel.iter_mut().for_each(|v| *v *= shares[steps.len()] as f32);
    }
    for (scale, (step, mut gradient)) in steps.iter().zip(gradients).enumerate().rev() {
        let planes = gradient.chunks_mut(step.finer.width * step.finer.height);
        let coarser = sum.chunks(step.coarser.width * step.coarser.height);
        for ((finer, coarser), shares) in planes.zip(coarser).zip(&shares) {
            step.spread_back(schedule.processor, coarser, finer, shares[scale] as f32);
        }
        sum = gradient;
    }
    Some((factors, sum))
}

/// s and d of a coarser scale.
struct Halved {
    shape: Shape,
    sum: Vec<f32>,
    difference: Vec<f32>,
}

impl Halved {
    /// All scales but the finest.
    fn all(rows: &PairRows<'_>, steps: &[Step], processor: Processor) -> Vec<Self> {
        let mut scales: Vec<Self> = Vec::with_capacity(steps.len());
        for step in steps {
            let next = match scales.last() {
                None => Self::of(rows, step, processor),
                Some(finer) => Self::of(finer, step, processor),
            };
            scales.push(next);
        }
        scales
    }

    fn of(rows: &impl Rows, step: &Step, processor: Processor) -> Self {
        let (shape, length) = (step.coarser, step.coarser.row_length());
        let [mut sum, mut difference] = [(); 2].map(|()| vec![0.0; length * shape.height]);
        let finer_length = step.finer.row_length();
        let out = sum.par_chunks_exact_mut(length).zip(difference.par_chunks_exact_mut(length));
        out.enumerate().for_each_init(
            || [(); 2].map(|()| [vec![0.0; finer_length], vec![0.0; finer_length]]),
            |finer, (y, (sum, difference))| {
                let needed = step.finer_rows(&(y..y + 1));
                for (row, [sum, difference]) in needed.clone().zip(finer.iter_mut()) {
                    rows.read(processor, row, sum, difference);
                }
                let row_of = |row: usize| {
                    let [sum, difference] = &finer[row - needed.start];
                    (&sum[..], &difference[..])
                };
                processor.run_closure(
                    #[inline(always)]
                    || step.halve(row_of, y, sum, difference),
                );
            },
        );
        Self { shape, sum, difference }
    }
}

impl Rows for Halved {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn read(&self, _: Processor, y: usize, sum: &mut [f32], difference: &mut [f32]) {
        let length = self.shape.row_length();
        let span = y * length..(y + 1) * length;
        sum.copy_from_slice(&self.sum[span.clone()]);
        difference.copy_from_slice(&self.difference[span]);
    }
}
