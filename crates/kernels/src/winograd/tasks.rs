//! What one task does: all phases of a block of tiles, or its part of one phase.

use std::ops::Range;

use super::ahead::{Ahead, LARGE, NEAR};
use super::pass::Pass;
use super::transform::PRODUCTS;
use crate::disjoint::Disjoint;
use crate::lanes::{Lanes, Line};
use crate::processor::Kernel;
use crate::product::{Packed, Terms, product};

/// All phases of one block of tiles.
pub(super) struct Block<'a, T, const REACH: u8> {
    pub(super) terms: T,
    pub(super) pass: &'a Pass<'a>,
    pub(super) tiles: Range<usize>,
    /// What the same task takes up next; empty where nothing is left.
    pub(super) upcoming: &'a Range<usize>,
    pub(super) spaces: [usize; 2],
    pub(super) memory: &'a mut [Line],
}

impl<T: Terms, const REACH: u8> Kernel for Block<'_, T, REACH> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { terms, pass, tiles, upcoming, spaces: [left_space, space], memory } = self;
        let packed = &pass.convolution.packed;
        let read = pass.convolution.lines_read();
        let (left, products) = memory.split_at_mut(PRODUCTS * left_space);
        let shared = Disjoint::new(left);
        for line in 0..read {
            // SAFETY: this task alone has the memory.
            #[allow(unsafe_code)]
            unsafe {
                pass.gather::<L, REACH>(lanes, line, tiles.clone(), left_space, &shared);
            }
        }
        let mut read_next = Ahead::new(pass, upcoming, read);
        let mut written = Ahead::new(pass, &tiles, packed.lines);
        for matrix in 0..PRODUCTS {
            if REACH != LARGE {
                read_next.inputs(pass, matrix);
                written.outputs(pass, matrix);
            }
            let (left, next) = left[matrix * left_space..].split_at_mut(left_space);
            let left = &mut left[..tiles.len() * read];
            terms.prepare(lanes, left);
            let right = &pass.convolution.matrices[matrix * packed.len()..];
            let to = &mut products[matrix * space..][..tiles.len() * packed.lines];
            let next = if REACH != NEAR { next.get(..left.len()).unwrap_or_default() } else { &[] };
            product(lanes, terms, packed, bytemuck::cast_slice(left), right, to, next);
        }
        for line in 0..packed.lines {
            pass.scatter::<L, REACH>(lanes, line, tiles.clone(), space, products);
        }
    }
}

pub(super) struct Gather<'a> {
    pub(super) pass: &'a Pass<'a>,
    pub(super) line: usize,
    pub(super) tiles: usize,
    pub(super) space: usize,
    pub(super) to: &'a Disjoint<'a, Line>,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { pass, line, tiles, space, to } = self;
        // SAFETY: each line of inputs is gathered by one task.
        #[allow(unsafe_code)]
        unsafe {
            pass.gather::<L, LARGE>(lanes, line, 0..tiles, space, to);
        }
    }
}

pub(super) struct Multiply<'a, T> {
    pub(super) terms: T,
    pub(super) shape: &'a Packed,
    pub(super) left: &'a mut [Line],
    pub(super) right: &'a [Line],
    pub(super) to: &'a mut [Line],
}

impl<T: Terms> Kernel for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { terms, shape, left, right, to } = self;
        terms.prepare(lanes, left);
        product(lanes, terms, shape, bytemuck::cast_slice(left), right, to, &[]);
    }
}

pub(super) struct Scatter<'a> {
    pub(super) pass: &'a Pass<'a>,
    pub(super) line: usize,
    pub(super) tiles: usize,
    pub(super) space: usize,
    pub(super) products: &'a [Line],
}

impl Kernel for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        self.pass.scatter::<L, LARGE>(lanes, self.line, 0..self.tiles, self.space, self.products);
    }
}
