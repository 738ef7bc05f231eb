//! Sums of products of whole numbers: eight bits by sixteen, in sums of 32 bits.
//!
//! Whole numbers have no rounding, so sums are the same in any order and on any processor. Instructions are
//! chosen when the program runs: AVX-512, AVX2, or what the compiler makes of plain loops.

/// Numbers that are taken at a time from a row.
pub(super) const STEP: usize = 32;

/// Queries whose sums lie side by side.
pub(super) const LANES: usize = 16;

/// Rows whose sums are in registers together, for one query and for many.
const ROWS_OF_ONE: usize = 4;
const ROWS_OF_MANY: usize = 6;

/// The queries of a block, four registers of them at most: for each pair of numbers, the pairs of all of them.
#[derive(Clone, Debug)]
pub(super) struct Interleaved {
    pairs: Vec<[[i16; 2]; LANES]>,
    /// Groups of [`LANES`] queries.
    pub(super) groups: usize,
}

impl Interleaved {
    /// Queries of `width` numbers, an even number; at most 64 of them.
    pub(super) fn new(queries: &[Vec<i16>], width: usize) -> Self {
        let groups = queries.len().div_ceil(LANES);
        let mut pairs = vec![[[0; 2]; LANES]; groups * width / 2];
        for (number, query) in queries.iter().enumerate() {
            let (group, lane) = (number / LANES, number % LANES);
            let own = pairs.iter_mut().skip(group).step_by(groups.max(1));
            for (to, pair) in own.zip(query.as_chunks::<2>().0) {
                to[lane] = *pair;
            }
        }
        Self { pairs, groups }
    }
}

/// What a processor can do with whole numbers.
trait Integers: Copy {
    /// Sums of one row with one query.
    type One: Copy;
    /// Sums of one row with [`LANES`] queries.
    type Many: Copy;

    fn none(self) -> Self::One;
    fn add(self, sums: Self::One, row: &[i8; STEP], query: &[i16; STEP]) -> Self::One;
    fn total(self, sums: Self::One) -> i32;

    fn nothing(self) -> Self::Many;
    fn add_pair(self, sums: Self::Many, row: [i16; 2], queries: &[[i16; 2]; LANES]) -> Self::Many;
    fn lanes(self, sums: Self::Many) -> [i32; LANES];
}

#[derive(Clone, Copy)]
struct Plain;

impl Integers for Plain {
    type One = [i32; STEP];
    type Many = [i32; LANES];

    #[inline(always)]
    fn none(self) -> Self::One {
        [0; STEP]
    }

    #[inline(always)]
    fn add(self, mut sums: Self::One, row: &[i8; STEP], query: &[i16; STEP]) -> Self::One {
        for ((sum, &a), &b) in sums.iter_mut().zip(row).zip(query) {
            *sum += i32::from(a) * i32::from(b);
        }
        sums
    }

    #[inline(always)]
    fn total(self, sums: Self::One) -> i32 {
        sums.iter().sum()
    }

    #[inline(always)]
    fn nothing(self) -> Self::Many {
        [0; LANES]
    }

    #[inline(always)]
    fn add_pair(
        self,
        mut sums: Self::Many,
        row: [i16; 2],
        queries: &[[i16; 2]; LANES],
    ) -> Self::Many {
        let [first, second] = row.map(i32::from);
        for (sum, pair) in sums.iter_mut().zip(queries) {
            *sum += first * i32::from(pair[0]) + second * i32::from(pair[1]);
        }
        sums
    }

    #[inline(always)]
    fn lanes(self, sums: Self::Many) -> [i32; LANES] {
        sums
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256i, __m512i};

    use pulp::x86::{V3, V4};

    use super::{Integers, LANES, STEP};

    impl Integers for V4 {
        type One = __m512i;
        type Many = __m512i;

        #[inline(always)]
        fn none(self) -> __m512i {
            self.avx512f._mm512_setzero_si512()
        }

        #[inline(always)]
        fn add(self, sums: __m512i, row: &[i8; STEP], query: &[i16; STEP]) -> __m512i {
            let row = self.avx512bw._mm512_cvtepi8_epi16(bytemuck::cast(*row));
            let products = self.avx512bw._mm512_madd_epi16(row, bytemuck::cast(*query));
            self.avx512f._mm512_add_epi32(sums, products)
        }

        #[inline(always)]
        fn total(self, sums: __m512i) -> i32 {
            self.avx512f._mm512_reduce_add_epi32(sums)
        }

        #[inline(always)]
        fn nothing(self) -> __m512i {
            self.none()
        }

        #[inline(always)]
        fn add_pair(self, sums: __m512i, row: [i16; 2], queries: &[[i16; 2]; LANES]) -> __m512i {
            let row = self.avx512f._mm512_set1_epi32(bytemuck::cast(row));
            let products = self.avx512bw._mm512_madd_epi16(row, bytemuck::cast(*queries));
            self.avx512f._mm512_add_epi32(sums, products)
        }

        #[inline(always)]
        fn lanes(self, sums: __m512i) -> [i32; LANES] {
            bytemuck::cast(sums)
        }
    }

    impl Integers for V3 {
        type One = [__m256i; 2];
        type Many = [__m256i; 2];

        #[inline(always)]
        fn none(self) -> [__m256i; 2] {
            [self.avx._mm256_setzero_si256(); 2]
        }

        #[inline(always)]
        fn add(self, sums: [__m256i; 2], row: &[i8; STEP], query: &[i16; STEP]) -> [__m256i; 2] {
            let rows: [std::arch::x86_64::__m128i; 2] = bytemuck::cast(*row);
            let queries: [__m256i; 2] = bytemuck::cast(*query);
            let half = |i: usize| {
                let row = self.avx2._mm256_cvtepi8_epi16(rows[i]);
                self.avx2._mm256_add_epi32(sums[i], self.avx2._mm256_madd_epi16(row, queries[i]))
            };
            [half(0), half(1)]
        }

        #[inline(always)]
        fn total(self, sums: [__m256i; 2]) -> i32 {
            let sums: [i32; 8] = bytemuck::cast(self.avx2._mm256_add_epi32(sums[0], sums[1]));
            sums.iter().sum()
        }

        #[inline(always)]
        fn nothing(self) -> [__m256i; 2] {
            self.none()
        }

        #[inline(always)]
        fn add_pair(
            self,
            sums: [__m256i; 2],
            row: [i16; 2],
            queries: &[[i16; 2]; LANES],
        ) -> [__m256i; 2] {
            let row = self.avx._mm256_set1_epi32(bytemuck::cast(row));
            let queries: [__m256i; 2] = bytemuck::cast(*queries);
            let half = |i: usize| {
                self.avx2._mm256_add_epi32(sums[i], self.avx2._mm256_madd_epi16(row, queries[i]))
            };
            [half(0), half(1)]
        }

        #[inline(always)]
        fn lanes(self, sums: [__m256i; 2]) -> [i32; LANES] {
            bytemuck::cast(sums)
        }
    }
}

#[inline(always)]
fn one<I: Integers>(integers: I, rows: &[i8], query: &[i16], to: &mut [i32]) {
    let width = query.len();
    let (query, _) = query.as_chunks::<STEP>();
    let mut place = 0;
    while place + ROWS_OF_ONE <= to.len() {
        let mut own: [&[[i8; STEP]]; ROWS_OF_ONE] = [&[]; ROWS_OF_ONE];
        for (r, own) in own.iter_mut().enumerate() {
            *own = &rows[(place + r) * width..][..width].as_chunks::<STEP>().0[..query.len()];
        }
        let mut sums = [integers.none(); ROWS_OF_ONE];
        for (step, query) in query.iter().enumerate() {
            for r in 0..ROWS_OF_ONE {
                sums[r] = integers.add(sums[r], &own[r][step], query);
            }
        }
        for r in 0..ROWS_OF_ONE {
            to[place + r] = integers.total(sums[r]);
        }
        place += ROWS_OF_ONE;
    }
    for (row, to) in rows[place * width..].chunks_exact(width).zip(&mut to[place..]) {
        let mut sums = integers.none();
        for (row, query) in row.as_chunks::<STEP>().0.iter().zip(query) {
            sums = integers.add(sums, row, query);
        }
        *to = integers.total(sums);
    }
}

#[inline(always)]
fn many<I: Integers>(
    integers: I,
    rows: &[i8],
    width: usize,
    queries: &Interleaved,
    wide: &mut Vec<i16>,
    to: &mut [[i32; LANES]],
) {
    wide.resize(ROWS_OF_MANY * width, 0);
    let tasks = rows.chunks(ROWS_OF_MANY * width).zip(to.chunks_mut(ROWS_OF_MANY * queries.groups));
    for (rows, to) in tasks {
        // Rows that are not there are those of the task before; nobody reads their sums.
        for (wide, &narrow) in wide.iter_mut().zip(rows) {
            *wide = i16::from(narrow);
        }
        match queries.groups {
            4 => tile::<I, 4>(integers, wide, queries, to),
            3 => tile::<I, 3>(integers, wide, queries, to),
            2 => tile::<I, 2>(integers, wide, queries, to),
            _ => tile::<I, 1>(integers, wide, queries, to),
        }
    }
}

#[inline(always)]
fn tile<I: Integers, const G: usize>(
    integers: I,
    rows: &[i16],
    queries: &Interleaved,
    to: &mut [[i32; LANES]],
) {
    let (queries, _) = queries.pairs.as_chunks::<G>();
    let (pairs, _) = rows.as_chunks::<2>();
    let depth = pairs.len() / ROWS_OF_MANY;
    let mut own: [&[[i16; 2]]; ROWS_OF_MANY] = [&[]; ROWS_OF_MANY];
    for (r, own) in own.iter_mut().enumerate() {
        *own = &pairs[r * depth..][..depth];
    }
    let queries = &queries[..depth];
    let mut sums = [[integers.nothing(); G]; ROWS_OF_MANY];
    for k in 0..depth {
        for r in 0..ROWS_OF_MANY {
            for g in 0..G {
                sums[r][g] = integers.add_pair(sums[r][g], own[r][k], &queries[k][g]);
            }
        }
    }
    for (to, sums) in to.chunks_exact_mut(G).zip(sums) {
        for (to, sums) in to.iter_mut().zip(sums) {
            *to = integers.lanes(sums);
        }
    }
}

struct One<'a>(&'a [i8], &'a [i16], &'a mut [i32]);

struct Many<'a>(&'a [i8], usize, &'a Interleaved, &'a mut Vec<i16>, &'a mut [[i32; LANES]]);

/// What is compiled once for each set of instructions.
trait Work: Sized {
    fn run<I: Integers>(self, integers: I);
}

impl Work for One<'_> {
    #[inline(always)]
    fn run<I: Integers>(self, integers: I) {
        one(integers, self.0, self.1, self.2);
    }
}

impl Work for Many<'_> {
    #[inline(always)]
    fn run<I: Integers>(self, integers: I) {
        many(integers, self.0, self.1, self.2, self.3, self.4);
    }
}

#[cfg(target_arch = "x86_64")]
struct With<I, W>(I, W);

#[cfg(target_arch = "x86_64")]
impl<I: Integers, W: Work> pulp::WithSimd for With<I, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.1.run(self.0);
    }
}

fn run(work: impl Work) {
    #[cfg(target_arch = "x86_64")]
    {
        use pulp::Simd;
        if let Some(wide) = pulp::x86::V4::try_new() {
            return Simd::vectorize(wide, With(wide, work));
        }
        if let Some(narrow) = pulp::x86::V3::try_new() {
            return Simd::vectorize(narrow, With(narrow, work));
        }
    }
    work.run(Plain);
}

/// The sums of rows, one after the other, with a query; all have as many numbers, a multiple of [`STEP`].
pub(super) fn sums_with_one(rows: &[i8], query: &[i16], to: &mut [i32]) {
    run(One(rows, query, to));
}

/// The sums of rows of `width` numbers, a multiple of [`STEP`], with many queries: for each row the lanes of
/// each group. `wide` is memory to work in.
pub(super) fn sums_with_many(
    rows: &[i8],
    width: usize,
    queries: &Interleaved,
    wide: &mut Vec<i16>,
    to: &mut [[i32; LANES]],
) {
    run(Many(rows, width, queries, wide, to));
}

#[cfg(test)]
mod tests {
    use lookalike_judge::statistics::seeded;

    use super::*;

    #[test]
    fn sums_are_those_of_plain_loops() {
        let mut draws = seeded::stream(3, 0);
        for (count, width, asked) in [(1, 32, 1), (13, 64, 17), (29, 96, 64), (7, 512, 40)] {
            let mut draw =
                |span: usize| seeded::below(&mut draws, 2 * span + 1) as i32 - span as i32;
            let rows: Vec<i8> = (0..count * width).map(|_| draw(127) as i8).collect();
            let queries: Vec<Vec<i16>> =
                (0..asked).map(|_| (0..width).map(|_| draw(32767) as i16).collect()).collect();
            let exact = |row: usize, query: usize| -> i32 {
                let row = &rows[row * width..][..width];
                row.iter().zip(&queries[query]).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
            };
            let interleaved = Interleaved::new(&queries, width);
            let mut together = vec![[0; LANES]; count * interleaved.groups];
            sums_with_many(&rows, width, &interleaved, &mut Vec::new(), &mut together);
            let mut plain = together.clone();
            many(Plain, &rows, width, &interleaved, &mut Vec::new(), &mut plain);
            assert_eq!(together, plain);
            for query in 0..asked {
                let expected: Vec<i32> = (0..count).map(|row| exact(row, query)).collect();
                let mut singly = vec![0; count];
                sums_with_one(&rows, &queries[query], &mut singly);
                assert_eq!(singly, expected);
                one(Plain, &rows, &queries[query], &mut singly);
                assert_eq!(singly, expected);
                for (row, expected) in expected.iter().enumerate() {
                    let sums = together[row * interleaved.groups + query / LANES];
                    assert_eq!(sums[query % LANES], *expected, "{count} {width} {row} {query}");
                }
            }
        }
    }
}
