//! A grid of numbers, the working form of every metric.

/// `width × height` numbers, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The numbers.
    pub data: Vec<f64>,
}

impl Plane {
    /// A plane from its numbers, of which there are `width × height`.
    pub fn new(width: usize, height: usize, data: Vec<f64>) -> Self {
        debug_assert_eq!(data.len(), width * height);
        Self { width, height, data }
    }

    /// A plane of zeros.
    pub fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// A plane computed position by position.
    pub fn from_fn(
        width: usize,
        height: usize,
        mut value: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                data.push(value(x, y));
            }
        }
        Self { width, height, data }
    }

    /// One row.
    pub fn row(&self, y: usize) -> &[f64] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// The number at column `x`, row `y`.
    pub fn at(&self, x: usize, y: usize) -> f64 {
        self.data[y * self.width + x]
    }

    /// The shorter side.
    pub fn shorter_side(&self) -> usize {
        self.width.min(self.height)
    }

    /// The plane with a function applied to each number.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(self.width, self.height, self.data.iter().map(|&v| f(v)).collect())
    }

    /// Two planes of one shape combined number by number.
    #[must_use]
    pub fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        debug_assert_eq!((self.width, self.height), (other.width, other.height));
        let data = self.data.iter().zip(&other.data).map(|(&a, &b)| f(a, b)).collect();
        Self::new(self.width, self.height, data)
    }

    /// Sum of all numbers, accumulated row by row so that rounding errors stay small.
    pub fn sum(&self) -> f64 {
        self.data.chunks(self.width.max(1)).map(|row| row.iter().sum::<f64>()).sum()
    }

    /// Mean of all numbers.
    pub fn mean(&self) -> f64 {
        self.sum() / self.data.len() as f64
    }

    /// The rectangle that starts at (`left`, `top`); it must lie inside.
    #[must_use]
    pub fn crop(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let rows = (top..top + height).flat_map(|y| &self.row(y)[left..left + width]);
        Self { width, height, data: rows.copied().collect() }
    }
}
