//! Activations in blocks of sixteen channels.
//!
//! `[picture][channel / 16][row][column][channel mod 16]`: the sixteen channels of one position are one
//! cache line and one AVX-512 register, so that transforms, pools and norms over channels need no
//! shuffles. Where the number of channels is no multiple of sixteen, the last lanes hold zeros, and all
//! operations keep them zero.

use std::ops::Range;

use rayon::prelude::*;

use crate::lanes::{LANES, Line};
use crate::{Error, Result, spare};

/// Activations of a batch of pictures. Their memory comes from blocks that were dropped before, and goes to
/// others ([`give_back`](crate::give_back)).
#[derive(Debug, Default)]
pub struct Blocks {
    batch: usize,
    channels: usize,
    height: usize,
    width: usize,
    /// How many lines of the memory are in use.
    count: usize,
    memory: Vec<Line>,
}

/// Activations of one picture.
#[derive(Clone, Copy, Debug)]
pub struct PictureBlocks<'a> {
    lines: &'a [Line],
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> PictureBlocks<'a> {
    /// Channels, height, width.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Positions of a plane.
    pub fn area(&self) -> usize {
        self.height * self.width
    }

    /// All lines.
    pub fn lines(&self) -> &'a [Line] {
        self.lines
    }
}

impl Clone for Blocks {
    fn clone(&self) -> Self {
        let mut memory =
            spare::take(self.count).unwrap_or_else(|| bytemuck::zeroed_vec(self.count));
        memory[..self.count].copy_from_slice(self.lines());
        Self { memory, ..*self }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        spare::leave(std::mem::take(&mut self.memory));
    }
}

impl Blocks {
    /// Nothing yet; for [`reshape`](Self::reshape).
    pub fn new() -> Self {
        Self::default()
    }

    /// Zeros.
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub fn zeros(shape: [usize; 4]) -> Result<Self> {
        let mut blocks = Self::new();
        blocks.reshape(shape)?;
        blocks.lines_mut().fill(Line::ZERO);
        Ok(blocks)
    }

    /// Makes room for a batch × channels × height × width. What the numbers are is left open, but for
    /// lanes without a channel, which the operation that fills the blocks must set to zero. Memory is
    /// used again.
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub fn reshape(&mut self, shape: [usize; 4]) -> Result<()> {
        let [batch, channels, height, width] = shape;
        let count = [batch, channels.div_ceil(LANES), height, width]
            .iter()
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent))
            .filter(|&count| count > 0 && count <= isize::MAX as usize / size_of::<Line>());
        let count =
            count.ok_or_else(|| Error::Shape { what: "activations", shape: shape.to_vec() })?;
        if count > self.memory.len() {
            // Fresh zeroed memory costs nothing until it is used; copying what is there would.
            spare::leave(std::mem::take(&mut self.memory));
            self.memory = spare::take(count).unwrap_or_else(|| bytemuck::zeroed_vec(count));
        }
        self.count = count;
        if cfg!(debug_assertions) {
            // What is read before it is written shows.
            self.lines_mut().fill(Line::NAN);
        }
        [self.batch, self.channels, self.height, self.width] = shape;
        Ok(())
    }

    /// Batch, channels, height, width.
    pub fn shape(&self) -> [usize; 4] {
        [self.batch, self.channels, self.height, self.width]
    }

    /// Blocks of sixteen channels in a picture.
    pub fn depth(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// Positions of a plane.
    pub fn area(&self) -> usize {
        self.height * self.width
    }

    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.memory[..self.count]
    }

    /// All lines, to be changed.
    pub fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.memory[..self.count]
    }

    /// The lines of one picture of the batch.
    pub(crate) fn lines_of(&self, picture: usize) -> &[Line] {
        let size = self.depth() * self.area();
        &self.lines()[picture * size..(picture + 1) * size]
    }

    /// The lines of one picture of the batch, to be changed; `None` beyond it.
    pub fn picture_mut(&mut self, index: usize) -> Option<&mut [Line]> {
        let size = self.depth() * self.area();
        self.lines_mut().get_mut(index.checked_mul(size)?..(index + 1).checked_mul(size)?)
    }

    /// One picture of the batch; `None` beyond it.
    pub fn picture(&self, index: usize) -> Option<PictureBlocks<'_>> {
        let size = self.depth() * self.area();
        let lines = self.lines().get(index.checked_mul(size)?..(index + 1).checked_mul(size)?)?;
        let Self { channels, height, width, .. } = *self;
        Some(PictureBlocks { lines, channels, height, width })
    }

    /// Fills the blocks with planes, which are batch × channels × height × width numbers.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Shape`].
    pub fn read_planes(&mut self, shape: [usize; 4], planes: &[f32]) -> Result<()> {
        self.reshape(shape)?;
        let [_, channels, height, width] = shape;
        let (area, depth) = (height * width, self.depth());
        let expected = shape.iter().product();
        if planes.len() != expected {
            let found = planes.len();
            return Err(Error::Count { what: "planes", expected, found });
        }
        self.lines_mut().par_chunks_mut(area).enumerate().for_each(|(index, block)| {
            let (picture, first) = (index / depth, index % depth * LANES);
            let present = LANES.min(channels - first);
            let planes = &planes[(picture * channels + first) * area..][..present * area];
            for (strip, lines) in block.chunks_mut(STRIP).enumerate() {
                if present < LANES {
                    lines.fill(Line::ZERO);
                }
                for (lane, plane) in planes.chunks_exact(area).enumerate() {
                    for (line, &number) in lines.iter_mut().zip(&plane[strip * STRIP..]) {
                        line.0[lane] = number;
                    }
                }
            }
        });
        Ok(())
    }

    /// Becomes a copy of some channels of `other`.
    ///
    /// # Errors
    /// [`Error::Dimension`] when they are not there or do not begin with a block, [`Error::Shape`].
    pub fn copy_channels(&mut self, other: &Self, channels: Range<usize>) -> Result<()> {
        let [batch, all, height, width] = other.shape();
        for (what, expected, found) in [
            ("first channel modulo sixteen", 0, channels.start % LANES),
            ("end of the channels", channels.end.min(all), channels.end),
        ] {
            if expected != found {
                return Err(Error::Dimension { what, expected, found });
            }
        }
        self.reshape([batch, channels.len(), height, width])?;
        let (size, whole) = (self.depth() * self.area(), other.depth() * other.area());
        let first = channels.start / LANES * self.area();
        let spare = channels.end % LANES;
        for (to, from) in self.lines_mut().chunks_mut(size).zip(other.lines().chunks(whole)) {
            to.copy_from_slice(&from[first..first + size]);
            if spare > 0 {
                let last = size - height * width;
                to[last..].iter_mut().for_each(|line| line.0[spare..].fill(0.0));
            }
        }
        Ok(())
    }

    /// The same numbers as planes: batch × channels × height × width.
    pub fn to_planes(&self) -> Vec<f32> {
        let (area, depth) = (self.area(), self.depth());
        let mut planes: Vec<f32> = bytemuck::zeroed_vec(self.shape().iter().product());
        // Planes of one block go to one task; the last block of a picture has fewer.
        let mut tasks = Vec::with_capacity(self.batch * depth);
        let mut rest = planes.as_mut_slice();
        for index in 0..self.batch * depth {
            let present = LANES.min(self.channels - index % depth * LANES);
            let (part, after) = rest.split_at_mut(present * area);
            tasks.push(part);
            rest = after;
        }
        tasks.into_par_iter().zip(self.lines().par_chunks(area)).for_each(|(planes, block)| {
            for (strip, lines) in block.chunks(STRIP).enumerate() {
                for (lane, plane) in planes.chunks_exact_mut(area).enumerate() {
                    for (number, line) in plane[strip * STRIP..].iter_mut().zip(lines) {
                        *number = line.0[lane];
                    }
                }
            }
        });
        planes
    }
}

/// Positions converted together: they stay in the first cache while lane after lane is taken.
const STRIP: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_come_back_and_spare_lanes_are_zero() {
        for shape in [[2, 3, 5, 7], [1, 16, 1, 1], [3, 37, 19, 23]] {
            let count = shape.iter().product();
            let planes: Vec<f32> = (0..count).map(|n| n as f32 + 1.0).collect();
            let mut blocks = Blocks::new();
            blocks.read_planes([1, 64, 9, 9], &vec![-1.0; 64 * 81]).unwrap();
            blocks.read_planes(shape, &planes).unwrap();
            assert_eq!(blocks.to_planes(), planes);
            let zeros = blocks.lines().iter().flat_map(|line| line.0).filter(|&n| n == 0.0);
            assert_eq!(zeros.count(), blocks.lines().len() * LANES - count);
        }
    }

    #[test]
    fn pictures_of_a_batch_are_found() {
        let planes: Vec<f32> = (0..2 * 17 * 3).map(|n| n as f32).collect();
        let mut blocks = Blocks::new();
        blocks.read_planes([2, 17, 1, 3], &planes).unwrap();
        let second = blocks.picture(1).unwrap();
        assert_eq!((second.shape(), second.lines()[0].0[2]), ([17, 1, 3], 17.0 * 3.0 + 6.0));
        let lines = second.lines().to_vec();
        assert_eq!(blocks.picture_mut(1).unwrap(), lines);
        assert!(blocks.picture(2).is_none() && blocks.picture_mut(2).is_none());
        assert!(blocks.picture_mut(usize::MAX).is_none());
    }

    #[test]
    fn channels_are_copied() {
        let planes: Vec<f32> = (0..2 * 40 * 6).map(|n| n as f32 + 1.0).collect();
        let (mut all, mut part) = (Blocks::new(), Blocks::new());
        all.read_planes([2, 40, 2, 3], &planes).unwrap();
        part.copy_channels(&all, 16..25).unwrap();
        let expected = [&planes[16 * 6..25 * 6], &planes[56 * 6..65 * 6]].concat();
        assert_eq!(part.to_planes(), expected);
        let zeros = part.lines().iter().flat_map(|line| line.0).filter(|&n| n == 0.0);
        assert_eq!(zeros.count(), 2 * 6 * 7);
        assert!(part.copy_channels(&all, 8..16).is_err());
        assert!(part.copy_channels(&all, 32..41).is_err());
    }

    #[test]
    fn shapes_are_checked() {
        let mut blocks = Blocks::new();
        assert!(blocks.read_planes([1, 3, 2, 2], &[0.0; 11]).is_err());
        assert!(blocks.reshape([1, 0, 2, 2]).is_err());
        assert!(blocks.reshape([usize::MAX, 16, 2, 2]).is_err());
    }
}
