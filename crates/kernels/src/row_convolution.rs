//! 3×3 convolutions with few inputs or outputs, stride 1, a row at a time.
//!
//! z_o(y, x) = Σ_c Σ_r Σ_t w_ocrt·v_c(y + r − 1, x + t − 1). Blocks of sixteen channels would mostly hold
//! zeros for five channels, so lanes are columns here: five outputs by four vectors of columns stay in
//! registers while inputs and taps run past them.
//!
//! Rows are padded by their owner: a number before the first column and some after the last, all zero, so
//! that no column is special ([`PaddedRow`]). Every sum has one order: rows, inputs, taps.

use crate::lanes::{LANES, Lanes};
use crate::processor::Kernel;
use crate::{Error, Processor, Result};

/// Outputs whose sums are in registers together.
const GROUP: usize = 5;
/// Columns that are read at once, at most.
const SPAN: usize = 4 * LANES;

/// The layout of padded rows: `[channel][stride]`, column x of channel c at `c·stride + 1 + x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaddedRow {
    /// Columns.
    pub width: usize,
    /// Numbers of a channel.
    pub stride: usize,
}

impl PaddedRow {
    /// For rows of a width.
    pub fn of(width: usize) -> Self {
        Self { width, stride: width.div_ceil(SPAN) * SPAN + LANES }
    }

    /// A row of zeros.
    pub fn zeros(self, channels: usize) -> Vec<f32> {
        vec![0.0; channels * self.stride]
    }
}

/// Filters of 3×3 taps.
#[derive(Clone, Debug)]
pub struct RowConvolution {
    inputs: usize,
    outputs: usize,
    /// `[output][input][row][tap]`, as they were given.
    weights: Vec<f32>,
    /// `[group][input][row][tap][output of the group]`.
    packed: Vec<f32>,
}

impl RowConvolution {
    /// Filters `[output][input][3][3]`.
    ///
    /// # Errors
    /// [`Error::Count`] where they are not so many.
    pub fn new(inputs: usize, outputs: usize, weights: Vec<f32>) -> Result<Self> {
        crate::elementwise::check("filters", &weights, inputs * outputs * 9)?;
        let mut packed = Vec::with_capacity(weights.len());
        for first in (0..outputs).step_by(GROUP) {
            let group = first..(first + GROUP).min(outputs);
            for at in 0..inputs * 9 {
                packed.extend(group.clone().map(|output| weights[output * inputs * 9 + at]));
            }
        }
        Ok(Self { inputs, outputs, weights, packed })
    }

    /// Channels read.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels written.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The filters, `[output][input][3][3]`.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// A row of all outputs: the sums, or with `subtract` what was there less the sums. `rows` are the padded
    /// rows above, here and below, `None` beyond the picture; column x of output o goes to
    /// `to[o·stride + start + x]`.
    ///
    /// # Errors
    /// [`Error::Count`] where a row or `to` is too short.
    pub fn row(
        &self,
        processor: Processor,
        layout: PaddedRow,
        rows: [Option<&[f32]>; 3],
        subtract: bool,
        to: Destination<'_>,
    ) -> Result<()> {
        for row in rows.into_iter().flatten() {
            crate::elementwise::check("a padded row", row, self.inputs * layout.stride)?;
        }
        let reach = to.start + layout.width;
        let needed = self.outputs.saturating_sub(1) * to.stride + reach;
        if reach > to.stride || to.numbers.len() < needed {
            let (expected, found) = (needed.max(reach), to.numbers.len().min(to.stride));
            return Err(Error::Count { what: "a row of outputs", expected, found });
        }
        processor.run(Row { filters: self, layout, rows, subtract, to });
        Ok(())
    }
}

/// Where a row of outputs goes.
#[derive(Debug)]
pub struct Destination<'a> {
    /// All outputs.
    pub numbers: &'a mut [f32],
    /// Numbers from output to output.
    pub stride: usize,
    /// Numbers before the first column.
    pub start: usize,
}

struct Row<'a> {
    filters: &'a RowConvolution,
    layout: PaddedRow,
    rows: [Option<&'a [f32]>; 3],
    subtract: bool,
    to: Destination<'a>,
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let outputs = self.filters.outputs;
        for first in (0..outputs).step_by(GROUP) {
            match ((outputs - first).min(GROUP), L::PANEL) {
                (5, 4) => self.group::<L, 5, 4>(lanes, first),
                (4, 4) => self.group::<L, 4, 4>(lanes, first),
                (3, 4) => self.group::<L, 3, 4>(lanes, first),
                (2, 4) => self.group::<L, 2, 4>(lanes, first),
                (1, 4) => self.group::<L, 1, 4>(lanes, first),
                (5, _) => self.group::<L, 5, 1>(lanes, first),
                (4, _) => self.group::<L, 4, 1>(lanes, first),
                (3, _) => self.group::<L, 3, 1>(lanes, first),
                (2, _) => self.group::<L, 2, 1>(lanes, first),
                _ => self.group::<L, 1, 1>(lanes, first),
            }
        }
    }
}

impl Row<'_> {
    /// `G` outputs from `first` on, `W` vectors of columns at a time.
    #[inline(always)]
    fn group<L: Lanes, const G: usize, const W: usize>(&mut self, lanes: L, first: usize) {
        let (inputs, width) = (self.filters.inputs, self.layout.width);
        let weights = &self.filters.packed[first * inputs * 9..][..G * inputs * 9];
        let (weights, _) = weights.as_chunks::<G>();
        let mut x = 0;
        // What is left at the end takes as many vectors as it has.
        while x < width {
            let left = (width - x).div_ceil(LANES);
            x += match W {
                4 if left >= 4 => self.step::<L, G, 4>(lanes, weights, first, x),
                4 if left >= 2 => self.step::<L, G, 2>(lanes, weights, first, x),
                _ => self.step::<L, G, 1>(lanes, weights, first, x),
            };
        }
    }

    /// `W` vectors of columns from `x` on; says how many columns these are.
    #[inline(always)]
    fn step<L: Lanes, const G: usize, const W: usize>(
        &mut self,
        lanes: L,
        weights: &[[f32; G]],
        first: usize,
        x: usize,
    ) -> usize {
        let (width, stride) = (self.layout.width, self.layout.stride);
        let mut sums = [[lanes.splat(0.0); W]; G];
        for (r, row) in self.rows.iter().enumerate() {
            let Some(row) = row else { continue };
            for (channel, taps) in row.chunks_exact(stride).zip(weights.chunks_exact(9)) {
                let columns = &channel[x..x + W * LANES + 2];
                for (t, taps) in taps[3 * r..3 * r + 3].iter().enumerate() {
                    let mut vectors = [lanes.splat(0.0); W];
                    let (numbers, _) = columns[t..t + W * LANES].as_chunks::<LANES>();
                    for (vector, numbers) in vectors.iter_mut().zip(numbers) {
                        *vector = lanes.read(numbers);
                    }
                    for g in 0..G {
                        let tap = lanes.splat(taps[g]);
                        for w in 0..W {
                            sums[g][w] = lanes.mul_add(vectors[w], tap, sums[g][w]);
                        }
                    }
                }
            }
        }
        let Destination { numbers, stride, start } = &mut self.to;
        let whole = x + W * LANES <= width;
        for g in 0..G {
            let at = (first + g) * *stride + *start;
            let to = &mut numbers[at + x..at + width];
            // Written out for sums to stay in registers: with a way out of the loop they would go through memory.
            if whole {
                let (to, _) = to.as_chunks_mut::<LANES>();
                let to = &mut to[..W];
                for w in 0..W {
                    let sum = sums[g][w];
                    let value =
                        if self.subtract { lanes.sub(lanes.read(&to[w]), sum) } else { sum };
                    lanes.write(&mut to[w], value);
                }
            } else {
                let mut left = to.chunks_mut(LANES);
                for w in 0..W {
                    if let Some(to) = left.next() {
                        store(lanes, to, sums[g][w], self.subtract);
                    }
                }
            }
        }
        W * LANES
    }
}

/// A vector of columns, or what is left of it before the last.
#[inline(always)]
fn store<L: Lanes>(lanes: L, to: &mut [f32], sum: L::V, subtract: bool) {
    if let Some((to, _)) = to.split_first_chunk_mut::<LANES>() {
        let value = if subtract { lanes.sub(lanes.read(to), sum) } else { sum };
        lanes.write(to, value);
        return;
    }
    let mut numbers = [0.0; LANES];
    lanes.write(&mut numbers, sum);
    for (to, sum) in to.iter_mut().zip(numbers) {
        *to = if subtract { *to - sum } else { sum };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|i| (i * step % 97) as f32 / 48.0 - 1.0).collect()
    }

    #[test]
    fn rows_are_those_of_the_definition() {
        for (inputs, outputs, width) in
            [(1, 1, 1), (3, 5, 2), (7, 8, 16), (45, 5, 70), (5, 45, 64), (2, 6, 131)]
        {
            let weights = numbers(inputs * outputs * 9, 31);
            let filters = RowConvolution::new(inputs, outputs, weights.clone()).unwrap();
            let layout = PaddedRow::of(width);
            let plain: Vec<Vec<f32>> =
                (0..3).map(|row| numbers(inputs * width, 7 + 6 * row)).collect();
            let padded: Vec<Vec<f32>> = plain
                .iter()
                .map(|row| {
                    let mut to = layout.zeros(inputs);
                    for (to, from) in to.chunks_mut(layout.stride).zip(row.chunks(width)) {
                        to[1..=width].copy_from_slice(from);
                    }
                    to
                })
                .collect();
            for present in [[true; 3], [false, true, true], [true, true, false]] {
                let rows = std::array::from_fn(|r| present[r].then_some(&padded[r][..]));
                let exact = |output: usize, x: usize| {
                    let mut sum = 0.0_f64;
                    for input in 0..inputs {
                        for r in (0..3).filter(|&r| present[r]) {
                            for t in 0..3 {
                                let Some(x) = (x + t).checked_sub(1).filter(|&x| x < width) else {
                                    continue;
                                };
                                let weight = weights[((output * inputs + input) * 3 + r) * 3 + t];
                                let value = plain[r][input * width + x];
                                sum += f64::from(weight) * f64::from(value);
                            }
                        }
                    }
                    sum
                };
                for processor in Processor::available() {
                    for subtract in [false, true] {
                        let before = numbers(outputs * (width + 3), 11);
                        let mut found = before.clone();
                        let to = Destination { numbers: &mut found, stride: width + 3, start: 2 };
                        filters.row(processor, layout, rows, subtract, to).unwrap();
                        for output in 0..outputs {
                            for x in 0..width + 3 {
                                let at = output * (width + 3) + x;
                                let Some(x) = x.checked_sub(2).filter(|&x| x < width) else {
                                    assert_eq!(found[at], before[at]);
                                    continue;
                                };
                                let sum = exact(output, x);
                                let expected =
                                    if subtract { f64::from(before[at]) - sum } else { sum };
                                let error = (f64::from(found[at]) - expected).abs();
                                let allowed = 1e-6 * (1.0 + (9 * inputs) as f64);
                                assert!(error < allowed, "{inputs} {outputs} {width}: {error}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_too_short_is_refused() {
        let filters = RowConvolution::new(2, 3, numbers(54, 5)).unwrap();
        let layout = PaddedRow::of(4);
        let row = layout.zeros(2);
        let run = |row: &[f32], count: usize, stride: usize| {
            let mut numbers = vec![0.0; count];
            let to = Destination { numbers: &mut numbers, stride, start: 0 };
            filters.row(Processor::best(), layout, [None, Some(row), None], false, to)
        };
        assert!(run(&row, 12, 4).is_ok());
        assert!(run(&row, 11, 4).is_err());
        assert!(run(&row, 12, 3).is_err());
        assert!(run(&row[1..], 12, 4).is_err());
        assert!(RowConvolution::new(2, 3, numbers(53, 5)).is_err());
    }
}
