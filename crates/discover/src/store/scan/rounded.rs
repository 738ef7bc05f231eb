//! Rows rounded to eight bits, with how far each may be off: a quarter of the memory to read, and the same
//! results.
//!
//! With the centre `m` of some of the rows, a row is `x = m + s·i + r`, `i` being whole numbers from −127 to
//! 127, and a query `q = t·j + e`. So
//!
//! `x·q = m·q + s·t·(i·j) + (s·i)·e + r·q`
//!
//! where `i·j` has no rounding, and the last two terms are at most `‖s·i‖·‖e‖ + ‖r‖·‖q‖` (Cauchy–Schwarz).
//! `‖r‖` is kept for each row, rounded up. Added to it is what [`dot`] may be off: a sum in single precision
//! of `d` products in 32 places is at most `(d/32 + 38)·2⁻²⁴·‖x‖·‖q‖` from the true one (Higham, "Accuracy and
//! Stability of Numerical Algorithms", 2002, section 3.1), and as much again for the arithmetic of the bounds.
//!
//! Whatever has an upper bound below the k-th greatest lower bound is none of the first k. The others, a few
//! hundred of a million, are scored by [`dot`] from the rows themselves. Scores, order and ties are therefore
//! those of comparing with all rows one after the other, to the last bit, for any number of threads and
//! whatever queries are asked together.
//!
//! Choices: few queries are taken one by one, from [`TOGETHER`] on 64 together. The centre is what vectors of
//! a model have in common, which takes most of the range away from what tells them apart; rows that come
//! later keep the centre of the first.
//!
//! Limits: five bytes for four numbers in place of four; vectors whose parts differ very much in size
//! have wide bounds, so that more rows are scored, at worst all.

use std::sync::atomic::{AtomicI32, Ordering};

use rayon::prelude::*;

use super::integers::{Interleaved, LANES, STEP, sums_with_many, sums_with_one};
use super::{Hit, Work, dot, first};

/// Queries from which on they are compared together.
const TOGETHER: usize = 8;

/// Queries that are compared together at most.
const QUERIES: usize = 64;

/// Rows that one task takes.
const ROWS: usize = 1020;

/// Rows of which the centre is taken, at most.
const CENTRE: usize = 4096;

/// Rows of one dimension, rounded.
#[derive(Clone, Debug)]
pub struct Rounded {
    dimension: usize,
    /// Numbers of a row, with those of no meaning at its end.
    width: usize,
    centre: Vec<f32>,
    codes: Vec<i8>,
    bounds: Vec<Bound>,
    /// The greatest ‖s·i‖, and the greatest ‖x‖.
    reach: f64,
    longest: f64,
}

/// What is known of a row.
#[derive(Clone, Copy, Debug)]
struct Bound {
    scale: f32,
    error: f32,
}

/// A query as it is compared with rounded rows.
#[derive(Debug)]
struct Asked<'a> {
    query: &'a [f32],
    codes: Vec<i16>,
    scale: f32,
    /// m·q.
    base: f32,
    length: f32,
    /// What every row may be off.
    slack: f32,
}

/// A row that may be among the first.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    row: u32,
    lower: f32,
    upper: f32,
}

impl Rounded {
    /// Rows of `dimension` numbers that lie one after the other.
    pub fn new(rows: &[f32], dimension: usize) -> Self {
        let width = dimension.next_multiple_of(STEP);
        let count = rows.len().checked_div(dimension).unwrap_or(0);
        let mut sums = vec![0.0_f64; dimension];
        let step = count.div_ceil(CENTRE).max(1);
        let sample = rows.chunks_exact(dimension.max(1)).step_by(step);
        let taken = sample.len().max(1) as f64;
        for row in sample {
            sums.iter_mut().zip(row).for_each(|(sum, &number)| *sum += f64::from(number));
        }
        let centre = sums.iter().map(|sum| (sum / taken) as f32).collect();
        let (codes, bounds) = (Vec::new(), Vec::new());
        let mut all = Self { dimension, width, centre, codes, bounds, reach: 0.0, longest: 0.0 };
        all.extend(rows);
        all
    }

    /// Adds rows behind the others.
    pub fn extend(&mut self, rows: &[f32]) {
        if self.dimension == 0 {
            return;
        }
        let (before, width) = (self.bounds.len(), self.width);
        let count = rows.len() / self.dimension;
        self.codes.resize((before + count) * width, 0);
        let centre = &self.centre;
        let codes = self.codes[before * width..].par_chunks_mut(width);
        let rounded: Vec<(Bound, [f64; 2])> = rows
            .par_chunks_exact(self.dimension)
            .zip(codes)
            .map(|(row, codes)| {
                pulp::Arch::new().dispatch(Work(
                    #[inline(always)]
                    || rounded(row, centre, codes),
                ))
            })
            .collect();
        for (bound, [reach, length]) in rounded {
            self.bounds.push(bound);
            self.reach = self.reach.max(reach);
            self.longest = self.longest.max(length);
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.bounds.len()
    }

    /// The first `k` for every query of `rows`, which are those that were rounded; `id` gives the id of a row,
    /// or `None` for one that may not be found.
    pub fn nearest(
        &self,
        queries: &[&[f32]],
        rows: &[f32],
        k: usize,
        id: impl Fn(usize) -> Option<u64> + Sync,
    ) -> Vec<Vec<Hit>> {
        if k == 0 || self.dimension == 0 {
            return vec![Vec::new(); queries.len()];
        }
        let mut found = Vec::with_capacity(queries.len());
        for queries in queries.chunks(QUERIES) {
            let asked: Vec<Asked> = queries.iter().map(|query| self.asked(query)).collect();
            let candidates = self.candidates(&asked, k, &id);
            let scored = asked.par_iter().zip(candidates).map(|(asked, candidates)| {
                let hit = |candidate: Candidate| {
                    let place = candidate.row as usize;
                    let row = &rows[place * self.dimension..][..self.dimension];
                    Some(Hit { id: id(place)?, score: dot(asked.query, row) })
                };
                first(candidates.into_iter().filter_map(hit).collect(), k)
            });
            found.par_extend(scored);
        }
        found
    }

    fn asked<'a>(&self, query: &'a [f32]) -> Asked<'a> {
        let (mut base, mut square, mut most) = (0.0_f64, 0.0_f64, 0.0_f32);
        for (&number, &centre) in query.iter().zip(&self.centre) {
            base += f64::from(number) * f64::from(centre);
            square += f64::from(number) * f64::from(number);
            most = most.max(number.abs());
        }
        // No sum of products may be more than 32 bits hold.
        let range = (i32::MAX as usize / (127 * self.width)).min(i16::MAX as usize) as f32;
        let scale = if most > 0.0 { most / range } else { 1.0 };
        let mut codes = vec![0; self.width];
        let mut error = 0.0_f64;
        for (code, &number) in codes.iter_mut().zip(query) {
            *code = (number / scale).round_ties_even().clamp(-range, range) as i16;
            error += (f64::from(number) - f64::from(scale) * f64::from(*code)).powi(2);
        }
        let (length, terms) = (square.sqrt(), self.dimension as f64 / 32.0 + 38.0);
        let rounding = (terms + 64.0) * f64::from(f32::EPSILON) / 2.0 * self.longest * length;
        let slack =
            (error.sqrt() * self.reach + rounding) * (1.0 + 1e-6) + f64::from(f32::MIN_POSITIVE);
        Asked { query, codes, scale, base: base as f32, length: above(length), slack: above(slack) }
    }

    /// The rows that may be among the first `k` of each query.
    fn candidates(
        &self,
        asked: &[Asked],
        k: usize,
        id: &(impl Fn(usize) -> Option<u64> + Sync),
    ) -> Vec<Vec<Candidate>> {
        // What any task finds to be too little is so for all: only the work depends on who is first.
        let least: Vec<Least> = asked.iter().map(|_| Least::none()).collect();
        let together = (asked.len() >= TOGETHER).then(|| {
            let codes: Vec<Vec<i16>> = asked.iter().map(|asked| asked.codes.clone()).collect();
            Interleaved::new(&codes, self.width)
        });
        let new = || Scan {
            rounded: self,
            asked,
            least: &least,
            k,
            found: asked.iter().map(|_| Found::default()).collect(),
            sums: Vec::new(),
            wide: Vec::new(),
        };
        let tasks = self.codes.par_chunks(ROWS * self.width).enumerate();
        let scans: Vec<Vec<Found>> = tasks
            .fold(new, |mut scan, (task, codes)| {
                match &together {
                    Some(queries) => scan.together(task * ROWS, codes, queries, id),
                    None => scan.singly(task * ROWS, codes, id),
                }
                scan
            })
            .map(|scan| scan.found)
            .collect();
        let mut all: Vec<Found> = asked.iter().map(|_| Found::default()).collect();
        for found in scans {
            for (all, found) in all.iter_mut().zip(found) {
                all.candidates.extend(found.candidates);
            }
        }
        for found in &mut all {
            found.shorten(k);
        }
        all.into_iter().map(|found| found.candidates).collect()
    }
}

/// A number of single precision that is not less.
fn above(number: f64) -> f32 {
    (number as f32).next_up()
}

/// Rounds a row; gives what it may be off, ‖s·i‖ and ‖x‖.
#[inline(always)]
fn rounded(row: &[f32], centre: &[f32], codes: &mut [i8]) -> (Bound, [f64; 2]) {
    let most = row.iter().zip(centre).map(|(x, m)| (x - m).abs()).fold(0.0, f32::max);
    let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
    let per_step = 1.0 / scale;
    let (mut error, mut reach, mut square) = (0.0_f64, 0.0_f64, 0.0_f64);
    for ((code, &x), &m) in codes.iter_mut().zip(row).zip(centre) {
        let whole = ((x - m) * per_step).round_ties_even().clamp(-127.0, 127.0);
        *code = whole as i8;
        let near = f64::from(scale) * f64::from(whole);
        error += (f64::from(x) - f64::from(m) - near).powi(2);
        reach += near * near;
        square += f64::from(x) * f64::from(x);
    }
    let safe = |square: f64| square.sqrt() * (1.0 + 1e-9);
    (Bound { scale, error: above(safe(error)) }, [safe(reach), safe(square)])
}

/// The k-th greatest lower bound that was found so far, shared by tasks: numbers in the order of whole ones.
#[derive(Debug)]
struct Least(AtomicI32);

impl Least {
    fn none() -> Self {
        Self(AtomicI32::new(ordered(f32::NEG_INFINITY)))
    }

    fn get(&self) -> f32 {
        f32::from_bits(ordered(f32::from_bits(self.0.load(Ordering::Relaxed) as u32)) as u32)
    }

    fn raise(&self, to: f32) {
        self.0.fetch_max(ordered(to), Ordering::Relaxed);
    }
}

/// The bits of a number, in its order as a whole number; takes them back as well.
fn ordered(number: f32) -> i32 {
    let bits = number.to_bits() as i32;
    bits ^ ((bits >> 31) & i32::MAX)
}

/// What a task, or many, found for a query.
#[derive(Clone, Debug, Default)]
struct Found {
    candidates: Vec<Candidate>,
    /// How many there may be before those that are none any more are taken out.
    room: usize,
}

impl Found {
    fn push(&mut self, candidate: Candidate, k: usize, least: &Least) {
        self.candidates.push(candidate);
        if self.candidates.len() >= self.room.max(2 * k + 64) {
            if let Some(kth) = self.shorten(k) {
                least.raise(kth);
            }
            self.room = 2 * self.candidates.len();
        }
    }

    /// Takes out what is none of the first `k`; gives the k-th greatest lower bound.
    fn shorten(&mut self, k: usize) -> Option<f32> {
        if self.candidates.len() < k {
            return None;
        }
        let mut lower: Vec<f32> = self.candidates.iter().map(|one| one.lower).collect();
        let (_, kth, _) = lower.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        let kth = *kth;
        self.candidates.retain(|one| one.upper >= kth);
        Some(kth)
    }
}

/// A walk over rows.
struct Scan<'a> {
    rounded: &'a Rounded,
    asked: &'a [Asked<'a>],
    least: &'a [Least],
    k: usize,
    found: Vec<Found>,
    sums: Vec<[i32; LANES]>,
    wide: Vec<i16>,
}

impl Scan<'_> {
    fn put(&mut self, query: usize, row: usize, sum: i32, id: &impl Fn(usize) -> Option<u64>) {
        if id(row).is_none() {
            return;
        }
        let (asked, bound) = (&self.asked[query], self.rounded.bounds[row]);
        let near = asked.base + bound.scale * asked.scale * sum as f32;
        let off = bound.error * asked.length + asked.slack;
        let candidate = Candidate { row: row as u32, lower: near - off, upper: near + off };
        self.found[query].push(candidate, self.k, &self.least[query]);
    }

    fn singly(&mut self, start: usize, codes: &[i8], id: &impl Fn(usize) -> Option<u64>) {
        let count = codes.len() / self.rounded.width;
        let mut sums = std::mem::take(&mut self.sums);
        sums.resize(ROWS.div_ceil(LANES), [0; LANES]);
        for query in 0..self.asked.len() {
            let sums = &mut sums.as_flattened_mut()[..count];
            sums_with_one(codes, &self.asked[query].codes, sums);
            let asked = &self.asked[query];
            let (scale, length) = (asked.scale, asked.length);
            let over = asked.base + asked.slack;
            let mut least = self.least[query].get() - over;
            for (index, &sum) in sums.iter().enumerate() {
                let Bound { scale: own, error } = self.rounded.bounds[start + index];
                if own * scale * sum as f32 + error * length >= least {
                    self.put(query, start + index, sum, id);
                    least = self.least[query].get() - over;
                }
            }
        }
        self.sums = sums;
    }

    fn together(
        &mut self,
        start: usize,
        codes: &[i8],
        queries: &Interleaved,
        id: &impl Fn(usize) -> Option<u64>,
    ) {
        let groups = queries.groups;
        let count = codes.len() / self.rounded.width;
        let (mut sums, mut wide) = (std::mem::take(&mut self.sums), std::mem::take(&mut self.wide));
        let mut near: Vec<usize> = Vec::new();
        sums.resize(ROWS * groups, [0; LANES]);
        sums_with_many(codes, self.rounded.width, queries, &mut wide, &mut sums[..count * groups]);
        for group in 0..groups {
            let (mut scales, mut lengths) = ([0.0; LANES], [0.0; LANES]);
            let mut least = [f32::INFINITY; LANES];
            let mine = group * LANES..self.asked.len().min((group + 1) * LANES);
            for (lane, query) in mine.clone().enumerate() {
                let asked = &self.asked[query];
                (scales[lane], lengths[lane]) = (asked.scale, asked.length);
                least[lane] = self.least[query].get() - (asked.base + asked.slack);
            }
            let (own, bounds) = (&sums[..count * groups], &self.rounded.bounds[start..][..count]);
            pulp::Arch::new().dispatch(Work(
                #[inline(always)]
                || {
                    near.clear();
                    for (index, (bound, sums)) in bounds.iter().zip(own.chunks(groups)).enumerate()
                    {
                        if any(&sums[group], *bound, &scales, &lengths, &least) {
                            near.push(index);
                        }
                    }
                },
            ));
            for &index in &near {
                let sums = &sums[index * groups + group];
                let Bound { scale, error } = self.rounded.bounds[start + index];
                for (lane, query) in mine.clone().enumerate() {
                    let upper = scale * scales[lane] * sums[lane] as f32 + error * lengths[lane];
                    if upper >= least[lane] {
                        self.put(query, start + index, sums[lane], id);
                        let asked = &self.asked[query];
                        least[lane] = self.least[query].get() - (asked.base + asked.slack);
                    }
                }
            }
        }
        (self.sums, self.wide) = (sums, wide);
    }
}

/// Whether any query may have the row among its first.
#[inline(always)]
fn any(
    sums: &[i32; LANES],
    bound: Bound,
    scales: &[f32; LANES],
    lengths: &[f32; LANES],
    least: &[f32; LANES],
) -> bool {
    let mut found = false;
    for lane in 0..LANES {
        let near = bound.scale * scales[lane] * sums[lane] as f32;
        let upper = near + bound.error * lengths[lane];
        found |= upper >= least[lane];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::drawn;
    use super::super::{nearest, normalised};
    use super::*;

    /// Unit vectors around a common one, every seventh a copy of the one before it.
    fn rows(dimension: usize, count: usize, common: f32) -> Vec<f32> {
        let centre = drawn(50, dimension);
        let mut rows = drawn(51, dimension * count);
        for (index, row) in rows.chunks_mut(dimension).enumerate() {
            row.iter_mut().zip(&centre).for_each(|(x, m)| *x += common * m);
            // Some have one part that is much larger than the others.
            row[0] *= if index % 5 == 0 { 30.0 } else { 1.0 };
            normalised(row, "row").unwrap();
        }
        for index in (7..count).step_by(7) {
            rows.copy_within((index - 1) * dimension..index * dimension, index * dimension);
        }
        rows
    }

    #[test]
    fn results_are_those_of_comparing_with_all() {
        for (dimension, count, common) in [(3, 2500, 0.0), (50, 4000, 0.0), (129, 3000, 4.0)] {
            let rows = rows(dimension, count, common);
            let asked: Vec<Vec<f32>> = (0..70)
                .map(|number| {
                    let mut query = match number % 2 {
                        0 => rows[number * dimension..][..dimension].to_vec(),
                        _ => drawn(60 + number as u64, dimension),
                    };
                    normalised(&mut query, "query").unwrap();
                    query
                })
                .collect();
            let queries: Vec<&[f32]> = asked.iter().map(Vec::as_slice).collect();
            let id = |row: usize| (row % 3 != 1).then_some(row as u64 + 1);
            let mut rounded = Rounded::new(&rows[..dimension * 1000], dimension);
            rounded.extend(&rows[dimension * 1000..]);
            assert_eq!(rounded.count(), count);
            for k in [0, 1, 10, 700, 9999] {
                let exact: Vec<Vec<Hit>> =
                    queries.iter().map(|query| nearest(query, &rows, dimension, k, id)).collect();
                let found = rounded.nearest(&queries, &rows, k, id);
                assert_eq!(found, exact, "{dimension} {k} together");
                let singly: Vec<Vec<Hit>> = queries
                    .iter()
                    .map(|query| rounded.nearest(&[query], &rows, k, id).remove(0))
                    .collect();
                assert_eq!(singly, exact, "{dimension} {k} singly");
                for threads in [1, 3] {
                    let pool =
                        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let again = pool.install(|| rounded.nearest(&queries[..9], &rows, k, id));
                    assert_eq!(again, exact[..9], "{dimension} {k} {threads} threads");
                }
            }
        }
    }

    #[test]
    fn bounds_hold_and_few_rows_are_scored() {
        let (dimension, count) = (64, 6000);
        let rows = rows(dimension, count, 3.0);
        let rounded = Rounded::new(&rows, dimension);
        let query = &rows[dimension * 11..][..dimension];
        let asked = rounded.asked(query);
        let mut sums = vec![0; count];
        sums_with_one(&rounded.codes, &asked.codes, &mut sums);
        for (row, (&sum, bound)) in sums.iter().zip(&rounded.bounds).enumerate() {
            let near = asked.base + bound.scale * asked.scale * sum as f32;
            let off = bound.error * asked.length + asked.slack;
            let score = dot(query, &rows[row * dimension..][..dimension]);
            assert!((near - off..=near + off).contains(&score), "{row}: {score} by {near} ± {off}");
        }
        let candidates = rounded.candidates(&[asked], 10, &|row| Some(row as u64));
        assert!(candidates[0].len() < 300, "{}", candidates[0].len());
    }

    #[test]
    fn no_rows_and_no_numbers_find_nothing() {
        let empty = Rounded::new(&[], 8);
        assert_eq!(empty.nearest(&[&[0.5; 8]], &[], 3, |_| Some(1)), [[]]);
        let same = Rounded::new(&[0.5; 16], 4);
        let found = same.nearest(&[&[0.5; 4]], &[0.5; 16], 3, |row| Some(row as u64 + 1));
        assert_eq!(found[0].iter().map(|hit| hit.id).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
