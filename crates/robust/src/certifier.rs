//! Certificates of LipSim for pictures.
//!
//! Every picture is embedded twice, in double and in single precision, and every radius is the smaller of the
//! two arithmetics': each is certified by its own embeddings and its own bound on rounding. The bound of double
//! precision is proved; so is that of single where it is the smaller, otherwise it is estimated: eight times
//! what the two embeddings of the picture at hand differ by. [`Evidence`] says which.
//!
//! Resizing is part of what rounds, for reductions of a side to a sixtieth at most.
//!
//! Radii in the picture's own samples are those of the network divided by the norm of the resizing, and hold
//! for changed pictures whose samples stay in 0…1.

use lookalike_core::{Metric, Picture};
use lookalike_deep::lipsim::{LipSim, Scale};
use lookalike_nn::lipschitz::{Bound, Real};

use crate::certificate::{
    INWARD, Interval, compat_radius, distance_to_flip, jointly_stable, radius, stays_in_top,
    top_set, value_interval,
};
use crate::{Error, Result};

/// How many times the observed difference between both precisions single precision is taken to be off by.
const CAUTION: f64 = 8.0;

/// A metric whose decisions can be certified.
pub struct Certifier {
    metric: LipSim,
    lipschitz: Bound,
    /// Proved bounds on rounding in double and in single precision.
    double: f64,
    single: f64,
}

/// What is known of a picture.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// In double precision, and in single.
    embeddings: [Vec<f64>; 2],
    /// Twice the bound on rounding in each.
    slacks: [f64; 2],
    /// Whether both bounds are proved.
    proved: bool,
    scale: Scale,
}

/// A radius in the samples of the picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// The Euclidean radius over all samples in 0…1.
    Radius(f64),
    /// There is none, for this reason.
    Unknown(String),
}

/// By how much a picture may change.
#[derive(Clone, Debug, PartialEq)]
pub struct Radius {
    /// As the network sees it.
    pub network: f64,
    /// In its own samples.
    pub pixels: Pixels,
}

/// What a certificate rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The constant of the network.
    pub lipschitz: Bound,
    /// By how much the radius of the network was shortened for rounding.
    pub reduction: f64,
    /// Whether that is proved for single precision too, or estimated there.
    pub proved: bool,
}

/// The radius as published, which is sound under a condition alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compat {
    /// |d₀ − d₁| / ‖φ₀ − φ₁‖.
    pub radius: f64,
    /// Whether the embedding stays at least 1 long within it, as its proof needs.
    pub holds: bool,
}

/// Which of two pictures is nearer.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// `true` for the left one; `None` where neither is.
    pub left: Option<bool>,
    /// Distances to the left and to the right.
    pub distances: [f64; 2],
    /// By how much the reference may change.
    pub radius: Radius,
    /// The radius as published; not for the Euclidean head.
    pub compat: Option<Compat>,
    /// What it rests on.
    pub evidence: Evidence,
}

/// A distance while pictures change.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// As they are.
    pub value: f64,
    /// What it stays between, or why nothing is known.
    pub interval: Result<Interval, String>,
    /// What it rests on.
    pub evidence: Evidence,
}

/// A picture of the gallery among the nearest.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieved {
    /// Its place in the gallery.
    pub index: usize,
    /// Its distance from the query.
    pub distance: f64,
    /// By how much the query may change while it stays among the k nearest.
    pub radius: Radius,
}

/// The nearest pictures of a gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieval {
    /// Nearest first.
    pub results: Vec<Retrieved>,
    /// By how much the query may change while their set stays.
    pub set: Radius,
    /// By how much it may change while the first stays first.
    pub first: Radius,
    /// What it rests on.
    pub evidence: Evidence,
}

impl Certifier {
    /// Certificates of a metric.
    pub fn new(metric: LipSim) -> Self {
        let network = metric.network();
        let lipschitz = network.bound();
        let side = network.image() as f64;
        let all = lipschitz.value * 3_f64.sqrt() * side * (1.0 + 1e-9);
        // Resizing rounds as well: sums of up to 500 products whose weights add up to less than 1.6.
        let double = network.rounding::<f64>() + 1e-13 * all;
        // So does bringing samples to single precision.
        let single = network.rounding::<f32>() + (f32::UNIT + 1e-13) * all;
        Self { metric, lipschitz, double, single }
    }

    /// The metric.
    pub fn metric(&self) -> &LipSim {
        &self.metric
    }

    /// Reads a picture.
    ///
    /// # Errors
    /// [`Error::Core`].
    pub fn embed(&self, picture: &Picture) -> Result<Embedded> {
        let double = self.metric.embed::<f64>(picture)?;
        let single = self.metric.embed::<f32>(picture)?;
        let squares = double.iter().zip(&single).map(|(d, s)| (d - s) * (d - s));
        let estimated = CAUTION * (squares.sum::<f64>().sqrt() + self.double);
        Ok(Embedded {
            embeddings: [double, single],
            slacks: [2.0 * self.double, 2.0 * self.single.min(estimated)],
            proved: self.single <= estimated,
            scale: self.metric.scale(picture)?,
        })
    }

    /// Which of two pictures is nearer to a reference, and by how much the reference may change.
    pub fn decide(&self, reference: &Embedded, left: &Embedded, right: &Embedded) -> Decision {
        let head = self.metric.head();
        let flips = [0, 1].map(|a| {
            let of = |picture: &'_ Embedded| picture.embeddings[a].clone();
            distance_to_flip(head, &of(reference), &of(left), &of(right))
        });
        let agree = flips[0] * flips[1] > 0.0;
        let network = self.least(reference, |a| if agree { flips[a].abs() } else { 0.0 });
        let [z, f0, f1] = [reference, left, right].map(|picture| &picture.embeddings[0]);
        let compat = compat_radius(head, z, f0, f1).map(|radius| {
            let (_, length) = head.project(z);
            let shortest = length - self.lipschitz.value * radius - reference.slacks[0];
            let always = head == lookalike_deep::lipsim::Head::Appended;
            Compat { radius, holds: always || shortest >= 1.0 }
        });
        Decision {
            left: (flips[0] != 0.0).then_some(flips[0] > 0.0),
            distances: [f0, f1].map(|side| head.distance(z, side)),
            radius: self.radius(reference, network),
            compat,
            evidence: self.evidence(reference),
        }
    }

    /// The distance of two pictures while they change by at most `eps` each, in their own samples.
    pub fn value(&self, reference: &Embedded, candidate: &Embedded, eps: [f64; 2]) -> Value {
        let head = self.metric.head();
        let between = |a: usize| -> Result<Interval, String> {
            let moved = |picture: &Embedded, eps: f64| self.movement(picture, eps, a);
            let (x, y) = (&reference.embeddings[a], &candidate.embeddings[a]);
            let (of_x, of_y) = (moved(reference, eps[0])?, moved(candidate, eps[1])?);
            Ok(value_interval(head, (x, of_x), (y, of_y)))
        };
        let interval = between(0).and_then(|double| {
            let single = between(1)?;
            Ok(Interval { low: double.low.min(single.low), high: double.high.max(single.high) })
        });
        Value {
            value: head.distance(&reference.embeddings[0], &candidate.embeddings[0]),
            interval,
            evidence: self.evidence(if eps[0] > 0.0 { reference } else { candidate }),
        }
    }

    /// Whether the nearer of two stays so while all three pictures change, by `eps` of reference, left and
    /// right in their own samples; an error names the reason for which nothing is known.
    ///
    /// # Errors
    /// [`Error::Asked`].
    pub fn jointly_stable(&self, pictures: [&Embedded; 3], eps: [f64; 3]) -> Result<bool> {
        let mut stable = true;
        for a in 0..2 {
            let mut moved = [0.0; 3];
            for ((moved, picture), eps) in moved.iter_mut().zip(pictures).zip(eps) {
                *moved = self.movement(picture, eps, a).map_err(Error::Asked)?;
            }
            let [x, y, z] = [0, 1, 2].map(|i| (pictures[i].embeddings[a].as_slice(), moved[i]));
            stable &= jointly_stable(self.metric.head(), x, y, z);
        }
        let [x, y, z] = pictures;
        // Both arithmetics must decide alike to begin with.
        Ok(stable && (self.decide(x, y, z).radius.network > 0.0))
    }

    /// The `k` nearest pictures of a gallery, and by how much the query may change.
    ///
    /// # Errors
    /// [`Error::Asked`] for an empty gallery or no k.
    pub fn retrieve(&self, query: &Embedded, gallery: &[Embedded], k: usize) -> Result<Retrieval> {
        if k == 0 || gallery.is_empty() {
            return Err(Error::Asked("expected a gallery with pictures and a k from 1".to_owned()));
        }
        let head = self.metric.head();
        let all = [0, 1].map(|a| {
            gallery.iter().map(|picture| picture.embeddings[a].as_slice()).collect::<Vec<_>>()
        });
        let distances: Vec<f64> =
            all[0].iter().map(|other| head.distance(&query.embeddings[0], other)).collect();
        let mut order: Vec<usize> = (0..gallery.len()).collect();
        order.sort_by(|&i, &j| distances[i].total_cmp(&distances[j]).then(i.cmp(&j)));
        let inside = &order[..k.min(order.len())];
        let set = |inside: &[usize]| {
            let least = self.least(query, |a| top_set(head, &query.embeddings[a], &all[a], inside));
            self.radius(query, least)
        };
        let one = |&index: &usize| {
            let least =
                self.least(query, |a| stays_in_top(head, &query.embeddings[a], &all[a], index, k));
            Retrieved { index, distance: distances[index], radius: self.radius(query, least) }
        };
        Ok(Retrieval {
            results: inside.iter().map(one).collect(),
            set: set(inside),
            first: set(&inside[..1]),
            evidence: self.evidence(query),
        })
    }

    /// The smaller radius of both arithmetics, of a distance that an embedding may move in each.
    fn least(&self, moving: &Embedded, distance: impl Fn(usize) -> f64) -> f64 {
        let of = |a: usize| radius(distance(a), moving.slacks[a], self.lipschitz.value);
        of(0).min(of(1))
    }

    /// How far an embedding may move when its picture changes by `eps` in its own samples.
    fn movement(&self, picture: &Embedded, eps: f64, arithmetic: usize) -> Result<f64, String> {
        if eps == 0.0 {
            return Ok(0.0);
        }
        match &picture.scale {
            Scale::Factor(factor) => {
                let moved = self.lipschitz.value * eps * factor;
                Ok(moved * (1.0 + 1e-12) + picture.slacks[arithmetic])
            }
            Scale::Unbounded(reason) => Err(reason.clone()),
        }
    }

    fn radius(&self, picture: &Embedded, network: f64) -> Radius {
        let pixels = match &picture.scale {
            Scale::Factor(factor) => Pixels::Radius(network / factor * INWARD),
            Scale::Unbounded(reason) => Pixels::Unknown(reason.clone()),
        };
        Radius { network, pixels }
    }

    fn evidence(&self, moving: &Embedded) -> Evidence {
        let reduction = moving.slacks[0].max(moving.slacks[1]) / self.lipschitz.value;
        Evidence { lipschitz: self.lipschitz, reduction, proved: moving.proved }
    }
}

impl std::fmt::Debug for Certifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.metric.id().to_string();
        f.debug_struct("Certifier").field("metric", &id).finish_non_exhaustive()
    }
}
