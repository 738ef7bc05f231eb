//! The luma formulas that metrics disagree about, by name.
//!
//! All of them weigh gamma-coded samples. Greyscale pictures are their own luma.

/// A weighting of gamma-coded red, green and blue.
///
/// Source of the weights: ITU-R BT.601 and BT.709; the studio form is the BT.601 `Y` of 8-bit
/// video, the habit of super-resolution papers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luma {
    /// `.299 R + .587 G + .114 B`, not rounded.
    Y601,
    /// `(299 R + 587 G + 114 B + 500) div 1000` on the 0…255 scale: BT.601 rounded to integers by a
    /// rule without ties, in place of a rounded floating-point sum whose ties depend on the order
    /// of additions.
    Y601Integer,
    /// `16 + (65.481 R + 128.553 G + 24.966 B) / 255` on the 0…255 scale, not rounded.
    Y601Studio,
    /// `.2126 R + .7152 G + .0722 B`, not rounded.
    Y709,
}

impl Luma {
    /// Luma of one pixel on the 0…255 scale, from samples on the same scale.
    ///
    /// ```
    /// use lookalike_core::Luma;
    /// assert_eq!(Luma::Y601Integer.of([10.0, 20.0, 30.0]), 18.0);
    /// assert!((Luma::Y601Studio.of([255.0; 3]) - 235.0).abs() < 1e-12);
    /// ```
    #[inline(always)]
    pub fn of(self, [r, g, b]: [f64; 3]) -> f64 {
        match self {
            Self::Y601 => 0.299 * r + 0.587 * g + 0.114 * b,
            Self::Y601Integer => ((299.0 * r + 587.0 * g + 114.0 * b + 500.0) / 1000.0).floor(),
            Self::Y601Studio => 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0,
            Self::Y709 => 0.2126 * r + 0.7152 * g + 0.0722 * b,
        }
    }

    /// Luma of one grey sample on the 0…255 scale: the sample itself, rounded by the integer
    /// variant, mapped to 16…235 by the studio variant.
    pub fn of_grey(self, sample: f64) -> f64 {
        match self {
            Self::Y601 | Self::Y709 => sample,
            Self::Y601Integer => (sample + 0.5).floor(),
            Self::Y601Studio => 16.0 + 219.0 * sample / 255.0,
        }
    }
}
