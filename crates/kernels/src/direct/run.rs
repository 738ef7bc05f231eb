//! Tasks of a direct convolution: rows of outputs by panels of outputs.

use rayon::prelude::*;

use super::filters::Packing;
use super::tile::{Panel, fill};
use crate::blocks::Blocks;
use crate::convolution::Activation;
use crate::disjoint::Disjoint;
use crate::lanes::{LANES, Lanes, Line};
use crate::phase::{Phase, region_of};
use crate::positions::Positions;
use crate::processor::{Kernel, Processor};
use crate::region::View;
use crate::scratch::with_lines;

/// A convolution as phases, each with its own filters, that together fill rows of outputs.
pub(super) struct Run<'a> {
    pub(super) processor: Processor,
    pub(super) phases: &'a [(Phase, &'a Packing)],
    pub(super) bias: &'a [Line],
    pub(super) activation: Activation,
}

/// Multiplications of a task, about: a twentieth of a millisecond.
const WORK: usize = 1 << 22;
/// Positions of a task that are worth reading the filters for.
const POSITIONS: usize = 96;
/// Positions of a long row are cut at multiples of this: whole tiles of 6, 8 and 12.
const ALIGNED: usize = 24;
/// Lines of an input that a task copies at most, unless a single row has more: a quarter of a megabyte.
const COPIED: usize = 4096;

/// How the outputs of one picture are cut.
struct Cut {
    rows: usize,
    panels: usize,
}

impl Run<'_> {
    /// Writes the channels from `16·first_block` of `output`.
    pub(super) fn run(&self, input: &Blocks, output: &mut Blocks, first_block: usize) {
        let Some(&(_, packing)) = self.phases.first() else { return };
        let [batch, _, height, width] = output.shape();
        let (in_shape, depth) = (input.shape(), output.depth());
        let size = [in_shape[2], in_shape[3]];
        // One output reads one input position: a picture is one long row.
        let flat = matches!(self.phases, [(phase, _)] if phase.is_flat(size, [height, width]));
        let (phases, size, [height, width]) = if flat {
            let area = height * width;
            let phase = Phase { count: [area, 1], ..self.phases[0].0.clone() };
            (vec![(phase, packing)], [area, 1], [area, 1])
        } else {
            (self.phases.to_vec(), size, [height, width])
        };
        let cut = self.cut(&phases, input.depth(), [height, width]);
        let strips = height.div_ceil(cut.rows);
        let groups = packing.panels().div_ceil(cut.panels);
        let shared = Disjoint::new(output.lines_mut());
        let task = |index: usize| {
            let (picture, rest) = (index / (strips * groups), index % (strips * groups));
            let (strip, group) = (rest / groups, rest % groups);
            let rows = strip * cut.rows..height.min((strip + 1) * cut.rows);
            let panels = group * cut.panels..packing.panels().min((group + 1) * cut.panels);
            let task = Task {
                run: self,
                phases: &phases,
                planes: input.lines_of(picture),
                size,
                flat,
                width,
                rows,
                panels,
                output: &shared,
                plane: height * width,
                first: (picture * depth + first_block) * height * width,
            };
            task.start(input.depth());
        };
        let tasks = batch * strips * groups;
        if tasks == 1 { task(0) } else { (0..tasks).into_par_iter().for_each(task) }
    }

    fn cut(&self, phases: &[(Phase, &Packing)], depth: usize, [height, width]: [usize; 2]) -> Cut {
        let packing = phases[0].1;
        let mut work = 0;
        for (phase, packing) in phases {
            work += phase.count[0] * phase.count[1] * packing.shape.depth * packing.outputs;
        }
        let per_row = work.div_ceil(height).max(1);
        let most = match region_of(phases.iter().map(|(phase, _)| phase), 0..height) {
            Some(region) => {
                let lines = depth * region.plane();
                (height * COPIED).div_ceil(lines.max(1)).max(1)
            }
            None => height,
        };
        let least = POSITIONS.div_ceil(width);
        let rows = (WORK / per_row).max(least).min(most).clamp(1, height);
        // Rows in equal parts.
        let rows = height.div_ceil(height.div_ceil(rows));
        let rows = if width == 1 { rows.next_multiple_of(ALIGNED).min(height) } else { rows };
        let groups = (rows * per_row / WORK).clamp(1, packing.panels());
        Cut { rows, panels: packing.panels().div_ceil(groups) }
    }
}

struct Task<'a> {
    run: &'a Run<'a>,
    phases: &'a [(Phase, &'a Packing)],
    planes: &'a [Line],
    size: [usize; 2],
    flat: bool,
    width: usize,
    rows: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
    output: &'a Disjoint<'a, Line>,
    /// Lines of a plane of outputs.
    plane: usize,
    /// Where the first plane of outputs begins.
    first: usize,
}

impl Task<'_> {
    fn start(self, depth: usize) {
        let processor = self.run.processor;
        let region = region_of(self.phases.iter().map(|(phase, _)| phase), self.rows.clone());
        let own = View {
            lines: self.planes,
            plane: self.size[0] * self.size[1],
            row: self.size[1],
            origin: [0; 2],
        };
        match region {
            Some(region) if !region.within(self.size) => {
                let size = self.size;
                with_lines(depth * region.plane(), |scratch| {
                    let view = region.copy(self.planes, size, scratch);
                    processor.run(OnView { task: &self, view });
                });
            }
            _ => processor.run(OnView { task: &self, view: own }),
        }
    }
}

struct OnView<'a> {
    task: &'a Task<'a>,
    view: View<'a>,
}

impl Kernel for OnView<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (phase, packing) in self.task.phases {
            let rows = phase.rows_in(self.task.rows.clone());
            if rows.is_empty() || phase.count[1] == 0 {
                continue;
            }
            let corner = [0, 1].map(|axis| phase.start[axis]);
            let from_row = corner[0] + (rows.start * phase.stride) as isize;
            let from = match packing.shape.depth {
                0 => 0,
                _ => self.view.place(from_row, corner[1]),
            };
            let to = (phase.first[0] + rows.start * phase.step - self.task.rows.start)
                * self.task.width
                + phase.first[1];
            let mut positions = Positions {
                rows: rows.len(),
                columns: phase.count[1],
                from,
                from_row: phase.stride * self.view.row,
                from_column: phase.stride,
                to,
                to_row: phase.step * self.task.width,
                to_column: phase.step,
            };
            if self.task.flat {
                positions.columns = positions.rows;
                positions.rows = 1;
            }
            for panel in self.task.panels.clone() {
                let (weights, width) = packing.panel(panel);
                let first = panel * packing.shape.panel;
                let last = first + width == packing.shape.lines;
                let present = match packing.outputs % LANES {
                    rest if rest > 0 && last => rest,
                    _ => LANES,
                };
                let panel = Panel {
                    view: self.view,
                    inputs: packing.inputs,
                    kernel: packing.kernel,
                    weights,
                    bias: &self.task.run.bias[first..first + width],
                    activation: self.task.run.activation,
                    present,
                    above: from_row,
                    stride: phase.stride,
                    height: self.task.size[0],
                };
                // Only where panels can be so wide is it worth compiling.
                if L::PANEL == 4 {
                    match width {
                        4 => self.panel::<L, 4>(lanes, &panel, &positions, first),
                        3 => self.panel::<L, 3>(lanes, &panel, &positions, first),
                        2 => self.panel::<L, 2>(lanes, &panel, &positions, first),
                        _ => self.panel::<L, 1>(lanes, &panel, &positions, first),
                    }
                } else {
                    self.panel::<L, 1>(lanes, &panel, &positions, first);
                }
            }
        }
    }
}

impl OnView<'_> {
    #[inline(always)]
    #[allow(unsafe_code)]
    fn panel<L: Lanes, const W: usize>(
        &self,
        lanes: L,
        panel: &Panel<'_>,
        positions: &Positions,
        first: usize,
    ) {
        let task = self.task;
        let length = task.rows.len() * task.width;
        let mut to: [&mut [Line]; W] = std::array::from_fn(|w| {
            let start = task.first + (first + w) * task.plane + task.rows.start * task.width;
            // SAFETY: a task alone writes these rows of these planes of this picture, and the parts
            // that it takes for one panel and one phase are gone before it takes the next.
            unsafe { task.output.part(start..start + length) }
        });
        fill::<L, W>(lanes, panel, positions, &mut to);
    }
}
