//! The two precisions in which layers compute.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Sub};

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
}

/// Numbers that are summed next to each other.
const LANES: usize = 8;

/// `Σ w(k)·x(k)`, in an order that depends on the length alone.
pub(crate) fn dot<R: Real>(w: &[f32], x: &[R]) -> R {
    let (w_lanes, w_rest) = w.as_chunks::<LANES>();
    let (x_lanes, x_rest) = x.as_chunks::<LANES>();
    let mut sums = [R::default(); LANES];
    for (w, x) in w_lanes.iter().zip(x_lanes) {
        for ((sum, &w), &x) in sums.iter_mut().zip(w).zip(x) {
            *sum += R::of(w) * x;
        }
    }
    let mut total = R::default();
    sums.into_iter().for_each(|sum| total += sum);
    w_rest.iter().zip(x_rest).for_each(|(&w, &x)| total += R::of(w) * x);
    total
}
