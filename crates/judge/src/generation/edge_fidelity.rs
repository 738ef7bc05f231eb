//! Edge fidelity: whether a picture made from edges has edges where they were asked for.
//!
//! Precision is the share of edge pixels of the output within `tolerance` pixels (in both directions) of one
//! of the source, recall the share of those of the source within it of one of the output, and F₁ = 2PR / (P + R).
//!
//! After the measure of boundary detection (Martin, Fowlkes and Malik, IEEE TPAMI 26, 2004), simplified: any
//! edge pixel nearby counts, where theirs matches pixels one to one, so thick edges are not punished; thin
//! them first. How edges are found is the caller's choice and must be the same on both sides.

use crate::{Error, Result};

/// Which pixels are edges, row after row.
#[derive(Clone, Copy, Debug)]
pub struct EdgeMap<'a> {
    width: usize,
    edges: &'a [bool],
}

impl<'a> EdgeMap<'a> {
    /// Of whole rows.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Shape`].
    pub fn new(width: usize, edges: &'a [bool]) -> Result<Self> {
        if width == 0 || edges.is_empty() {
            return Err(Error::Empty);
        }
        if !edges.len().is_multiple_of(width) {
            return Err(Error::Shape { numbers: edges.len(), columns: width });
        }
        Ok(Self { width, edges })
    }

    /// Whether an edge lies within the tolerance, for every pixel.
    fn near(&self, tolerance: usize) -> Vec<bool> {
        let height = self.edges.len() / self.width;
        let mut rows = vec![false; self.edges.len()];
        let mut near = rows.clone();
        for y in 0..height {
            let row = &self.edges[y * self.width..][..self.width];
            spread(tolerance, self.width, |x| row[x], |x| rows[y * self.width + x] = true);
        }
        for x in 0..self.width {
            let at = |y: usize| y * self.width + x;
            spread(tolerance, height, |y| rows[at(y)], |y| near[at(y)] = true);
        }
        near
    }
}

/// Marks what lies within reach of something set.
fn spread(reach: usize, count: usize, set: impl Fn(usize) -> bool, mut mark: impl FnMut(usize)) {
    let mut marked = 0;
    for at in (0..count).filter(|&at| set(at)) {
        let end = at.saturating_add(reach).saturating_add(1).min(count);
        (marked.max(at.saturating_sub(reach))..end).for_each(&mut mark);
        marked = end;
    }
}

/// Shares from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeFidelity {
    /// Of the output's edges, those that were asked for; 1 where there are none.
    pub precision: f64,
    /// Of the source's edges, those that are there; 1 where there are none.
    pub recall: f64,
    /// Their harmonic mean, 0 where both are.
    pub f1: f64,
}

/// Compares the edges of an output with those of its source, of one size.
///
/// # Errors
/// [`Error::Columns`] and [`Error::Lengths`] where sizes differ.
pub fn of(source: EdgeMap, output: EdgeMap, tolerance: usize) -> Result<EdgeFidelity> {
    if source.width != output.width {
        return Err(Error::Columns { left: source.width, right: output.width });
    }
    if source.edges.len() != output.edges.len() {
        return Err(Error::Lengths { left: source.edges.len(), right: output.edges.len() });
    }
    let precision = share(output.edges, &source.near(tolerance));
    let recall = share(source.edges, &output.near(tolerance));
    let sum = precision + recall;
    let f1 = if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum };
    Ok(EdgeFidelity { precision, recall, f1 })
}

/// Of the edges, the share that is near others.
fn share(edges: &[bool], near: &[bool]) -> f64 {
    let count = edges.iter().filter(|&&edge| edge).count();
    let met = edges.iter().zip(near).filter(|&(&edge, &near)| edge && near).count();
    if count == 0 { 1.0 } else { met as f64 / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map in which a column is an edge.
    fn column(at: usize) -> Vec<bool> {
        (0..8 * 5).map(|index| index % 8 == at).collect()
    }

    fn compare(source: &[bool], output: &[bool], tolerance: usize) -> EdgeFidelity {
        let maps = [source, output].map(|edges| EdgeMap::new(8, edges).unwrap());
        of(maps[0], maps[1], tolerance).unwrap()
    }

    #[test]
    fn moved_edges_are_met_within_the_tolerance() {
        let (left, right) = (column(2), column(4));
        assert_eq!(compare(&left, &right, 1).f1, 0.0);
        assert_eq!(compare(&left, &right, 2).f1, 1.0);
        assert_eq!(compare(&left, &left, 0).f1, 1.0);
        assert_eq!(compare(&left, &right, usize::MAX).f1, 1.0);
    }

    #[test]
    fn what_is_missing_and_what_is_added() {
        let both: Vec<bool> = column(1).iter().zip(column(6)).map(|(a, b)| a | b).collect();
        let found = compare(&both, &column(1), 1);
        assert_eq!((found.precision, found.recall), (1.0, 0.5));
        assert!((found.f1 - 2.0 / 3.0).abs() < 1e-15);
        let none = compare(&both, &column(99), 1);
        assert_eq!((none.precision, none.recall, none.f1), (1.0, 0.0, 0.0));
    }

    #[test]
    fn near_is_what_a_square_reaches() {
        let mut edges = vec![false; 8 * 5];
        for at in [0, 8 * 2 + 4, 8 * 4 + 7] {
            edges[at] = true;
        }
        let near = EdgeMap::new(8, &edges).unwrap().near(1);
        for (index, &near) in near.iter().enumerate() {
            let (x, y) = (index as i32 % 8, index as i32 / 8);
            let within = |(ex, ey): (i32, i32)| (x - ex).abs() <= 1 && (y - ey).abs() <= 1;
            assert_eq!(near, [(0, 0), (4, 2), (7, 4)].into_iter().any(within), "{x} {y}");
        }
    }

    #[test]
    fn sizes_must_agree() {
        let edges = [false; 12];
        let wide = EdgeMap::new(6, &edges).unwrap();
        let narrow = EdgeMap::new(4, &edges).unwrap();
        assert_eq!(of(wide, narrow, 1), Err(Error::Columns { left: 6, right: 4 }));
        assert!(EdgeMap::new(5, &edges).is_err());
    }
}
