//! The two precisions in which layers compute.

use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Sub};

use lookalike_kernels::{
    Destination, NarrowResidual, PaddedRow, Processor, RowConvolution, SplitRows,
};

use super::{Rows, SllConvolution};
use crate::Result;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`.
pub trait Real:
    sealed::Sealed
    + Copy
    + Default
    + Debug
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + 'static
{
    /// Half the distance from 1 to the next number above.
    const UNIT: f64;

    /// A number of single precision, which both have.
    fn of(number: f32) -> Self;

    /// The nearest of a number of double precision.
    fn nearest(number: f64) -> Self;

    /// The largest that is not above a number of double precision.
    fn below(number: f64) -> Self;

    /// The same in double precision.
    fn double(self) -> f64;

    /// `Σ w(k)·x(k)`, in an order that depends on the length alone.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) where they are not equally long.
    fn dot(w: &[f32], x: &[Self]) -> Result<Self>;

    /// `to(k) −= factor·w(k)`.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) where they are not equally long.
    fn subtract_multiple(to: &mut [Self], w: &[f32], factor: Self) -> Result<()>;

    /// A row of a 3×3 convolution, as [`RowConvolution::row`] gives it: column x of output o goes to
    /// `to[o·stride + start + x]`.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) where a row or `to` is too short.
    fn convolve_row(
        filters: &RowConvolution,
        layout: PaddedRow,
        rows: [Option<&[Self]>; 3],
        subtract: bool,
        to: &mut [Self],
        place: [usize; 2],
    ) -> Result<()>;

    /// The values of several layers, as [`SllConvolution::forward_all`] gives them.
    ///
    /// # Errors
    /// Those of [`SllConvolution::forward`].
    fn residuals(layers: &[&SllConvolution], x: &Rows<Self>, _tasks: usize) -> Result<Rows<Self>> {
        let mut layers = layers.iter();
        let Some(first) = layers.next() else { return Ok(x.clone()) };
        layers.try_fold(first.forward(x, None)?, |x, layer| layer.forward(&x, None))
    }

    /// How much larger |products| may be than those of the definition of a layer, on rows of a width.
    fn amplification(_layer: &SllConvolution, _width: usize) -> f64 {
        1.0
    }
}

impl Real for f32 {
    const UNIT: f64 = 1.0 / (1_u64 << 24) as f64;

    fn of(number: f32) -> Self {
        number
    }

    fn nearest(number: f64) -> Self {
        number as f32
    }

    fn below(number: f64) -> Self {
        let single = number as f32;
        if f64::from(single) > number { single.next_down() } else { single }
    }

    fn double(self) -> f64 {
        f64::from(self)
    }

    fn dot(w: &[f32], x: &[Self]) -> Result<Self> {
        Ok(lookalike_kernels::dot(Processor::best(), w, x)?)
    }

    fn subtract_multiple(to: &mut [Self], w: &[f32], factor: Self) -> Result<()> {
        Ok(lookalike_kernels::subtract_multiple(Processor::best(), to, w, factor)?)
    }

    fn convolve_row(
        filters: &RowConvolution,
        layout: PaddedRow,
        rows: [Option<&[Self]>; 3],
        subtract: bool,
        to: &mut [Self],
        [stride, start]: [usize; 2],
    ) -> Result<()> {
        let to = Destination { numbers: to, stride, start };
        Ok(filters.row(Processor::best(), layout, rows, subtract, to)?)
    }

    /// Runs of layers with few channels inside stay in the layout of their kernel.
    fn residuals(layers: &[&SllConvolution], x: &Rows<Self>, tasks: usize) -> Result<Rows<Self>> {
        let mut x = Cow::Borrowed(x);
        let width = x.width;
        let narrow = |layer: &SllConvolution| layer.narrow(width).is_some();
        for run in layers.chunk_by(|a, b| narrow(a) == narrow(b)) {
            let filters: Option<Vec<&NarrowResidual>> =
                run.iter().map(|layer| layer.narrow(width)).collect();
            let Some(filters) = filters else {
                for layer in run {
                    x = Cow::Owned(layer.forward(&x, None)?);
                }
                continue;
            };
            let shape = [x.channels, x.height, x.width];
            let mut split = SplitRows::of_rows(shape, &x.data)?;
            NarrowResidual::run(&filters, Processor::best(), &mut split, tasks)?;
            let [channels, height, width] = shape;
            x = Cow::Owned(Rows { channels, height, width, data: split.to_rows() });
        }
        Ok(x.into_owned())
    }

    fn amplification(layer: &SllConvolution, width: usize) -> f64 {
        layer.narrow(width).map_or(1.0, |_| NarrowResidual::AMPLIFICATION)
    }
}

impl Real for f64 {
    const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;

    fn of(number: f32) -> Self {
        f64::from(number)
    }

    fn nearest(number: f64) -> Self {
        number
    }

    fn below(number: f64) -> Self {
        number
    }

    fn double(self) -> f64 {
        self
    }

    fn dot(w: &[f32], x: &[Self]) -> Result<Self> {
        crate::Error::expect_numbers("a vector", w.len(), x.len())?;
        Ok(w.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum())
    }

    fn subtract_multiple(to: &mut [Self], w: &[f32], factor: Self) -> Result<()> {
        crate::Error::expect_numbers("a vector", w.len(), to.len())?;
        to.iter_mut().zip(w).for_each(|(to, &w)| *to -= factor * f64::from(w));
        Ok(())
    }

    /// The definition: double precision is the oracle of the other.
    fn convolve_row(
        filters: &RowConvolution,
        layout: PaddedRow,
        rows: [Option<&[Self]>; 3],
        subtract: bool,
        to: &mut [Self],
        [stride, start]: [usize; 2],
    ) -> Result<()> {
        let width = layout.width;
        let needed = filters.outputs().saturating_sub(1) * stride + start + width;
        crate::Error::expect_numbers("a row of outputs", needed, to.len().min(needed))?;
        let per_output = filters.weights().chunks_exact((9 * filters.inputs()).max(1));
        let mut sums = vec![0.0; width];
        for (output, weights) in per_output.enumerate() {
            sums.fill(0.0);
            for (r, row) in rows.iter().enumerate() {
                let Some(row) = row else { continue };
                for (line, taps) in row.chunks_exact(layout.stride).zip(weights.chunks_exact(9)) {
                    for (t, &tap) in taps[3 * r..3 * r + 3].iter().enumerate() {
                        let columns = &line[t..t + width];
                        sums.iter_mut()
                            .zip(columns)
                            .for_each(|(sum, x)| *sum += f64::from(tap) * x);
                    }
                }
            }
            let to = &mut to[output * stride + start..][..width];
            for (to, &sum) in to.iter_mut().zip(&sums) {
                *to = if subtract { *to - sum } else { sum };
            }
        }
        Ok(())
    }
}
