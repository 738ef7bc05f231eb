//! Activations row by row.

use super::Real;

/// `[row][channel][column]`: a strip of rows of all channels lies in one piece, so that strips are tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows<R> {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The numbers.
    pub data: Vec<R>,
}

impl<R: Real> Rows<R> {
    /// All zeros.
    pub fn zeros([channels, height, width]: [usize; 3]) -> Self {
        Self { channels, height, width, data: vec![R::default(); channels * height * width] }
    }

    /// From planes, `[channel][row][column]`, of which there may be fewer than channels: the others are
    /// 0, which neither lengthens nor shortens a vector.
    pub fn from_planes(shape: [usize; 3], planes: &[R]) -> Self {
        let mut rows = Self::zeros(shape);
        let area = rows.height * rows.width;
        if area == 0 {
            return rows;
        }
        for (channel, plane) in planes.chunks_exact(area).take(rows.channels).enumerate() {
            for (row, from) in plane.chunks_exact(rows.width).enumerate() {
                let at = rows.at(row, channel);
                rows.data[at..at + from.len()].copy_from_slice(from);
            }
        }
        rows
    }

    /// The first `channels` as planes.
    pub fn to_planes(&self, channels: usize) -> Vec<R> {
        let mut planes = Vec::with_capacity(channels * self.height * self.width);
        for channel in 0..channels.min(self.channels) {
            for row in 0..self.height {
                planes.extend_from_slice(self.row(row, channel));
            }
        }
        planes
    }

    /// Where a row of a channel begins.
    fn at(&self, row: usize, channel: usize) -> usize {
        (row * self.channels + channel) * self.width
    }

    /// A row of a channel.
    pub(crate) fn row(&self, row: usize, channel: usize) -> &[R] {
        let at = self.at(row, channel);
        &self.data[at..at + self.width]
    }
}
