//! Pictures whose even and odd columns lie apart, as tiles of two columns read them.

use crate::Result;
use crate::lanes::LANES;

/// Zeros before the first column of a parity: vectors that begin one column earlier stay inside.
pub(super) const BEFORE: usize = LANES;

/// Rows of zeros above and below: the first inner band of a task reads three that are not its own.
pub(super) const MARGIN: usize = 3;

/// `[row][channel][parity][column / 2]`, with zeros around: some rows above and below, and columns.
#[derive(Clone, Debug)]
pub struct SplitRows {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Numbers of one parity of a row of a channel.
    pub(super) stride: usize,
    pub(super) data: Vec<f32>,
}

impl SplitRows {
    /// All zeros.
    pub fn zeros([channels, height, width]: [usize; 3]) -> Self {
        let stride = stride_of(width);
        let rows = height.next_multiple_of(2) + 2 * MARGIN;
        Self { channels, height, width, stride, data: vec![0.0; rows * 2 * channels * stride] }
    }

    /// Of `[row][channel][column]`.
    ///
    /// # Errors
    /// [`Error::Count`](crate::Error::Count) where there are not so many numbers.
    pub fn of_rows(shape: [usize; 3], rows: &[f32]) -> Result<Self> {
        let [channels, height, width] = shape;
        crate::elementwise::check("rows", rows, channels * height * width)?;
        let mut split = Self::zeros(shape);
        let size = split.row_size();
        let lines = split.data[MARGIN * size..].chunks_exact_mut(2 * split.stride);
        for (to, from) in lines.zip(rows.chunks_exact(width.max(1))) {
            let (even, odd) = to.split_at_mut(split.stride);
            let (pairs, last) = from.as_chunks::<2>();
            let places = even[BEFORE..].iter_mut().zip(&mut odd[BEFORE..]);
            for ((even, odd), pair) in places.zip(pairs) {
                [*even, *odd] = *pair;
            }
            if let [last] = last {
                even[BEFORE + pairs.len()] = *last;
            }
        }
        Ok(split)
    }

    /// As `[row][channel][column]`.
    pub fn to_rows(&self) -> Vec<f32> {
        let mut rows = vec![0.0; self.channels * self.height * self.width];
        let lines = self.data[MARGIN * self.row_size()..].chunks_exact(2 * self.stride);
        for (to, from) in rows.chunks_exact_mut(self.width.max(1)).zip(lines) {
            let (even, odd) = from.split_at(self.stride);
            let (pairs, last) = to.as_chunks_mut::<2>();
            let places = even[BEFORE..].iter().zip(&odd[BEFORE..]);
            for (pair, (&even, &odd)) in pairs.iter_mut().zip(places) {
                *pair = [even, odd];
            }
            if let [last] = last {
                *last = even[BEFORE + self.width / 2];
            }
        }
        rows
    }

    /// Channels, rows, columns.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Numbers of a row.
    pub(super) fn row_size(&self) -> usize {
        2 * self.channels * self.stride
    }
}

/// Numbers of one parity of rows of a width: whole vectors, and room for those that begin a column early or late.
pub(super) fn stride_of(width: usize) -> usize {
    BEFORE + width.div_ceil(2).next_multiple_of(LANES) + LANES
}

/// Sets what lies beyond the last column to zero, for rows `[channel][parity][stride]`.
pub(super) fn clear_beyond(rows: &mut [f32], stride: usize, width: usize) {
    for (parity, line) in rows.chunks_exact_mut(stride).enumerate() {
        let columns = (width + 1 - parity % 2) / 2;
        line[BEFORE + columns..].fill(0.0);
    }
}
