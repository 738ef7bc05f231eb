//! DISTS: how much texture and structure of every channel count.
//!
//! Canonical names are `alpha` (texture) and `beta` (structure), for the samples and the five taps of
//! VGG16 one after the other. The authors' file shapes them \[1, channels, 1, 1\].

use super::{Expected, Specification};

/// 3 for the samples, then those of the taps.
const CHANNELS: usize = 3 + 64 + 128 + 256 + 512 + 512;

pub(super) fn specification(name: &str) -> Option<Specification> {
    if name != "dists" {
        return None;
    }
    let expected = ["alpha", "beta"].map(|name| Expected {
        name: name.to_owned(),
        shape: vec![CHANNELS],
        nonnegative: true,
    });
    let mut specification = Specification::canonical(name, expected.into());
    specification.add("DISTS", |expected| (expected.name.clone(), vec![1, CHANNELS, 1, 1]));
    Some(specification)
}
