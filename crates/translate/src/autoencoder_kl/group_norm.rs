//! Normalisation of groups of channels, with SiLU behind it where it is wanted, and the derivatives.
//!
//! y = γ·(x − μ)/√(σ² + ε) + β with mean and variance over all positions of the channels of a group (Wu and
//! He, "Group Normalization", ECCV 2018, equations 1 to 3), ε = 1e-6; then y·σ(y).
//!
//! Way back, with x̂ = (x − μ)·r and r = 1/√(σ² + ε): dx = r·(γ·dy − mean(γ·dy) − x̂·mean(γ·dy·x̂)), means over
//! the group.
//!
//! Sums are taken in double precision over strips of positions of a fixed length, and then strip by strip and
//! channel by channel: the same bits for any number of threads.

use lookalike_kernels::{Blocks, LANES, Line, Processor, silu, silu_backward};
use rayon::prelude::*;

use crate::{Error, Result};

/// What is added to variances.
const EPSILON: f64 = 1e-6;

/// Positions of one task.
const STRIP: usize = 512;

/// What follows a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Nothing,
    /// y·σ(y).
    Silu,
}

/// Factors and offsets per channel.
#[derive(Clone, Debug)]
pub(super) struct GroupNorm {
    processor: Processor,
    groups: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Mean and reciprocal deviation of every group.
pub(super) type Statistics = Vec<[f64; 2]>;

/// Two sums for each channel of a block.
type Sums = [[f64; LANES]; 2];

/// `(x − mean)·factor + offset` for each channel of a block.
#[derive(Clone, Copy, Default)]
struct Affine {
    mean: [f32; LANES],
    factor: [f32; LANES],
    offset: [f32; LANES],
}

impl GroupNorm {
    /// # Errors
    /// [`Error::Refused`] unless there are equally many channels in each group.
    pub(super) fn new(
        processor: Processor,
        groups: usize,
        weight: Vec<f32>,
        bias: Vec<f32>,
    ) -> Result<Self> {
        let channels = weight.len();
        if groups == 0 || channels == 0 || !channels.is_multiple_of(groups) {
            return Err(Error::Refused(format!(
                "{channels} channels cannot be shared out among {groups} groups"
            )));
        }
        Ok(Self { processor, groups, weight, bias })
    }

    fn of_group(&self) -> usize {
        self.weight.len() / self.groups
    }

    /// What comes out, and the statistics for the way back.
    pub(super) fn forward(&self, input: &Blocks, then: Then) -> Result<(Blocks, Statistics)> {
        self.expect(input)?;
        let statistics = self.statistics(input);
        let affines = self.affines(&statistics);
        let mut output = Blocks::new();
        output.reshape(input.shape())?;
        let area = input.area();
        let blocks = input.lines().par_chunks(area).zip(&affines);
        output.lines_mut().par_chunks_mut(area).zip(blocks).try_for_each(
            |(output, (input, affine))| {
                let strips = output.par_chunks_mut(STRIP).zip(input.par_chunks(STRIP));
                strips.try_for_each(|(output, input)| {
                    let normal = affine.apply(input);
                    match then {
                        Then::Nothing => put(output, &normal),
                        Then::Silu => {
                            let mut active = vec![0.0; normal.len()];
                            silu(self.processor, &normal, &mut active)?;
                            put(output, &active);
                        }
                    }
                    Ok::<(), Error>(())
                })
            },
        )?;
        Ok((output, statistics))
    }

    /// The derivative with respect to the input that gave these statistics.
    pub(super) fn backward(
        &self,
        input: &Blocks,
        statistics: &Statistics,
        mut upstream: Blocks,
        then: Then,
    ) -> Result<Blocks> {
        self.expect(input)?;
        if upstream.shape() != input.shape() || statistics.len() != self.groups {
            return Err(Error::Refused(format!(
                "a normalisation: expected derivatives of shape {:?}, found {:?}",
                input.shape(),
                upstream.shape()
            )));
        }
        let affines = self.affines(statistics);
        let area = input.area();
        let blocks = input.lines().par_chunks(area).zip(&affines);
        if then == Then::Silu {
            upstream.lines_mut().par_chunks_mut(area).zip(blocks.clone()).try_for_each(
                |(slopes, (input, affine))| {
                    let strips = slopes.par_chunks_mut(STRIP).zip(input.par_chunks(STRIP));
                    strips.try_for_each(|(slopes, input)| {
                        let normal = affine.apply(input);
                        let above: Vec<f32> = slopes.iter().flat_map(|line| line.0).collect();
                        let mut found = vec![0.0; normal.len()];
                        silu_backward(self.processor, &normal, &above, &mut found)?;
                        put(slopes, &found);
                        Ok::<(), Error>(())
                    })
                },
            )?;
        }
        let backs = self.ways_back(input, statistics, &upstream);
        upstream.lines_mut().par_chunks_mut(area).zip(blocks.zip(&backs)).for_each(
            |(slopes, ((input, affine), back))| {
                let strips = slopes.par_chunks_mut(STRIP).zip(input.par_chunks(STRIP));
                strips.for_each(|(slopes, input)| {
                    for (slopes, input) in slopes.iter_mut().zip(input) {
                        for lane in 0..LANES {
                            let centred = input.0[lane] - affine.mean[lane];
                            slopes.0[lane] = affine.factor[lane] * slopes.0[lane]
                                - (centred * back.factor[lane] + back.offset[lane]);
                        }
                    }
                });
            },
        );
        Ok(upstream)
    }

    /// # Errors
    /// [`Error::Refused`] for anything else than one picture of the right number of channels.
    fn expect(&self, input: &Blocks) -> Result<()> {
        let [batch, channels, ..] = input.shape();
        if [batch, channels] == [1, self.weight.len()] {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "a normalisation: expected one picture of {} channels, found {batch} of {channels}",
            self.weight.len()
        )))
    }

    fn statistics(&self, input: &Blocks) -> Statistics {
        let sums = sums(input, |_, _, line, [plain, squares]| {
            for ((plain, square), number) in plain.iter_mut().zip(squares).zip(line.0) {
                let number = f64::from(number);
                *plain += number;
                *square += number * number;
            }
        });
        let count = (self.of_group() * input.area()) as f64;
        let of_group = |group: usize| {
            let mut both = [0.0; 2];
            for channel in group * self.of_group()..(group + 1) * self.of_group() {
                let own = &sums[channel / LANES];
                both[0] += own[0][channel % LANES];
                both[1] += own[1][channel % LANES];
            }
            let mean = both[0] / count;
            // Rounding may leave a constant group with less than nothing.
            let variance = (both[1] / count - mean * mean).max(0.0);
            [mean, 1.0 / (variance + EPSILON).sqrt()]
        };
        (0..self.groups).map(of_group).collect()
    }

    /// For each block of channels. Lanes without a channel give 0.
    fn affines(&self, statistics: &Statistics) -> Vec<Affine> {
        let mut affines = vec![Affine::default(); self.weight.len().div_ceil(LANES)];
        for (channel, (&weight, &bias)) in self.weight.iter().zip(&self.bias).enumerate() {
            let [mean, inverse] = statistics[channel / self.of_group()];
            let (affine, lane) = (&mut affines[channel / LANES], channel % LANES);
            let factor = f64::from(weight) * inverse;
            affine.mean[lane] = mean as f32;
            affine.factor[lane] = factor as f32;
            // What the mean lost when it was rounded is made up for.
            let lost = f64::from(affine.mean[lane]) - mean;
            affine.offset[lane] = (f64::from(bias) + lost * factor) as f32;
        }
        affines
    }

    /// What is taken off γ·r·dy for each block of channels, as factors of x − mean and offsets.
    fn ways_back(&self, input: &Blocks, statistics: &Statistics, slopes: &Blocks) -> Vec<Affine> {
        let mut means = vec![[0.0; LANES]; input.depth()];
        for channel in 0..self.weight.len() {
            means[channel / LANES][channel % LANES] = statistics[channel / self.of_group()][0];
        }
        let inputs = input.lines();
        let sums = sums(slopes, |block, at, slopes, sums| {
            let (input, mean) = (&inputs[at], &means[block]);
            for lane in 0..LANES {
                let slope = f64::from(slopes.0[lane]);
                sums[0][lane] += slope;
                sums[1][lane] += slope * (f64::from(input.0[lane]) - mean[lane]);
            }
        });
        let count = (self.of_group() * input.area()) as f64;
        let mut backs = vec![Affine::default(); input.depth()];
        for (group, &[mean, inverse]) in statistics.iter().enumerate() {
            let channels = group * self.of_group()..(group + 1) * self.of_group();
            let mut both = [0.0; 2];
            for channel in channels.clone() {
                let (own, lane) = (&sums[channel / LANES], channel % LANES);
                let weight = f64::from(self.weight[channel]);
                both[0] += weight * own[0][lane];
                both[1] += weight * own[1][lane];
            }
            let factor = inverse.powi(3) * both[1] / count;
            let lost = f64::from(mean as f32) - mean;
            let offset = inverse * both[0] / count + lost * factor;
            for channel in channels {
                let (back, lane) = (&mut backs[channel / LANES], channel % LANES);
                back.factor[lane] = factor as f32;
                back.offset[lane] = offset as f32;
            }
        }
        backs
    }
}

impl Affine {
    fn apply(&self, lines: &[Line]) -> Vec<f32> {
        let mut numbers = vec![0.0; lines.len() * LANES];
        for (line, to) in lines.iter().zip(numbers.as_chunks_mut::<LANES>().0) {
            for (lane, to) in to.iter_mut().enumerate() {
                *to = (line.0[lane] - self.mean[lane]) * self.factor[lane] + self.offset[lane];
            }
        }
        numbers
    }
}

fn put(lines: &mut [Line], numbers: &[f32]) {
    for (line, from) in lines.iter_mut().zip(numbers.as_chunks::<LANES>().0) {
        line.0 = *from;
    }
}

/// Sums over the positions of each block of channels; `add` takes the block, the line's place among all, and
/// the line.
fn sums(blocks: &Blocks, add: impl Fn(usize, usize, &Line, &mut Sums) + Sync) -> Vec<Sums> {
    let area = blocks.area();
    let strips = area.div_ceil(STRIP);
    let parts: Vec<Sums> = (0..blocks.depth() * strips)
        .into_par_iter()
        .map(|task| {
            let (block, strip) = (task / strips, task % strips);
            let first = block * area + strip * STRIP;
            let end = (first + STRIP).min((block + 1) * area);
            let mut sums = [[0.0; LANES]; 2];
            for (at, line) in blocks.lines()[first..end].iter().enumerate() {
                add(block, first + at, line, &mut sums);
            }
            sums
        })
        .collect();
    let whole = |parts: &[Sums]| {
        let mut sums = [[0.0; LANES]; 2];
        for part in parts {
            for which in 0..2 {
                for lane in 0..LANES {
                    sums[which][lane] += part[which][lane];
                }
            }
        }
        sums
    };
    parts.chunks(strips).map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoencoder_kl::checks::{assert_near, bits_for_any_threads, noise};

    /// Values in double precision.
    fn exact(groups: usize, [weight, bias]: [&[f32]; 2], input: &[f64], then: Then) -> Vec<f64> {
        let area = input.len() / weight.len();
        let mut output = Vec::new();
        for (group, numbers) in input.chunks(input.len() / groups).enumerate() {
            let count = numbers.len() as f64;
            let mean = numbers.iter().sum::<f64>() / count;
            let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            for (at, x) in numbers.iter().enumerate() {
                let channel = group * (weight.len() / groups) + at / area;
                let y = (x - mean) / (variance + 1e-6).sqrt() * f64::from(weight[channel])
                    + f64::from(bias[channel]);
                output.push(if then == Then::Silu { y / (1.0 + (-y).exp()) } else { y });
            }
        }
        output
    }

    #[test]
    fn values_and_derivatives() {
        for (channels, groups, [height, width]) in
            [(24, 4, [3, 5]), (16, 16, [1, 2]), (40, 5, [30, 20])]
        {
            let count = channels * height * width;
            let weight: Vec<f32> = noise(channels, 1).iter().map(|n| 1.0 + 0.5 * n).collect();
            let bias = noise(channels, 2);
            // Far from zero, by the standards of single precision.
            let input: Vec<f32> = noise(count, 3).iter().map(|n| 30.0 + 2.0 * n).collect();
            let upstream = noise(count, 4);
            let norm =
                GroupNorm::new(Processor::best(), groups, weight.clone(), bias.clone()).unwrap();
            let mut blocks = Blocks::new();
            blocks.read_planes([1, channels, height, width], &input).unwrap();
            let double: Vec<f64> = input.iter().map(|&x| x.into()).collect();
            for then in [Then::Nothing, Then::Silu] {
                let value = |input: &[f64]| exact(groups, [&weight, &bias], input, then);
                let (output, statistics) = norm.forward(&blocks, then).unwrap();
                assert_near(&output.to_planes(), &value(&double), 2e-6);
                let mut above = Blocks::new();
                above.read_planes([1, channels, height, width], &upstream).unwrap();
                let found = norm.backward(&blocks, &statistics, above, then).unwrap().to_planes();
                for at in (0..count).step_by(count / 7) {
                    let sum = |step: f64| -> f64 {
                        let mut input = double.clone();
                        input[at] += step;
                        let products = value(&input);
                        products.iter().zip(&upstream).map(|(y, &g)| y * f64::from(g)).sum()
                    };
                    let slope = (sum(1e-4) - sum(-1e-4)) / 2e-4;
                    let error = (f64::from(found[at]) - slope).abs();
                    assert!(error < 3e-6, "{then:?} {at}: {} {slope}", found[at]);
                }
            }
        }
    }

    #[test]
    fn lanes_without_a_channel_stay_zero_and_threads_make_no_difference() {
        let (channels, area) = (20, 40 * 40);
        let norm =
            GroupNorm::new(Processor::best(), 4, vec![1.5; channels], vec![0.5; channels]).unwrap();
        let mut blocks = Blocks::new();
        blocks.read_planes([1, channels, 40, 40], &noise(channels * area, 1)).unwrap();
        bits_for_any_threads(|| {
            let (output, statistics) = norm.forward(&blocks, Then::Silu).unwrap();
            let back = norm.backward(&blocks, &statistics, output.clone(), Then::Silu).unwrap();
            for blocks in [&output, &back] {
                assert!(blocks.lines()[area..].iter().all(|line| line.0[4..] == [0.0; 12]));
            }
            [output.to_planes(), back.to_planes()].concat()
        });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let best = Processor::best();
        assert!(GroupNorm::new(best, 3, vec![1.0; 16], vec![0.0; 16]).is_err());
        assert!(GroupNorm::new(best, 0, vec![1.0; 16], vec![0.0; 16]).is_err());
        let norm = GroupNorm::new(best, 4, vec![1.0; 16], vec![0.0; 16]).unwrap();
        let two = Blocks::zeros([2, 16, 2, 2]).unwrap();
        assert!(norm.forward(&two, Then::Nothing).is_err());
        let one = Blocks::zeros([1, 16, 2, 2]).unwrap();
        let (output, statistics) = norm.forward(&one, Then::Nothing).unwrap();
        assert_eq!(output.to_planes(), [0.0; 64], "a constant has no deviation");
        let narrow = Blocks::zeros([1, 16, 2, 1]).unwrap();
        assert!(norm.backward(&one, &statistics, narrow, Then::Nothing).is_err());
    }
}
