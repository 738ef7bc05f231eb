//! Convolution with 3×3 filters at every position by the minimal algorithm of Winograd, F(4×4, 3×3).
//!
//! Sixteen outputs of a tile cost 36 products per pair of channels instead of 144 (Lavin & Gray 2016,
//! "Fast Algorithms for Convolutional Neural Networks"). Per block of tiles: 6×6 inputs of all channels
//! are transformed into 36 matrices, each is multiplied by its matrix of transformed filters, and the
//! products are transformed back, with bias and activation on the way to memory. A block is small
//! enough for its matrices to stay in the second cache, and belongs to one task; where there are too
//! few blocks to go round, the three phases are each cut into tasks instead. Either way every number is
//! computed in the same order.
//!
//! Error against f64, relative to the largest output: 1e-6 with 64 channels, 3e-6 with 512. Packed
//! filters take four times the memory of plain ones.

mod transform;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use self::transform::{INPUT, OUTPUT, PRODUCTS};
use crate::blocks::Blocks;
use crate::convolution::{Activation, Filters, Padding};
use crate::disjoint::Disjoint;
use crate::lanes::{LANES, Lanes, Line};
use crate::processor::{Kernel, Processor};
use crate::product::{Packed, product};
use crate::scratch::with_lines;
use crate::{Error, Result};

/// A convolution with 3×3 filters, stride 1.
#[derive(Clone, Debug)]
pub struct Winograd {
    processor: Processor,
    inputs: usize,
    outputs: usize,
    /// Shape of one of the 36 matrices.
    packed: Packed,
    matrices: Vec<Line>,
    bias: Vec<Line>,
    activation: Activation,
}

impl Winograd {
    /// Transforms filters.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Count`]; [`Error::Dimension`] unless filters are 3×3 in one group.
    pub fn new(
        processor: Processor,
        filters: &Filters<'_>,
        activation: Activation,
    ) -> Result<Self> {
        filters.check()?;
        let [rows, columns] = filters.kernel;
        for (what, expected, found) in [
            ("rows of a filter", 3, rows),
            ("columns of a filter", 3, columns),
            ("groups of channels", 1, filters.groups),
        ] {
            if expected != found {
                return Err(Error::Dimension { what, expected, found });
            }
        }
        Ok(Self::pack(processor, filters, activation, false))
    }

    /// The convolution that takes derivatives with respect to the outputs of `filters` to those with
    /// respect to its inputs: filters turned by half a turn, inputs and outputs exchanged, no bias.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn transposed(processor: Processor, filters: &Filters<'_>) -> Result<Self> {
        // The checks of the plain one.
        let zeros = vec![0.0; filters.outputs];
        let filters = Filters { bias: &zeros, ..*filters };
        filters.check()?;
        Ok(Self::pack(processor, &filters, Activation::None, true))
    }

    fn pack(
        processor: Processor,
        filters: &Filters<'_>,
        activation: Activation,
        transposed: bool,
    ) -> Self {
        let (inputs, outputs) = match transposed {
            false => (filters.inputs, filters.outputs),
            true => (filters.outputs, filters.inputs),
        };
        let panel = processor.panel();
        let depth = inputs.next_multiple_of(LANES);
        let packed = Packed { depth, lines: outputs.div_ceil(LANES), panel };
        let mut matrices: Vec<Line> = bytemuck::zeroed_vec(PRODUCTS * packed.len());
        let shared = Disjoint::new(&mut matrices);
        (0..packed.lines).into_par_iter().for_each(|line| {
            let job = PackLine { filters, transposed, packed: &packed, line, to: &shared };
            processor.run(job);
        });
        let mut bias = vec![Line::ZERO; packed.lines];
        if !transposed {
            for (channel, &number) in filters.bias.iter().enumerate() {
                bias[channel / LANES].0[channel % LANES] = number;
            }
        }
        Self { processor, inputs, outputs, packed, matrices, bias, activation }
    }

    /// Channels read and written.
    pub fn channels(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    /// The convolution of `input` with `padding` around it.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::TooSmall`], [`Error::Shape`].
    pub fn forward(&self, input: &Blocks, padding: Padding, output: &mut Blocks) -> Result<()> {
        let channels = input.shape()[1];
        let [batch, _, height, width] = input.shape();
        let [rows, columns] = padding.output([height, width], [3, 3], 1)?;
        output.reshape([batch, self.outputs, rows, columns])?;
        self.forward_into(input, padding, output, 0)?;
        debug_assert_eq!(channels, self.inputs);
        Ok(())
    }

    /// The same, into blocks of larger shape: the outputs become the channels from `first` on, which
    /// is a multiple of sixteen.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::TooSmall`].
    pub fn forward_into(
        &self,
        input: &Blocks,
        padding: Padding,
        output: &mut Blocks,
        first: usize,
    ) -> Result<()> {
        let [batch, channels, height, width] = input.shape();
        let [rows, columns] = padding.output([height, width], [3, 3], 1)?;
        let [found_batch, found_channels, found_rows, found_columns] = output.shape();
        for (what, expected, found) in [
            ("channels of the input", self.inputs, channels),
            ("pictures of the output", batch, found_batch),
            ("rows of the output", rows, found_rows),
            ("columns of the output", columns, found_columns),
            ("first channel modulo sixteen", 0, first % LANES),
            ("channels of the output", found_channels.max(first + self.outputs), found_channels),
        ] {
            if expected != found {
                return Err(Error::Dimension { what, expected, found });
            }
        }
        let depth = [input.depth(), output.depth()];
        let tiles = [rows.div_ceil(OUTPUT), columns.div_ceil(OUTPUT)];
        let pass = Pass {
            convolution: self,
            input: input.lines(),
            output: Disjoint::new(output.lines_mut()),
            depth,
            first: first / LANES,
            size: [height, width],
            result: [rows, columns],
            offset: [padding.rows[0], padding.columns[0]],
            tiles,
        };
        pass.run(batch * tiles[0] * tiles[1]);
        Ok(())
    }

    /// Tiles of a block. Up to 128 channels all matrices of a block fit into the second cache; with
    /// more, filters are the larger part, and a block takes many tiles to read them rarely.
    fn block(&self) -> usize {
        let channels = self.packed.depth + self.packed.lines * LANES;
        if channels <= 320 { (6144 / channels).clamp(16, 96) } else { 192 }
    }
}

/// One line of outputs on its way into the matrices.
struct PackLine<'a> {
    filters: &'a Filters<'a>,
    transposed: bool,
    packed: &'a Packed,
    line: usize,
    to: &'a Disjoint<'a, Line>,
}

impl Kernel for PackLine<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Filters { weights, inputs, outputs, .. } = *self.filters;
        let g = transform::of_filters();
        let (read, written) = if self.transposed { (outputs, inputs) } else { (inputs, outputs) };
        let present = LANES.min(written - self.line * LANES);
        for channel in 0..read {
            let mut taps = [[0.0; LANES]; 9];
            for lane in 0..present {
                let other = self.line * LANES + lane;
                let (o, i) = if self.transposed { (channel, other) } else { (other, channel) };
                let filter = &weights[(o * inputs + i) * 9..][..9];
                for tap in 0..9 {
                    let from = if self.transposed { 8 - tap } else { tap };
                    taps[tap][lane] = f64::from(filter[from]);
                }
            }
            let products = transform::filters(&g, &taps);
            let place = self.packed.place(channel, self.line);
            for (index, product) in products.into_iter().enumerate() {
                let place = index * self.packed.len() + place;
                // SAFETY: the place belongs to this line of outputs and this channel alone, and
                // each line of outputs is packed by one task.
                #[allow(unsafe_code)]
                let to = unsafe { self.to.part(place..place + 1) };
                to[0] = product;
            }
        }
    }
}

/// One run over a batch.
struct Pass<'a> {
    convolution: &'a Winograd,
    input: &'a [Line],
    output: Disjoint<'a, Line>,
    /// Blocks of channels of a picture in the input and in the output.
    depth: [usize; 2],
    /// The first block of channels that is written.
    first: usize,
    size: [usize; 2],
    result: [usize; 2],
    /// Rows and columns of zeros before the input.
    offset: [usize; 2],
    tiles: [usize; 2],
}

/// Lines between the starts of two of the 36 matrices: one more than they need, so that they do not
/// compete for the same sets of the cache.
fn spaced(tiles: usize, lines: usize) -> usize {
    tiles * lines + 1
}

impl Pass<'_> {
    fn run(&self, total: usize) {
        let Packed { depth, lines, .. } = self.convolution.packed;
        let block = self.convolution.block();
        let blocks = total.div_ceil(block);
        let threads = rayon::current_num_threads();
        let read = depth / LANES;
        if blocks >= 2 * threads || threads == 1 {
            let next = AtomicUsize::new(0);
            let spaces = [spaced(block, read), spaced(block, lines)];
            rayon::scope(|scope| {
                for _ in 0..threads.min(blocks) {
                    scope.spawn(|_| {
                        with_lines(PRODUCTS * (spaces[0] + spaces[1]), |memory| {
                            loop {
                                let index = next.fetch_add(1, Ordering::Relaxed);
                                if index >= blocks {
                                    return;
                                }
                                let tiles = index * block..((index + 1) * block).min(total);
                                let pass = self;
                                self.convolution.processor.run(Block {
                                    pass,
                                    tiles,
                                    spaces,
                                    memory: &mut *memory,
                                });
                            }
                        });
                    });
                }
            });
            return;
        }
        // Few tiles: all of them go through the phases together.
        let spaces = [spaced(total, read), spaced(total, lines)];
        with_lines(PRODUCTS * (spaces[0] + spaces[1]), |memory| {
            let (left, products) = memory.split_at_mut(PRODUCTS * spaces[0]);
            let processor = self.convolution.processor;
            let shared = Disjoint::new(left);
            (0..read).into_par_iter().for_each(|line| {
                processor.run(Gather {
                    pass: self,
                    line,
                    tiles: total,
                    space: spaces[0],
                    to: &shared,
                });
            });
            let left = &*left;
            products.par_chunks_mut(spaces[1]).enumerate().with_max_len(1).for_each(
                |(index, to)| {
                    let left = &left[index * spaces[0]..][..total * read];
                    let right = &self.convolution.matrices[index * self.convolution.packed.len()..];
                    let to = &mut to[..total * lines];
                    processor.run(Multiply { shape: &self.convolution.packed, left, right, to });
                },
            );
            let products = &*products;
            (0..lines).into_par_iter().for_each(|line| {
                processor.run(Scatter {
                    pass: self,
                    line,
                    tiles: total,
                    space: spaces[1],
                    products,
                });
            });
        });
    }

    /// Picture, row and column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> [usize; 3] {
        let [down, across] = self.tiles;
        [tile / (down * across), tile / across % down, tile % across]
    }

    /// The same of the next tile.
    #[inline(always)]
    fn next(&self, [mut picture, mut row, mut column]: [usize; 3]) -> [usize; 3] {
        column += 1;
        if column == self.tiles[1] {
            (row, column) = (row + 1, 0);
        }
        if row == self.tiles[0] {
            (picture, row) = (picture + 1, 0);
        }
        [picture, row, column]
    }

    /// Transforms the inputs of tiles in one block of channels, `line`: that of tile `t` in matrix `m`
    /// goes to `m·space + t·stride + line`.
    ///
    /// # Safety
    /// No other task uses the places of this line.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn gather<L: Lanes>(
        &self,
        lanes: L,
        line: usize,
        tiles: std::ops::Range<usize>,
        space: usize,
        to: &Disjoint<'_, Line>,
    ) {
        let stride = self.convolution.packed.depth / LANES;
        assert!((PRODUCTS - 1) * space + (tiles.len() - 1) * stride + line < to.len());
        let [height, width] = self.size;
        let zero = lanes.splat(0.0);
        let first = tiles.start;
        let mut place = self.place(first);
        for tile in tiles {
            let [picture, down, across] = place;
            place = self.next(place);
            let plane = (picture * self.depth[0] + line) * height * width;
            let plane = &self.input[plane..plane + height * width];
            // Before the input where the padding is.
            let (top, left) = (down * OUTPUT, across * OUTPUT);
            let (ahead, aside) = (self.offset[0], self.offset[1]);
            let inside = top >= ahead
                && left >= aside
                && top - ahead + INPUT <= height
                && left - aside + INPUT <= width;
            let mut columns = [[zero; INPUT]; INPUT];
            if inside {
                let corner = (top - ahead) * width + left - aside;
                let mut rows: [&[Line]; INPUT] = [&[]; INPUT];
                for (i, row) in rows.iter_mut().enumerate() {
                    *row = &plane[corner + i * width..][..INPUT];
                }
                for j in 0..INPUT {
                    let mut column = [zero; INPUT];
                    for i in 0..INPUT {
                        column[i] = lanes.load(&rows[i][j]);
                    }
                    columns[j] = transform::input(lanes, column);
                }
            } else {
                for (j, to) in columns.iter_mut().enumerate() {
                    let mut column = [zero; INPUT];
                    let x = (left + j).wrapping_sub(aside);
                    for (i, to) in column.iter_mut().enumerate() {
                        let y = (top + i).wrapping_sub(ahead);
                        if y < height && x < width {
                            *to = lanes.load(&plane[y * width + x]);
                        }
                    }
                    *to = transform::input(lanes, column);
                }
            }
            for i in 0..INPUT {
                let mut row = [zero; INPUT];
                for j in 0..INPUT {
                    row[j] = columns[j][i];
                }
                let row = transform::input(lanes, row);
                for j in 0..INPUT {
                    let mut out = Line::ZERO;
                    lanes.store(&mut out, row[j]);
                    let place = (i * INPUT + j) * space + (tile - first) * stride + line;
                    // SAFETY: the largest such place was found to lie within `to`, and the caller
                    // promises that this line is gathered by one task.
                    unsafe { to.put(place, out) };
                }
            }
        }
    }

    /// Transforms the products of tiles in one line of outputs back, and stores them: that of tile `t`
    /// in matrix `m` stands at `m·space + t·lines + line`.
    #[inline(always)]
    fn scatter<L: Lanes>(
        &self,
        lanes: L,
        line: usize,
        tiles: std::ops::Range<usize>,
        space: usize,
        products: &[Line],
    ) {
        let [height, width] = self.result;
        let stride = self.convolution.packed.lines;
        let zero = lanes.splat(0.0);
        let bias = lanes.load(&self.convolution.bias[line]);
        let activation = self.convolution.activation;
        let first = tiles.start;
        let last = (PRODUCTS - 1) * space + (tiles.len() - 1) * stride + line;
        assert!(last < products.len());
        let mut place = self.place(first);
        for tile in tiles {
            let [picture, down, across] = place;
            place = self.next(place);
            let mut columns = [[zero; OUTPUT]; INPUT];
            let from = (tile - first) * stride + line;
            for j in 0..INPUT {
                let mut column = [zero; INPUT];
                for i in 0..INPUT {
                    let place = (i * INPUT + j) * space + from;
                    // SAFETY: the largest such place was found to lie within the slice.
                    #[allow(unsafe_code)]
                    let product = unsafe { products.get_unchecked(place) };
                    column[i] = lanes.load(product);
                }
                columns[j] = transform::output(lanes, column);
            }
            let plane = (picture * self.depth[1] + self.first + line) * height * width;
            let (top, left) = (down * OUTPUT, across * OUTPUT);
            let count = OUTPUT.min(width - left);
            for i in 0..OUTPUT.min(height - top) {
                let mut row = [zero; INPUT];
                for j in 0..INPUT {
                    row[j] = columns[j][i];
                }
                let row = transform::output(lanes, row);
                let start = plane + (top + i) * width + left;
                // SAFETY: these positions belong to this tile, and each tile in each line of outputs
                // is scattered by one task.
                #[allow(unsafe_code)]
                let to = unsafe { self.output.part(start..start + count) };
                let mut results = [Line::ZERO; OUTPUT];
                for j in 0..OUTPUT {
                    let sum = lanes.add(row[j], bias);
                    lanes.store(&mut results[j], activate(lanes, activation, sum));
                }
                match to.as_mut_array::<OUTPUT>() {
                    Some(to) => *to = results,
                    None => to.copy_from_slice(&results[..count]),
                }
            }
        }
    }
}

#[inline(always)]
fn activate<L: Lanes>(lanes: L, activation: Activation, v: L::V) -> L::V {
    match activation {
        Activation::None => v,
        Activation::Relu => lanes.at_least(v, lanes.splat(0.0)),
        Activation::Relu6 => lanes.at_most(lanes.at_least(v, lanes.splat(0.0)), lanes.splat(6.0)),
    }
}

/// All phases of one block of tiles.
struct Block<'a> {
    pass: &'a Pass<'a>,
    tiles: std::ops::Range<usize>,
    spaces: [usize; 2],
    memory: &'a mut [Line],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { pass, tiles, spaces: [left_space, space], memory } = self;
        let packed = &pass.convolution.packed;
        let read = packed.depth / LANES;
        let (left, products) = memory.split_at_mut(PRODUCTS * left_space);
        let shared = Disjoint::new(left);
        for line in 0..read {
            // SAFETY: this task alone has the memory.
            #[allow(unsafe_code)]
            unsafe {
                pass.gather(lanes, line, tiles.clone(), left_space, &shared);
            }
        }
        let left = &*left;
        for matrix in 0..PRODUCTS {
            let left = &left[matrix * left_space..][..tiles.len() * read];
            let right = &pass.convolution.matrices[matrix * packed.len()..][..packed.len()];
            let to = &mut products[matrix * space..][..tiles.len() * packed.lines];
            product(lanes, packed, bytemuck::cast_slice(left), right, to);
        }
        for line in 0..packed.lines {
            pass.scatter(lanes, line, tiles.clone(), space, products);
        }
    }
}

struct Gather<'a> {
    pass: &'a Pass<'a>,
    line: usize,
    tiles: usize,
    space: usize,
    to: &'a Disjoint<'a, Line>,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { pass, line, tiles, space, to } = self;
        // SAFETY: each line of inputs is gathered by one task.
        #[allow(unsafe_code)]
        unsafe {
            pass.gather(lanes, line, 0..tiles, space, to);
        }
    }
}

struct Multiply<'a> {
    shape: &'a Packed,
    left: &'a [Line],
    right: &'a [Line],
    to: &'a mut [Line],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        product(lanes, self.shape, bytemuck::cast_slice(self.left), self.right, self.to);
    }
}

struct Scatter<'a> {
    pass: &'a Pass<'a>,
    line: usize,
    tiles: usize,
    space: usize,
    products: &'a [Line],
}

impl Kernel for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        self.pass.scatter(lanes, self.line, 0..self.tiles, self.space, self.products);
    }
}

#[cfg(test)]
mod tests;
