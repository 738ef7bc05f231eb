//! What is learned from: a reference and four damaged pictures of it, made by seed and number.
//!
//! Four in ten examples have four distortions of any kind, some of them in pairs; three in ten two
//! distortions at two severities each, so that their order is known without a teacher; one and a half in
//! ten one distortion at four severities; the rest other crops and other pictures beside damaged ones.
//! Distortions are computed on a larger square, whose edges are then cut off, so that nothing is learned
//! from what lies beyond edges.

use lookalike_core::Picture;

use super::bank::canvas::bytes;
use super::bank::{BANK, Distortion, Group};
use super::pictures::{Pool, crop};
use crate::Result;
use crate::random::{Purpose, Stream};

/// Damaged pictures of an example.
pub(crate) const CANDIDATES: usize = 4;
/// The side of the pictures.
pub(crate) const SIDE: usize = 64;
/// What is cut off on every side.
pub(crate) const MARGIN: usize = 16;

/// A reference and what was made of it.
pub(crate) struct Example {
    /// The reference, then the damaged pictures.
    pub(crate) pictures: [Picture; 1 + CANDIDATES],
    pub(crate) labels: [Label; CANDIDATES],
}

/// What is known about a damaged picture without a teacher.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Label {
    /// Pictures of an example with the same number differ in severity alone.
    pub(crate) path: u32,
    pub(crate) severity: f32,
}

/// The distortions that are learned from, without some groups.
pub(crate) fn learned(without: &[Group]) -> Vec<Distortion> {
    let kept = |d: &&Distortion| !d.held_out && !without.contains(&d.group);
    BANK.iter().filter(kept).copied().collect()
}

/// Without its edges.
pub(crate) fn inner(picture: &Picture, side: usize) -> Result<Picture> {
    Ok(picture.crop(MARGIN, MARGIN, side, side)?)
}

/// What a damaged picture is to become.
enum Plan {
    Damaged(Vec<(Distortion, f64, u64)>),
    /// Another crop of the same picture, or of another.
    Replaced(bool),
}

/// The example of a number.
pub(crate) fn example(
    pool: &Pool,
    distortions: &[Distortion],
    others: bool,
    seed: u64,
    number: u64,
) -> Result<Example> {
    let random = &mut Stream::new(seed, Purpose::Groups, number);
    let whole = pool.draw(random);
    let large = SIDE + 2 * MARGIN;
    let reference = crop(&whole, large, random)?;
    let other = crop(&pool.draw(random), large, random)?;
    let (plans, labels) = planned(distortions, others, random);
    let mut pictures = vec![inner(&reference, SIDE)?];
    for plan in &plans {
        let found = match plan {
            Plan::Damaged(steps) => {
                let mut found = reference.clone();
                for (distortion, severity, seed) in steps {
                    found = distortion.apply(&found, *severity, *seed, &other)?;
                }
                found
            }
            Plan::Replaced(true) => crop(&whole, large, random)?,
            Plan::Replaced(false) => other.clone(),
        };
        pictures.push(inner(&found, SIDE)?);
    }
    let refused = |_| crate::Error::Refused("an example has five pictures".to_owned());
    Ok(Example { pictures: pictures.try_into().map_err(refused)?, labels })
}

fn planned(
    distortions: &[Distortion],
    others: bool,
    random: &mut Stream,
) -> ([Plan; CANDIDATES], [Label; CANDIDATES]) {
    let kind = random.unit();
    // Candidates per distortion, and how many of the last are replaced.
    let (shared, replaced) = match kind {
        _ if kind < 0.40 => (1, 0),
        _ if kind < 0.70 => (2, 0),
        _ if kind < 0.85 => (CANDIDATES, 0),
        _ => (1, if others { 1 } else { 0 }),
    };
    let mut labels = [Label::default(); CANDIDATES];
    let mut path = Vec::new();
    let plans = std::array::from_fn(|at| {
        if at + replaced >= CANDIDATES {
            labels[at] = Label { path: at as u32, severity: 1.0 };
            return Plan::Replaced(random.unit() < 0.5);
        }
        let severity = 0.02 + 0.98 * random.unit();
        if at % shared == 0 {
            path = vec![(distortions[random.below(distortions.len())], random.bits())];
            if shared == 1 && random.unit() < 0.25 {
                path.push((distortions[random.below(distortions.len())], random.bits()));
            }
        }
        labels[at] = Label { path: (at / shared) as u32, severity: severity as f32 };
        let steps = path.iter().enumerate().map(|(step, &(distortion, seed))| {
            let severity = if path.len() == 1 { severity } else { 0.7 * severity };
            let severity = if step == 0 { severity } else { severity * random.unit() };
            (distortion, severity, seed)
        });
        Plan::Damaged(steps.collect())
    });
    (plans, labels)
}

/// The bytes of an example in a file: samples of all pictures, then paths and severities.
pub(crate) fn encode(example: &Example) -> Result<Vec<u8>> {
    let mut record = Vec::with_capacity(PICTURES + 8 * CANDIDATES);
    for picture in &example.pictures {
        record.extend(bytes(picture)?);
    }
    for label in &example.labels {
        record.extend(label.path.to_le_bytes());
        record.extend(label.severity.to_le_bytes());
    }
    Ok(record)
}

/// Bytes of one picture, and of all of an example.
pub(crate) const PICTURE: usize = 3 * SIDE * SIDE;
pub(crate) const PICTURES: usize = (1 + CANDIDATES) * PICTURE;

/// The labels in a record.
pub(crate) fn labels(record: &[u8]) -> [Label; CANDIDATES] {
    let (numbers, _) = record.get(PICTURES..).unwrap_or_default().as_chunks::<4>();
    std::array::from_fn(|at| {
        let number = |at: usize| numbers.get(at).copied().unwrap_or_default();
        Label {
            path: u32::from_le_bytes(number(2 * at)),
            severity: f32::from_le_bytes(number(2 * at + 1)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::pictures::{Role, Sources};
    use super::*;

    fn pool() -> Pool {
        let sources = Sources { all: Vec::new(), sha256: String::new() };
        sources.pool(Role::Learned, 1.0).unwrap()
    }

    #[test]
    fn a_number_gives_one_example_and_labels_come_back() {
        let (pool, distortions) = (pool(), learned(&[]));
        assert!(distortions.iter().all(|distortion| !distortion.held_out));
        let record =
            |number| encode(&example(&pool, &distortions, true, 3, number).unwrap()).unwrap();
        assert_eq!(record(1), record(1));
        assert_ne!(record(1), record(2));
        let found = example(&pool, &distortions, true, 3, 5).unwrap();
        let bytes = encode(&found).unwrap();
        assert_eq!(bytes.len(), PICTURES + 8 * CANDIDATES);
        assert_eq!(labels(&bytes), found.labels);
    }

    #[test]
    fn groups_are_left_out() {
        let rest = learned(&[Group::Noise, Group::Blur]);
        assert!(!rest.is_empty() && rest.len() < learned(&[]).len());
        assert!(rest.iter().all(|d| d.group != Group::Noise && d.group != Group::Blur));
    }
}
