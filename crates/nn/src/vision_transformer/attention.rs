//! Attention of all tokens of one picture to all others, head by head.
//!
//! O = softmax(Q Kᵀ / √d) V with queries, keys and values of d numbers (Vaswani et al. 2017, equation 1).
//! A row of `qkv` has the queries of all heads, then the keys, then the values.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use lookalike_kernels::{Processor, softmax, softmax_backward};
use rayon::prelude::*;

use crate::Result;

/// Who looks at whom.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Features of a token.
    pub width: usize,
    /// Heads, among which the features are shared out.
    pub heads: usize,
}

impl Attention {
    fn of_head(self) -> usize {
        self.width / self.heads.max(1)
    }

    /// Factor of the products of queries and keys.
    fn scale(self) -> f32 {
        1.0 / (self.of_head() as f32).sqrt()
    }

    /// Queries, keys and values of a head: tokens × d each.
    fn parts(self, qkv: &[f32], head: usize) -> [MatRef<'_, f32>; 3] {
        let tokens = qkv.len() / (3 * self.width).max(1);
        let all = MatRef::from_row_major_slice(qkv, tokens, 3 * self.width);
        let size = self.of_head();
        [0, 1, 2].map(|part| all.submatrix(0, part * self.width + head * size, tokens, size))
    }

    /// The tokens' sums of values, and the weights of every head, tokens × tokens.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn forward(self, qkv: &[f32]) -> Result<(Vec<f32>, Vec<Vec<f32>>)> {
        self.forward_with(qkv, None)
    }

    /// The same where every head adds something to the products, tokens × tokens.
    pub(super) fn forward_with(
        self,
        qkv: &[f32],
        biases: Option<&[Vec<f32>]>,
    ) -> Result<(Vec<f32>, Vec<Vec<f32>>)> {
        let tokens = qkv.len() / (3 * self.width).max(1);
        let size = self.of_head();
        let heads = (0..self.heads).into_par_iter().map(|head| {
            let [queries, keys, values] = self.parts(qkv, head);
            let bias = biases.and_then(|biases| biases.get(head));
            let accumulate = bias.map_or(Accum::Replace, |_| Accum::Add);
            let mut products = bias.map_or_else(|| vec![0.0; tokens * tokens], Vec::clone);
            let to = MatMut::from_row_major_slice_mut(&mut products, tokens, tokens);
            matmul(to, accumulate, queries, keys.transpose(), self.scale(), Par::Seq);
            let mut weights = vec![0.0; tokens * tokens];
            softmax(Processor::best(), tokens, &products, &mut weights)?;
            let mut sums = vec![0.0; tokens * size];
            let to = MatMut::from_row_major_slice_mut(&mut sums, tokens, size);
            let from = MatRef::from_row_major_slice(&weights, tokens, tokens);
            matmul(to, Accum::Replace, from, values, 1.0, Par::Seq);
            Ok((sums, weights))
        });
        let heads: Vec<(Vec<f32>, Vec<f32>)> = heads.collect::<Result<_>>()?;
        let mut out = vec![0.0; tokens * self.width];
        for (head, (sums, _)) in heads.iter().enumerate() {
            let rows = out.chunks_exact_mut(self.width.max(1)).zip(sums.chunks_exact(size.max(1)));
            rows.for_each(|(to, from)| to[head * size..][..size].copy_from_slice(from));
        }
        Ok((out, heads.into_iter().map(|(_, weights)| weights).collect()))
    }

    /// The derivatives with respect to queries, keys and values.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel).
    pub fn backward(self, qkv: &[f32], weights: &[Vec<f32>], upstream: &[f32]) -> Result<Vec<f32>> {
        let tokens = qkv.len() / (3 * self.width).max(1);
        let size = self.of_head();
        let upstream = MatRef::from_row_major_slice(upstream, tokens, self.width);
        let heads = weights.par_iter().enumerate().map(|(head, weights)| {
            let [queries, keys, values] = self.parts(qkv, head);
            let upstream = upstream.submatrix(0, head * size, tokens, size);
            let square = || vec![0.0; tokens * tokens];
            let mut of_weights = square();
            let to = MatMut::from_row_major_slice_mut(&mut of_weights, tokens, tokens);
            matmul(to, Accum::Replace, upstream, values.transpose(), 1.0, Par::Seq);
            let mut of_products = square();
            let processor = Processor::best();
            softmax_backward(processor, tokens, weights, &of_weights, &mut of_products)?;
            let of_products = MatRef::from_row_major_slice(&of_products, tokens, tokens);
            let weights = MatRef::from_row_major_slice(weights, tokens, tokens);
            let product = |a: MatRef<'_, f32>, b: MatRef<'_, f32>, factor: f32| {
                let mut to = vec![0.0; tokens * size];
                let out = MatMut::from_row_major_slice_mut(&mut to, tokens, size);
                matmul(out, Accum::Replace, a, b, factor, Par::Seq);
                to
            };
            Ok([
                product(of_products, keys, self.scale()),
                product(of_products.transpose(), queries, self.scale()),
                product(weights.transpose(), upstream, 1.0),
            ])
        });
        let heads: Vec<[Vec<f32>; 3]> = heads.collect::<Result<_>>()?;
        let mut slopes = vec![0.0; qkv.len()];
        for (head, parts) in heads.iter().enumerate() {
            for (part, from) in parts.iter().enumerate() {
                let first = part * self.width + head * size;
                let rows = slopes.chunks_exact_mut((3 * self.width).max(1));
                rows.zip(from.chunks_exact(size.max(1)))
                    .for_each(|(to, from)| to[first..][..size].copy_from_slice(from));
            }
        }
        Ok(slopes)
    }
}
