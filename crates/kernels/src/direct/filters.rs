//! Filters in the order in which the inner loop reads them.

use crate::lanes::{LANES, Line};
use crate::product::Packed;

/// For every panel of outputs: blocks of inputs, rows, columns, inputs of the block, and for each of
/// these the lines of outputs.
#[derive(Clone, Debug)]
pub(super) struct Packing {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: [usize; 2],
    pub(super) shape: Packed,
    pub(super) weights: Vec<Line>,
}

impl Packing {
    /// Of the number that `weight` gives for output, input, row and column.
    pub(super) fn new(
        panel: usize,
        [outputs, inputs]: [usize; 2],
        kernel: [usize; 2],
        weight: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let [rows, columns] = kernel;
        let lines = outputs.div_ceil(LANES);
        let shape = Packed { depth: inputs * rows * columns, lines, panel };
        let mut weights: Vec<Line> = bytemuck::zeroed_vec(shape.len());
        let mut position = 0;
        for first in (0..inputs).step_by(LANES) {
            for row in 0..rows {
                for column in 0..columns {
                    for input in first..inputs.min(first + LANES) {
                        for output in 0..outputs {
                            let line = &mut weights[shape.place(position, output / LANES)];
                            line.0[output % LANES] = weight(output, input, row, column);
                        }
                        position += 1;
                    }
                }
            }
        }
        Self { inputs, outputs, kernel, shape, weights }
    }

    /// Panels of outputs.
    pub(super) fn panels(&self) -> usize {
        self.shape.lines.div_ceil(self.shape.panel)
    }

    /// The weights of a panel, and how many lines of outputs it has.
    #[inline(always)]
    pub(super) fn panel(&self, index: usize) -> (&[Line], usize) {
        let first = index * self.shape.panel;
        let width = self.shape.panel.min(self.shape.lines - first);
        (&self.weights[first * self.shape.depth..][..width * self.shape.depth], width)
    }
}

/// One number per channel as lines, zeros behind them.
pub(crate) fn channel_lines(numbers: &[f32]) -> Vec<Line> {
    let line = |part: &[f32]| {
        let mut line = Line::ZERO;
        line.0[..part.len()].copy_from_slice(part);
        line
    };
    numbers.chunks(LANES).map(line).collect()
}
