//! Relative positions: what a head adds to the product of a query and a key depends on how far apart their
//! patches are, in rows and columns.
//!
//! For patches of `n` rows and columns a table has a line for each of (2n − 1)² distances, the one for
//! `r − r′` rows and `c − c′` columns at (r − r′ + n − 1)(2n − 1) + c − c′ + n − 1, then one for the class looking at
//! a patch, one for a patch looking at the class, and one for the class looking at itself.
//!
//! Source: Bao et al., "BEiT", ICLR 2022, as the library timm orders it.

/// Lines of a table for so many rows and columns of patches.
pub(super) fn count(along: usize) -> usize {
    (2 * along).saturating_sub(1).pow(2) + 3
}

/// What each head adds, tokens × tokens, the class first.
pub(super) fn biases(table: &[f32], along: usize, heads: usize) -> Vec<Vec<f32>> {
    let (patches, lines) = (along * along, count(along));
    let line = |query: usize, key: usize| match (query, key) {
        (0, 0) => lines - 1,
        (0, _) => lines - 3,
        (_, 0) => lines - 2,
        (query, key) => {
            let [query, key] = [query - 1, key - 1];
            let rows = query / along + along - 1 - key / along;
            let columns = query % along + along - 1 - key % along;
            rows * (2 * along - 1) + columns
        }
    };
    let of_head = |head: usize| {
        let pairs = (0..=patches).flat_map(|query| (0..=patches).map(move |key| (query, key)));
        pairs.map(|(query, key)| table[line(query, key) * heads + head]).collect()
    };
    (0..heads).map(of_head).collect()
}
