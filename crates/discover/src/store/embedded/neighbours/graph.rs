//! The graph of near neighbours in memory, and how it is searched.
//!
//! A node is a row. Every node has up to 32 links on the ground level, and up to 16 on each higher level that it
//! belongs to. A search goes from the entry to the most similar node of each level, and on the ground level looks at
//! the links of the most similar node that it has not looked at, until the `ef` best are better than all that is left
//! (Malkov and Yashunin, 2018, algorithms 2 and 5).
//!
//! What takes the time is waiting for rows from memory. So rows are in bf16, from the start of a cache line on, and
//! all links of a node that were not seen yet are multiplied with the query one after the other before anything is
//! decided: the processor asks for the next rows while it waits for one.
//!
//! Choices: terms are summed in 2 x 16 places side by side, which are added in a fixed order, and nodes of one score
//! are taken in their order, so that the same graph finds the same rows on every processor. A node whose row is gone
//! is passed through and never found.
//!
//! Limits: fewer than 2³² − 1 nodes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use pulp::{Simd, WithSimd};

/// Numbers of a cache line.
pub(super) const LANES: usize = 16;
/// Lines of links on the ground level.
pub(super) const LINES: usize = 2;
/// A place without a link.
pub(super) const NONE: u32 = u32::MAX;
/// The id of a node whose row is gone.
pub(super) const GONE: u64 = u64::MAX;

/// A line of links, or of numbers in bf16: two in each, the first in the lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Line(pub(super) [u32; LANES]);

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Numbers([f32; LANES]);

/// A level above the ground.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Level {
    /// Its nodes, rising, and the links of each.
    pub(super) nodes: Vec<u32>,
    pub(super) links: Vec<Line>,
    at: HashMap<u32, usize>,
}

impl Level {
    pub(super) fn new(nodes: Vec<u32>, links: Vec<Line>) -> Self {
        let at = nodes.iter().enumerate().map(|(index, &node)| (node, index)).collect();
        Self { nodes, links, at }
    }

    fn links_of(&self, node: u32) -> &[Line] {
        self.at.get(&node).map_or(&[], |&index| std::slice::from_ref(&self.links[index]))
    }
}

/// Nodes, rows and links. All links are to nodes, and all lists are as long as there are nodes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    pub(super) dimension: usize,
    /// The id of the row of every node.
    pub(super) ids: Vec<u64>,
    pub(super) rows: Vec<Line>,
    /// On the ground level.
    pub(super) links: Vec<Line>,
    /// From the lowest to the highest.
    pub(super) levels: Vec<Level>,
}

/// Lines of a row.
pub(super) fn lines(dimension: usize) -> usize {
    dimension.div_ceil(2 * LANES)
}

/// A row in bf16, rounded to the nearest.
pub(super) fn rounded(row: &[f32]) -> impl Iterator<Item = Line> + '_ {
    let half = |number: f32| {
        let bits = number.to_bits();
        bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16
    };
    row.chunks(2 * LANES).map(move |numbers| {
        let mut line = Line([0; LANES]);
        for (to, pair) in line.0.iter_mut().zip(numbers.chunks(2)) {
            *to = half(pair[0]) | pair.get(1).map_or(0, |&second| half(second)) << 16;
        }
        line
    })
}

/// A query: the numbers in even places and those in odd ones, as rows have them in two halves.
pub(super) struct Query {
    even: Vec<Numbers>,
    odd: Vec<Numbers>,
}

impl Query {
    pub(super) fn new(numbers: &[f32]) -> Self {
        let line = |numbers: &[f32], first: usize| {
            let mut line = Numbers([0.0; LANES]);
            let chosen = numbers.iter().skip(first).step_by(2);
            line.0.iter_mut().zip(chosen).for_each(|(to, &number)| *to = number);
            line
        };
        let all = |first: usize| numbers.chunks(2 * LANES).map(|part| line(part, first)).collect();
        Self { even: all(0), odd: all(1) }
    }
}

/// The product of a query and a row.
#[inline(always)]
fn product<S: Simd>(simd: S, query: &Query, row: &[Line]) -> f32 {
    let (sixteen, upper) = (simd.splat_u32s(16), simd.splat_u32s(0xffff_0000));
    let mut sums = Numbers([0.0; LANES]);
    for (part, sum) in S::as_mut_simd_f32s(&mut sums.0).0.iter_mut().enumerate() {
        let (mut even, mut odd) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
        for ((by_even, by_odd), line) in query.even.iter().zip(&query.odd).zip(row) {
            let pairs = S::as_simd_u32s(&line.0).0[part];
            let first = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(pairs, sixteen));
            let second = simd.transmute_f32s_u32s(simd.and_u32s(pairs, upper));
            let [by_even, by_odd] = [by_even, by_odd].map(|by| S::as_simd_f32s(&by.0).0[part]);
            even = simd.add_f32s(even, simd.mul_f32s(first, by_even));
            odd = simd.add_f32s(odd, simd.mul_f32s(second, by_odd));
        }
        *sum = simd.add_f32s(even, odd);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums.0[lane] += sums.0[lane + width];
        }
    }
    sums.0[0]
}

/// A node with its score, as a number that is greater the better it is: by score, then the first of the nodes.
pub(super) fn ranked(score: f32, node: u32) -> u64 {
    let bits = score.to_bits();
    let rising = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(rising) << 32 | u64::from(!node)
}

fn node_of(ranked: u64) -> u32 {
    !(ranked as u32)
}

/// What a search writes into, kept from one to the next.
#[derive(Default)]
pub(super) struct Scratch {
    /// A bit for every node: whether it was seen.
    seen: Vec<u64>,
    touched: Vec<u32>,
    /// Nodes whose links are to be looked at, the best first.
    next: BinaryHeap<u64>,
    /// The best that were found, the worst of them first.
    best: BinaryHeap<Reverse<u64>>,
}

impl Graph {
    pub(super) fn empty(dimension: usize) -> Self {
        Self { dimension, ids: vec![], rows: vec![], links: vec![], levels: vec![] }
    }

    fn row(&self, node: u32) -> &[Line] {
        let lines = lines(self.dimension);
        &self.rows[node as usize * lines..][..lines]
    }

    /// About the `k` nearest of the rows that are `allowed`, the best first, of the `ef` best that were found.
    pub(super) fn nearest(
        &self,
        query: &[f32],
        k: usize,
        ef: usize,
        allowed: impl Fn(u64) -> bool,
        scratch: &mut Scratch,
    ) -> Vec<u64> {
        let allowed = |node: u32| match self.ids[node as usize] {
            GONE => false,
            id => allowed(id),
        };
        let query = Query::new(query);
        let search = Search { graph: self, query: &query, ef: ef.max(k), allowed, scratch };
        let mut found = pulp::Arch::new().dispatch(search);
        found.truncate(k);
        found.into_iter().map(|node| self.ids[node as usize]).collect()
    }

    /// Where searches begin: the first node of the highest level.
    fn entry(&self) -> Option<u32> {
        match self.levels.last() {
            Some(level) => level.nodes.first().copied(),
            None => (!self.ids.is_empty()).then_some(0),
        }
    }
}

pub(super) struct Search<'a, F> {
    pub(super) graph: &'a Graph,
    pub(super) query: &'a Query,
    pub(super) ef: usize,
    /// Whether a node may be found.
    pub(super) allowed: F,
    pub(super) scratch: &'a mut Scratch,
}

impl<F: Fn(u32) -> bool> WithSimd for Search<'_, F> {
    /// Nodes, the best first.
    type Output = Vec<u32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<u32> {
        let Self { graph, query, ef, allowed, scratch } = self;
        let score = |node: u32| product(simd, query, graph.row(node));
        let Some(mut entry) = graph.entry() else { return Vec::new() };
        let mut of_entry = score(entry);
        for level in graph.levels.iter().rev() {
            loop {
                let before = entry;
                for &node in links(level.links_of(entry)) {
                    let found = score(node);
                    if found > of_entry {
                        (entry, of_entry) = (node, found);
                    }
                }
                if entry == before {
                    break;
                }
            }
        }
        let Scratch { seen, touched, next, best } = scratch;
        seen.resize(graph.ids.len().div_ceil(64), 0);
        next.clear();
        best.clear();
        let new = |seen: &mut [u64], node: u32| {
            let (word, bit) = (&mut seen[node as usize / 64], 1 << (node % 64));
            let new = *word & bit == 0;
            *word |= bit;
            new
        };
        new(seen, entry);
        touched.push(entry);
        let entry = ranked(of_entry, entry);
        next.push(entry);
        if allowed(node_of(entry)) {
            best.push(Reverse(entry));
        }
        // What all that is found later has to be better than.
        let mut least = 0;
        let (mut unseen, mut scores) = ([0; LINES * LANES], [0.0; LINES * LANES]);
        while let Some(nearest) = next.pop() {
            if nearest < least {
                break;
            }
            let from = node_of(nearest) as usize * LINES;
            let mut count = 0;
            for &node in links(&graph.links[from..from + LINES]) {
                if new(seen, node) {
                    unseen[count] = node;
                    count += 1;
                }
            }
            let unseen = &unseen[..count];
            touched.extend_from_slice(unseen);
            for (to, &node) in scores.iter_mut().zip(unseen) {
                *to = score(node);
            }
            for (&score, &node) in scores.iter().zip(unseen) {
                let found = ranked(score, node);
                if found <= least {
                    continue;
                }
                next.push(found);
                if !allowed(node) {
                    continue;
                }
                best.push(Reverse(found));
                if best.len() > ef {
                    best.pop();
                }
                if best.len() == ef {
                    least = best.peek().map_or(0, |worst| worst.0);
                }
            }
        }
        for node in touched.drain(..) {
            seen[node as usize / 64] = 0;
        }
        let mut found: Vec<u64> = best.drain().map(|one| one.0).collect();
        found.sort_unstable_by_key(|&one| Reverse(one));
        found.into_iter().map(node_of).collect()
    }
}

/// The nodes that some lines link to.
fn links(lines: &[Line]) -> impl Iterator<Item = &u32> {
    lines.iter().flat_map(|line| &line.0).take_while(|&&node| node != NONE)
}
