//! Learning a head from labelled pairs.
//!
//! Minimised is the mean over pairs of −y·ln p − (1 − y)·ln(1 − p), p = σ(a·s + b), s the cosine of W·q and
//! W·c, plus λ·|W − 1|²/d: a map that differs from the identity has to earn it. W, a and b start at the
//! identity, 10 and the value at which p is right on average; Adam takes steps on batches, gradients in closed
//! form.
//!
//! Source: logistic loss of pairs as in Chopra, Hadsell and LeCun, CVPR 2005, with the log-likelihood in place
//! of margins; Adam, Kingma and Ba, ICLR 2015.
//!
//! Choices: a part of the pairs is held out and taken no step on ([`split`](super::split)). After every round over
//! the pairs the held-out loss is taken; the map with the least is kept, which is the identity where nothing helps. Sums run in a fixed order: the same labels and seed give
//! the same head for any number of threads.

use lookalike_judge::statistics::seeded;
use rayon::prelude::*;

use super::Head;
use super::split::{Leakage, Parts, Split, split};
use crate::evaluation::pooled::{self, Pair};
use crate::store::scan::{add_scaled, dot};
use crate::{Error, Result};

/// A labelled pair of vectors.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// The vector of the seed, of unit length.
    pub query: &'a [f32],
    /// The vector of the candidate.
    pub candidate: &'a [f32],
    /// Whether people call them similar.
    pub similar: bool,
    /// The number of the seed's picture.
    pub query_image: usize,
    /// The number of the candidate's picture.
    pub candidate_image: usize,
    /// The number of the seed's product.
    pub query_product: usize,
    /// The number of the candidate's product.
    pub candidate_product: usize,
}

/// How a head is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadRecipe {
    /// Rounds over the pairs.
    pub rounds: usize,
    /// Pairs of a step.
    pub batch: usize,
    /// The length of steps.
    pub rate: f32,
    /// λ, by which the map is held to the identity.
    pub hold: f32,
    /// What is held out.
    pub split: Split,
    /// The share that is held out, of seeds or of pairs.
    pub held_out: f64,
    /// The seed of what is drawn.
    pub seed: u64,
}

impl Default for HeadRecipe {
    fn default() -> Self {
        Self {
            rounds: 30,
            batch: 128,
            rate: 1e-3,
            hold: 1.0,
            split: Split::Products,
            held_out: 0.2,
            seed: 1,
        }
    }
}

/// What was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The map.
    pub head: Head,
    /// Pairs that steps were taken on, that were held out, and that were left out for a product of those.
    pub pairs: [usize; 3],
    /// What held-out pairs share with those.
    pub leakage: Leakage,
    /// The round whose map was kept; 0 is the identity.
    pub round: usize,
    /// The loss of held-out pairs before and after.
    pub loss: [f64; 2],
    /// The area under the ROC curve of held-out pairs before and after; `None` where they are of one kind.
    pub area: [Option<f64>; 2],
}

/// Scale and offset of the cosine.
#[derive(Clone, Copy)]
struct Curve {
    scale: f64,
    offset: f64,
}

impl Curve {
    fn probability(self, cosine: f64) -> f64 {
        1.0 / (1.0 + (-(self.scale * cosine + self.offset)).exp())
    }
}

/// Adam's moments.
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

const DECAY: [f32; 2] = [0.9, 0.999];

/// Learns a head. `progress` hears of every round.
///
/// # Errors
/// [`Error::Request`] where there are not pairs of both kinds to learn from and to hold out, or vectors are of
/// different lengths.
pub fn train(
    examples: &[Example<'_>],
    recipe: HeadRecipe,
    progress: &dyn Fn(usize),
) -> Result<Trained> {
    let Parts { learned: own, held, left, leakage } = split(examples, recipe);
    let dimension = examples.first().map_or(0, |one| one.query.len());
    if examples.iter().any(|one| [one.query.len(), one.candidate.len()] != [dimension; 2]) {
        return Err(Error::Request("vectors of one length are needed to learn a head".to_owned()));
    }
    let both = |part: &[usize]| {
        let similar = part.iter().filter(|&&index| examples[index].similar).count();
        similar > 0 && similar < part.len()
    };
    if dimension == 0 || !both(&own) || held.is_empty() {
        return Err(Error::Request(format!(
            "expected similar and other pairs to learn from, and some to hold out; found {} pairs, of which \
             {} are held out and {} share a product with those",
            own.len(),
            held.len(),
            left.len()
        )));
    }
    let mut weight = Head::identity(dimension).weight;
    let mut moments = Moments { first: vec![0.0; weight.len()], second: vec![0.0; weight.len()] };
    let mut curve = start(examples, &own);
    let mut curve_moments = [[0.0_f64; 2]; 2];
    let judged = |weight: &[f32], curve: Curve| {
        let cosines: Vec<f64> =
            held.par_iter().map(|&index| cosine(weight, &examples[index])).collect();
        let losses = held.iter().zip(&cosines).map(|(&index, &cosine)| {
            let p = curve.probability(cosine).clamp(1e-12, 1.0 - 1e-12);
            if examples[index].similar { -p.ln() } else { -(1.0 - p).ln() }
        });
        let mut pairs: Vec<Pair> = held
            .iter()
            .zip(&cosines)
            .map(|(&index, &cosine)| Pair {
                score: cosine as f32,
                similar: examples[index].similar,
                seed: 0,
            })
            .collect();
        pairs.sort_by(|a, b| b.score.total_cmp(&a.score));
        (losses.sum::<f64>() / held.len() as f64, pooled::area(&pairs, &[1.0]))
    };
    let (first_loss, first_area) = judged(&weight, curve);
    let mut best = (first_loss, first_area, 0, weight.clone());
    let mut step = 0;
    for round in 1..=recipe.rounds {
        let mut draws = seeded::stream(recipe.seed, round as u64);
        let order = seeded::sample(&mut draws, own.len(), own.len());
        for batch in order.chunks(recipe.batch.max(1)) {
            step += 1;
            let batch: Vec<&Example<'_>> = batch.iter().map(|&at| &examples[own[at]]).collect();
            let slopes = descend(&mut weight, &mut moments, &batch, curve, recipe, step);
            let numbers = [&mut curve.scale, &mut curve.offset];
            for ((number, slope), [first, second]) in
                numbers.into_iter().zip(slopes).zip(&mut curve_moments)
            {
                *first = 0.9 * *first + 0.1 * slope;
                *second = 0.999 * *second + 0.001 * slope * slope;
                let [a, b] = [0.9_f64, 0.999].map(|decay| 1.0 - decay.powi(step));
                // Ten times as fast as the map, which these follow.
                *number -=
                    10.0 * f64::from(recipe.rate) * (*first / a) / ((*second / b).sqrt() + 1e-8);
            }
        }
        let (loss, area) = judged(&weight, curve);
        if loss < best.0 {
            best = (loss, area, round, weight.clone());
        }
        progress(round);
    }
    let (loss, area, round, weight) = best;
    Ok(Trained {
        head: Head::new(dimension, weight)?,
        pairs: [own.len(), held.len(), left.len()],
        leakage,
        round,
        loss: [first_loss, loss],
        area: [first_area, area],
    })
}

/// A scale of 10, and the offset by which the mean cosine has the probability of a similar pair.
fn start(examples: &[Example<'_>], own: &[usize]) -> Curve {
    let count = own.len() as f64;
    let similar = own.iter().filter(|&&index| examples[index].similar).count() as f64;
    let mean: f64 = own
        .iter()
        .map(|&index| f64::from(dot(examples[index].query, examples[index].candidate)))
        .sum::<f64>()
        / count;
    Curve { scale: 10.0, offset: (similar / (count - similar)).ln() - 10.0 * mean }
}

fn cosine(weight: &[f32], one: &Example<'_>) -> f64 {
    let (mut product, mut first, mut second) = (0.0, 0.0, 0.0);
    for row in weight.chunks(one.query.len()) {
        let [u, v] = [dot(row, one.query), dot(row, one.candidate)].map(f64::from);
        product += u * v;
        first += u * u;
        second += v * v;
    }
    product / (first.sqrt() * second.sqrt()).max(f64::MIN_POSITIVE)
}

/// Takes a step on the map, and says the slopes of the curve's two numbers.
fn descend(
    weight: &mut [f32],
    moments: &mut Moments,
    batch: &[&Example<'_>],
    curve: Curve,
    recipe: HeadRecipe,
    step: i32,
) -> [f64; 2] {
    let dimension = batch[0].query.len();
    // Per row of the map, u and v of every pair.
    let mapped: Vec<Vec<[f32; 2]>> = weight
        .par_chunks(dimension)
        .map(|row| batch.iter().map(|one| [dot(row, one.query), dot(row, one.candidate)]).collect())
        .collect();
    let count = batch.len() as f64;
    let mut slopes = [0.0; 2];
    // Per pair the factors of v and u in the slope of u, and of u and v in that of v.
    let factors: Vec<[f32; 3]> = batch
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let (mut product, mut first, mut second) = (0.0_f64, 0.0_f64, 0.0_f64);
            for row in &mapped {
                let [u, v] = row[index].map(f64::from);
                product += u * v;
                first += u * u;
                second += v * v;
            }
            let lengths = (first.sqrt() * second.sqrt()).max(f64::MIN_POSITIVE);
            let cosine = product / lengths;
            let error = (curve.probability(cosine) - f64::from(u8::from(one.similar))) / count;
            slopes[0] += error * cosine;
            slopes[1] += error;
            let slope = error * curve.scale;
            [slope / lengths, slope * cosine / first, slope * cosine / second].map(|f| f as f32)
        })
        .collect();
    let hold = 2.0 * recipe.hold / dimension as f32;
    let [bias_first, bias_second] = DECAY.map(|decay| 1.0 - decay.powi(step));
    let rows = weight.par_chunks_mut(dimension).zip(moments.first.par_chunks_mut(dimension));
    rows.zip(moments.second.par_chunks_mut(dimension)).enumerate().for_each(
        |(index, ((row, first), second))| {
            let mut slope = vec![0.0_f32; dimension];
            for ((one, [u, v]), [cross, of_u, of_v]) in
                batch.iter().zip(&mapped[index]).zip(&factors)
            {
                add_scaled(&mut slope, cross * v - of_u * u, one.query);
                add_scaled(&mut slope, cross * u - of_v * v, one.candidate);
            }
            for (column, number) in row.iter_mut().enumerate() {
                let identity = f32::from(u8::from(column == index));
                let slope = slope[column] + hold * (*number - identity);
                first[column] = DECAY[0] * first[column] + (1.0 - DECAY[0]) * slope;
                second[column] = DECAY[1] * second[column] + (1.0 - DECAY[1]) * slope * slope;
                let towards = first[column] / bias_first;
                *number -= recipe.rate * towards / ((second[column] / bias_second).sqrt() + 1e-8);
            }
        },
    );
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::scan::normalised;

    const DIMENSION: usize = 16;

    /// Vectors of which only the first four numbers matter to people.
    fn vectors(count: usize) -> Vec<Vec<f32>> {
        let mut draws = seeded::stream(8, 0);
        let mut number = || seeded::below(&mut draws, 2001) as f32 / 1000.0 - 1.0;
        (0..count)
            .map(|_| {
                let mut vector: Vec<f32> = (0..DIMENSION).map(|_| number()).collect();
                normalised(&mut vector, "x").unwrap();
                vector
            })
            .collect()
    }

    fn examples(all: &[Vec<f32>]) -> Vec<Example<'_>> {
        let mut found = Vec::new();
        for seed in 0..60 {
            for step in 0..12 {
                let other = 60 + (seed * 7 + step * 13) % (all.len() - 60);
                let (query, candidate) = (&all[seed], &all[other]);
                found.push(Example {
                    query,
                    candidate,
                    similar: dot(&query[..4], &candidate[..4]) > 0.05,
                    query_image: seed,
                    candidate_image: other,
                    query_product: seed,
                    candidate_product: other,
                });
            }
        }
        found
    }

    #[test]
    fn what_matters_is_learned() {
        let all = vectors(900);
        let examples = examples(&all);
        let recipe = HeadRecipe { hold: 0.01, rate: 1e-2, ..HeadRecipe::default() };
        let found = train(&examples, recipe, &|_| ()).unwrap();
        assert!(found.round > 0 && found.loss[1] < 0.8 * found.loss[0], "{:?}", found.loss);
        let [before, after] = found.area.map(Option::unwrap);
        assert!(after > before + 0.05 && after > 0.85, "{before} {after}");
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(alone.install(|| train(&examples, recipe, &|_| ()).unwrap()), found);
    }

    #[test]
    fn labels_that_say_nothing_leave_the_identity() {
        let all = vectors(900);
        let mut examples = examples(&all);
        let mut draws = seeded::stream(2, 0);
        examples.iter_mut().for_each(|one| one.similar = seeded::below(&mut draws, 2) == 0);
        let recipe = HeadRecipe { rounds: 5, ..HeadRecipe::default() };
        let found = train(&examples, recipe, &|_| ()).unwrap();
        assert!(found.loss[1] <= found.loss[0]);
        let none = train(&examples[..3], recipe, &|_| ());
        assert!(none.unwrap_err().to_string().contains("held out"));
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let all = vectors(900);
        let examples = examples(&all);
        let batch: Vec<&Example<'_>> = examples[..20].iter().collect();
        let curve = Curve { scale: 5.0, offset: -0.3 };
        let loss = |weight: &[f32], curve: Curve| -> f64 {
            let losses = batch.iter().map(|one| {
                let p = curve.probability(cosine(weight, one));
                if one.similar { -p.ln() } else { -(1.0 - p).ln() }
            });
            losses.sum::<f64>() / 20.0
        };
        // A step of Adam's first is by the sign of the slope, so moments show the slope itself.
        let mut weight = Head::identity(DIMENSION).weight;
        weight[5] = 0.2;
        let before = weight.clone();
        let size = weight.len();
        let mut moments = Moments { first: vec![0.0; size], second: vec![0.0; size] };
        let recipe = HeadRecipe { hold: 0.0, ..HeadRecipe::default() };
        let slopes = descend(&mut weight, &mut moments, &batch, curve, recipe, 1);
        for at in [0, 5, 17, 40, 255] {
            let moved = |by: f32| {
                let mut moved = before.clone();
                moved[at] += by;
                loss(&moved, curve)
            };
            let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            let found = f64::from(moments.first[at] / (1.0 - DECAY[0]));
            assert!((found - expected).abs() < 2e-4, "{at}: {found} {expected}");
        }
        let by_scale = |by: f64| loss(&before, Curve { scale: curve.scale + by, ..curve });
        let expected = (by_scale(1e-4) - by_scale(-1e-4)) / 2e-4;
        assert!((slopes[0] - expected).abs() < 1e-6);
    }
}
