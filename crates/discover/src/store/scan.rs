//! Cosines of a query with many rows, and the best of them.
//!
//! [`Rounded`] finds the same results faster where rows are searched again and again.
//!
//! Rows have unit length, so the cosine is the product. Terms are summed in 32 places side by side, which are
//! then added in a fixed order: the same bits for any processor, number of threads and order of rows.
//!
//! Instructions are chosen when the program runs. Products are rounded before they are added, as fused ones
//! would give other bits on processors without them.

mod integers;
mod rounded;

use std::cmp::Ordering;

use rayon::prelude::*;

use super::Hit;
use crate::{Error, Result};

pub use rounded::Rounded;

/// Sums side by side: two registers of the widest instructions.
const LANES: usize = 32;

/// Rows that one task takes.
const ROWS: usize = 2048;

/// Work in a closure, which carries `#[inline(always)]`: it runs without the instructions it is meant for otherwise.
struct Work<F>(F);

impl<R, F: FnMut() -> R> pulp::WithSimd for Work<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// The product of two vectors of one length.
#[inline(always)]
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    added_up(lanes, a_rest, b_rest)
}

/// Vectors that a query is multiplied with at once.
const TOGETHER: usize = 4;

/// [`product`] of a query with several vectors of its length, to the same bits: their sums do not wait for each other,
/// and the query is loaded once.
#[inline(always)]
fn products(query: &[f32], rows: [&[f32]; TOGETHER]) -> [f32; TOGETHER] {
    let (whole, rest) = query.as_chunks::<LANES>();
    let parts = rows.map(|row| row.as_chunks::<LANES>());
    let mut lanes = [[0.0_f32; LANES]; TOGETHER];
    let [a, b, c, d] = parts.map(|part| part.0);
    for ((((query, a), b), c), d) in whole.iter().zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..LANES {
            lanes[0][lane] += query[lane] * a[lane];
            lanes[1][lane] += query[lane] * b[lane];
            lanes[2][lane] += query[lane] * c[lane];
            lanes[3][lane] += query[lane] * d[lane];
        }
    }
    let mut found = [0.0; TOGETHER];
    for k in 0..TOGETHER {
        found[k] = added_up(lanes[k], rest, parts[k].1);
    }
    found
}

/// The sum of sums side by side, always in the same order, and of what is left of two vectors.
#[inline(always)]
fn added_up(mut lanes: [f32; LANES], a_rest: &[f32], b_rest: &[f32]) -> f32 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    a_rest.iter().zip(b_rest).fold(lanes[0], |sum, (a, b)| sum + a * b)
}

/// The cosine of two vectors of unit length and one dimension.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    pulp::Arch::new().dispatch(Work(
        #[inline(always)]
        || product(a, b),
    ))
}

/// Appends [`dot`] of a query and every one of some vectors.
pub(crate) fn dots(query: &[f32], rows: &[&[f32]], to: &mut Vec<f32>) {
    pulp::Arch::new().dispatch(Work(
        #[inline(always)]
        || {
            let (whole, rest) = rows.as_chunks::<TOGETHER>();
            for &rows in whole {
                to.extend(products(query, rows));
            }
            for row in rest {
                to.push(product(query, row));
            }
        },
    ));
}

/// Adds a multiple of a vector of the same length.
pub(crate) fn add_scaled(to: &mut [f32], factor: f32, vector: &[f32]) {
    pulp::Arch::new().dispatch(Work(
        #[inline(always)]
        || {
            for (to, &number) in to.iter_mut().zip(vector) {
                *to += factor * number;
            }
        },
    ));
}

/// Brings a vector to unit length, in double precision; one that has it to the last digits stays as it is.
///
/// # Errors
/// [`Error::NotFinite`] for NaN, infinities and zero; `what` names the vector.
pub fn normalised(vector: &mut [f32], what: &str) -> Result<()> {
    let wrong = |reason| Err(Error::NotFinite { what: what.to_owned(), reason });
    if !vector.iter().all(|number| number.is_finite()) {
        return wrong("it has a number that is NaN or infinite");
    }
    let square: f64 = vector.iter().map(|&number| f64::from(number) * f64::from(number)).sum();
    if square == 0.0 {
        return wrong("all its numbers are 0");
    }
    // A vector that was normalised before must not change again, or copies of a store would differ.
    if (square - 1.0).abs() > 1e-6 {
        let length = square.sqrt();
        vector.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
    }
    Ok(())
}

/// The order of results: falling scores, then ids.
pub fn order(a: &Hit, b: &Hit) -> Ordering {
    b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal).then(a.id.cmp(&b.id))
}

/// The first `k` of some results, in order.
pub fn first(mut hits: Vec<Hit>, k: usize) -> Vec<Hit> {
    if k == 0 {
        return Vec::new();
    }
    if k < hits.len() {
        hits.select_nth_unstable_by(k - 1, order);
        hits.truncate(k);
    }
    hits.sort_unstable_by(order);
    hits
}

/// The first `k` of rows of `dimension` numbers that lie one after the other; `id` gives the id of a row, or
/// `None` for one that may not be found.
pub fn nearest(
    query: &[f32],
    rows: &[f32],
    dimension: usize,
    k: usize,
    id: impl Fn(usize) -> Option<u64> + Sync,
) -> Vec<Hit> {
    if k == 0 || dimension == 0 {
        return Vec::new();
    }
    let id = &id;
    let best_of = |(task, rows): (usize, &[f32])| -> Vec<Hit> {
        let mut best: Vec<Hit> = Vec::new();
        // Once there are enough, what is below the last of them cannot come in.
        let mut least = f32::NEG_INFINITY;
        pulp::Arch::new().dispatch(Work(
            #[inline(always)]
            || {
                for (index, row) in rows.chunks_exact(dimension).enumerate() {
                    let score = product(query, row);
                    if score < least {
                        continue;
                    }
                    if let Some(id) = id(task * ROWS + index) {
                        best.push(Hit { id, score });
                        if best.len() >= 2 * k + 64 {
                            best = first(std::mem::take(&mut best), k);
                            least = best.last().map_or(least, |hit| hit.score);
                        }
                    }
                }
            },
        ));
        first(best, k)
    };
    let tasks = rows.par_chunks(ROWS * dimension).enumerate().map(best_of);
    first(tasks.flatten_iter().collect(), k)
}

#[cfg(test)]
pub(super) mod tests {
    use lookalike_judge::statistics::seeded;

    use super::*;

    pub(crate) fn drawn(stream: u64, count: usize) -> Vec<f32> {
        let mut draws = seeded::stream(9, stream);
        (0..count).map(|_| seeded::below(&mut draws, 2001) as f32 / 1000.0 - 1.0).collect()
    }

    #[test]
    fn products_are_those_of_double_precision() {
        for dimension in [1, 7, 31, 32, 33, 64, 100, 513] {
            let (a, b) = (drawn(0, dimension), drawn(1, dimension));
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(a * b)).sum();
            assert!(
                (f64::from(dot(&a, &b)) - exact).abs() < 1e-5 * dimension as f64,
                "{dimension}"
            );
        }
    }

    #[test]
    fn products_together_are_those_one_by_one() {
        for dimension in [1, 31, 32, 33, 100, 513] {
            let query = drawn(5, dimension);
            let all = drawn(6, 11 * dimension);
            let rows: Vec<&[f32]> = all.chunks(dimension).collect();
            let mut found = vec![7.0];
            dots(&query, &rows, &mut found);
            let bits = |scores: &[f32]| scores.iter().map(|s| s.to_bits()).collect::<Vec<_>>();
            let expected: Vec<f32> = rows.iter().map(|row| dot(&query, row)).collect();
            assert_eq!(bits(&found[1..]), bits(&expected), "{dimension}");
        }
    }

    #[test]
    fn the_nearest_are_those_of_sorting_all() {
        let (dimension, count) = (20, 5000);
        let rows: Vec<f32> = drawn(2, dimension * count).iter().map(|n| n.round()).collect();
        let query = drawn(3, dimension).iter().map(|n| n.round()).collect::<Vec<_>>();
        let allowed = |index: usize| !index.is_multiple_of(3);
        let all = rows.chunks(dimension).enumerate().filter(|(index, _)| allowed(*index));
        let mut all: Vec<Hit> =
            all.map(|(index, row)| Hit { id: index as u64 + 1, score: dot(&query, row) }).collect();
        all.sort_by(order);
        for k in [0, 1, 10, 3333, 9999] {
            let found =
                nearest(&query, &rows, dimension, k, |i| allowed(i).then_some(i as u64 + 1));
            assert_eq!(found, all[..k.min(all.len())], "{k}");
        }
    }

    #[test]
    fn lengths_become_one_and_stay_so() {
        let mut vector = drawn(4, 300);
        normalised(&mut vector, "x").unwrap();
        let once = vector.clone();
        normalised(&mut vector, "x").unwrap();
        assert_eq!(once, vector);
        assert!((dot(&vector, &vector) - 1.0).abs() < 1e-6);
        for wrong in [vec![0.0; 3], vec![f32::NAN, 1.0], vec![f32::INFINITY], vec![]] {
            assert!(normalised(&mut wrong.clone(), "x").is_err());
        }
        let mut tiny = vec![f32::MIN_POSITIVE, 0.0];
        normalised(&mut tiny, "x").unwrap();
        assert_eq!(tiny, [1.0, 0.0]);
    }
}
