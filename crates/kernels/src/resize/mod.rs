//! Planes of another size: bilinear and nearest, with their derivatives.
//!
//! Positions and weights are those of PyTorch, in single precision: centres of pixels correspond, or
//! the outermost positions do ([`Corners::Aligned`]); nothing is filtered before it is made smaller.
//! Rows are blended first, then columns. The derivative gathers what every input gave to: rows of one
//! plane are tasks, and no two write the same number.

use rayon::prelude::*;

use crate::lanes::{LANES, Lanes};
use crate::processor::Kernel;
use crate::scratch::with_lines;
use crate::{Error, Processor, Result};

/// Numbers of one task, about.
const CHUNK: usize = 1 << 14;

/// What corresponds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Corners {
    /// Centres of pixels.
    #[default]
    Free,
    /// The outermost positions.
    Aligned,
}

/// How numbers between positions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// From both neighbours in either direction.
    Bilinear(Corners),
    /// The position at or before, without a blend.
    Nearest,
}

/// A change of size.
#[derive(Clone, Copy, Debug)]
pub struct Resize {
    /// How numbers are made.
    pub interpolation: Interpolation,
    /// Planes, height and width.
    pub input: [usize; 3],
    /// Height and width.
    pub output: [usize; 2],
    /// Factors of height and width, where they are not the ratio of the sizes; aligned corners do not
    /// look at them.
    pub scale: Option<[f64; 2]>,
}

impl Resize {
    /// Planes × height × width of the output from as many planes of the input.
    ///
    /// # Errors
    /// [`Error::Shape`] where a dimension is zero or a scale is no positive number, [`Error::Count`].
    pub fn run(&self, processor: Processor, input: &[f32], output: &mut [f32]) -> Result<()> {
        let [rows, columns] = self.axes(input.len(), output.len())?;
        let [_, height, width] = self.input;
        let [out_height, out_width] = self.output;
        let columns = Across::new(columns);
        let per_task = CHUNK.div_ceil(out_width);
        output.par_chunks_mut(per_task * out_width).enumerate().for_each(|(task, to)| {
            with_lines(width.div_ceil(LANES), |blended| {
                let blended = &mut bytemuck::cast_slice_mut(blended)[..width];
                for index in 0..to.len() / out_width {
                    let (plane, row) = {
                        let row = task * per_task + index;
                        (row / out_height, row % out_height)
                    };
                    let (done, to) = to.split_at_mut(index * out_width);
                    let to = &mut to[..out_width];
                    let plane = &input[plane * height * width..][..height * width];
                    let place = rows[row];
                    if index > 0 && row > 0 && rows[row - 1] == place {
                        to.copy_from_slice(&done[(index - 1) * out_width..]);
                        continue;
                    }
                    let upper = &plane[place.first * width..][..width];
                    let lower = &plane[place.second * width..][..width];
                    let columns = &columns;
                    processor.run(Forward { place, upper, lower, columns, blended, to });
                }
            });
        });
        Ok(())
    }

    /// The derivative for the input.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn backward(
        &self,
        processor: Processor,
        upstream: &[f32],
        gradient: &mut [f32],
    ) -> Result<()> {
        let [rows, columns] = self.axes(gradient.len(), upstream.len())?;
        let [_, height, width] = self.input;
        let [out_height, out_width] = self.output;
        let (rows, columns) = (Givers::new(&rows, height), Columns::new(columns, width));
        let per_task = CHUNK.div_ceil(width);
        gradient.par_chunks_mut(per_task * width).enumerate().for_each(|(task, to)| {
            with_lines(out_width.div_ceil(LANES), |blended| {
                let blended = &mut bytemuck::cast_slice_mut(blended)[..out_width];
                for (index, to) in to.chunks_exact_mut(width).enumerate() {
                    let row = task * per_task + index;
                    let plane = &upstream[row / height * out_height * out_width..];
                    let plane = &plane[..out_height * out_width];
                    let rows = rows.of(row % height);
                    processor.run(Backward { rows, plane, columns: &columns, blended, to });
                }
            });
        });
        Ok(())
    }

    /// The places of rows and of columns.
    fn axes(&self, input: usize, output: usize) -> Result<[Vec<Place>; 2]> {
        let shape = [&self.input[..], &self.output].concat();
        let scale = self.scale.unwrap_or([1.0; 2]);
        if shape.contains(&0) || !scale.iter().all(|&scale| scale > 0.0 && scale.is_finite()) {
            return Err(Error::Shape { what: "change of size", shape });
        }
        let counts = [
            ("smaller or larger planes", self.input[0] * self.output[0] * self.output[1], output),
            ("planes", self.input.iter().product(), input),
        ];
        for (what, expected, found) in counts {
            if expected != found {
                return Err(Error::Count { what, expected, found });
            }
        }
        Ok([0, 1].map(|axis| {
            let scale = self.scale.map(|scale| scale[axis]);
            let (input, output) = (self.input[axis + 1], self.output[axis]);
            let places =
                (0..output).map(|o| Place::new(self.interpolation, input, output, scale, o));
            places.collect()
        }))
    }
}

/// Where an output is taken from.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    first: usize,
    /// The position after it, or the last.
    second: usize,
    /// The share of the second.
    share: f32,
}

impl Place {
    fn new(
        interpolation: Interpolation,
        input: usize,
        output: usize,
        scale: Option<f64>,
        index: usize,
    ) -> Self {
        let step = match (interpolation, scale) {
            (Interpolation::Bilinear(Corners::Aligned), _) => {
                if output > 1 {
                    (input - 1) as f32 / (output - 1) as f32
                } else {
                    0.0
                }
            }
            (_, Some(scale)) => (1.0 / scale) as f32,
            (_, None) => input as f32 / output as f32,
        };
        let at = match interpolation {
            Interpolation::Bilinear(Corners::Free) => (index as f32 + 0.5).mul_add(step, -0.5),
            _ => index as f32 * step,
        };
        let at = at.max(0.0);
        let first = (at as usize).min(input - 1);
        let share = match interpolation {
            // The last position has none after it.
            Interpolation::Bilinear(_) if first + 1 < input => (at - first as f32).min(1.0),
            _ => 0.0,
        };
        Self { first, second: (first + 1).min(input - 1), share }
    }
}

/// How the columns of one row are made, whichever way is the shortest.
enum Across {
    /// Every number twice.
    Twice,
    /// Numbers as they are.
    Taken(Vec<usize>),
    Blended(Vec<Place>),
}

impl Across {
    fn new(places: Vec<Place>) -> Self {
        if are_doubled(&places) {
            return Self::Twice;
        }
        if places.iter().any(|place| place.share > 0.0) {
            return Self::Blended(places);
        }
        Self::Taken(places.iter().map(|place| place.first).collect())
    }
}

/// Whether every position is taken twice, as it is.
fn are_doubled(places: &[Place]) -> bool {
    let doubled = |(index, place): (usize, &Place)| place.share == 0.0 && place.first == index / 2;
    places.len().is_multiple_of(2) && places.iter().enumerate().all(doubled)
}

struct Forward<'a> {
    place: Place,
    upper: &'a [f32],
    lower: &'a [f32],
    columns: &'a Across,
    /// As many numbers as the input has columns.
    blended: &'a mut [f32],
    to: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    // The compiler finds the vectors itself, for the instructions that the lanes stand for.
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let share = self.place.share;
        let mut row = self.upper;
        let width = row.len();
        if share > 0.0 {
            let rows = self.upper.iter().zip(self.lower);
            for (to, (&upper, &lower)) in self.blended[..width].iter_mut().zip(rows) {
                *to = upper * (1.0 - share) + lower * share;
            }
            row = &self.blended[..width];
        }
        match self.columns {
            Across::Twice => {
                let (pairs, _) = self.to.as_chunks_mut::<2>();
                pairs.iter_mut().zip(row).for_each(|(to, &number)| *to = [number; 2]);
            }
            Across::Taken(places) => {
                self.to.iter_mut().zip(places).for_each(|(to, &first)| *to = row[first]);
            }
            Across::Blended(places) => {
                for (to, place) in self.to.iter_mut().zip(places) {
                    let right = weighted(row[place.second], place.share);
                    *to = row[place.first] * (1.0 - place.share) + right;
                }
            }
        }
    }
}

/// `number · share`; what has no share may be no number.
#[inline(always)]
fn weighted(number: f32, share: f32) -> f32 {
    if share > 0.0 { number * share } else { 0.0 }
}

/// Which outputs every input gives to, and with which share.
struct Givers {
    /// Where the outputs of an input begin; one more than there are inputs.
    starts: Vec<usize>,
    outputs: Vec<(usize, f32)>,
}

impl Givers {
    fn new(places: &[Place], inputs: usize) -> Self {
        let mut pairs = Vec::with_capacity(2 * places.len());
        for (output, place) in places.iter().enumerate() {
            pairs.push((place.first, output, 1.0 - place.share));
            if place.share > 0.0 {
                pairs.push((place.second, output, place.share));
            }
        }
        // Places grow, so the outputs of an input stay in order.
        pairs.sort_by_key(|&(input, output, _)| (input, output));
        let mut starts = vec![0; inputs + 1];
        for &(input, ..) in &pairs {
            starts[input + 1] += 1;
        }
        for i in 0..inputs {
            starts[i + 1] += starts[i];
        }
        Self { starts, outputs: pairs.into_iter().map(|(_, output, w)| (output, w)).collect() }
    }

    fn of(&self, input: usize) -> &[(usize, f32)] {
        &self.outputs[self.starts[input]..self.starts[input + 1]]
    }
}

/// How the columns of one row come back, whichever way is the shortest.
enum Columns {
    /// Two outputs each, side by side, whole.
    Twice,
    /// Outputs are fewer: each gives to its two inputs in turn.
    Places(Vec<Place>),
    /// Every input has up to four outputs; shares of zero fill up.
    Four(Vec<[(usize, f32); 4]>),
    Many(Givers),
}

impl Columns {
    fn new(places: Vec<Place>, inputs: usize) -> Self {
        if places.len() == 2 * inputs && are_doubled(&places) {
            return Self::Twice;
        }
        if places.len() < inputs {
            return Self::Places(places);
        }
        let givers = Givers::new(&places, inputs);
        if (0..inputs).any(|input| givers.of(input).len() > 4) {
            return Self::Many(givers);
        }
        let four = (0..inputs).map(|input| {
            let mut four = [(0, 0.0); 4];
            for (to, &giver) in four.iter_mut().zip(givers.of(input)) {
                *to = giver;
            }
            four
        });
        Self::Four(four.collect())
    }
}

struct Backward<'a> {
    rows: &'a [(usize, f32)],
    plane: &'a [f32],
    columns: &'a Columns,
    blended: &'a mut [f32],
    to: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let width = self.blended.len();
        if self.rows.is_empty() {
            return self.to.fill(0.0);
        }
        self.blended.fill(0.0);
        for &(row, share) in self.rows {
            let row = &self.plane[row * width..][..width];
            for (to, &g) in self.blended.iter_mut().zip(row) {
                *to += g * share;
            }
        }
        match self.columns {
            Columns::Twice => {
                let (pairs, _) = self.blended.as_chunks::<2>();
                self.to.iter_mut().zip(pairs).for_each(|(to, [left, right])| *to = left + right);
            }
            Columns::Places(places) => {
                self.to.fill(0.0);
                for (&g, place) in self.blended.iter().zip(places) {
                    self.to[place.first] += g * (1.0 - place.share);
                    self.to[place.second] += weighted(g, place.share);
                }
            }
            Columns::Four(givers) => {
                for (to, givers) in self.to.iter_mut().zip(givers) {
                    let [a, b, c, d] = *givers;
                    let a = weighted(self.blended[a.0], a.1) + weighted(self.blended[b.0], b.1);
                    let c = weighted(self.blended[c.0], c.1) + weighted(self.blended[d.0], d.1);
                    *to = a + c;
                }
            }
            Columns::Many(givers) => {
                for (input, to) in self.to.iter_mut().enumerate() {
                    let mut sum = 0.0;
                    for &(output, share) in givers.of(input) {
                        sum += self.blended[output] * share;
                    }
                    *to = sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
