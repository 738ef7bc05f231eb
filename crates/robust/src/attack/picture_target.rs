//! Attacks on any metric, in a picture's own samples: planes are its channels in 0…1, one after the other.
//!
//! Distances are values, turned over where more is better. What is attacked is the reference of decisions and the
//! query of retrieval; metrics give derivatives for the candidate, so gradients are those of the exchanged pair, which
//! is the same where a metric is symmetric and refused where it is not. Values are always those of the right order.

use std::cell::Cell;

use lookalike_core::{Direction, Metric, Picture, Prepared, Want};

use super::{Evaluation, Shape, Target};
use crate::{Error, Result};

/// The planes of a picture.
pub fn planes(picture: &Picture) -> Vec<f64> {
    (0..picture.channels().count()).flat_map(|channel| picture.plane(channel, 1.0)).collect()
}

/// The shape of a picture's planes.
pub fn shape(picture: &Picture) -> Shape {
    let channels = picture.channels().count();
    Shape { channels, height: picture.height(), width: picture.width() }
}

/// A picture of planes, in double precision.
///
/// # Errors
/// [`Error::Core`] for planes that are not those of the shape or not in 0…1.
pub fn picture(planes: &[f64], like: &Picture) -> Result<Picture> {
    let area = like.width() * like.height();
    let count = like.channels().count();
    let at = |i: usize| planes.get(i % count * area + i / count).copied().unwrap_or(f64::NAN);
    let samples = (0..count * area).map(at).collect();
    Ok(Picture::from_f64(like.width(), like.height(), like.channels(), samples)?)
}

/// A picture that stays, on the other side of a metric.
struct Side<'a> {
    metric: &'a dyn Metric,
    picture: &'a Picture,
    prepared: Box<dyn Prepared + 'a>,
    sign: f64,
}

impl<'a> Side<'a> {
    fn new(metric: &'a dyn Metric, picture: &'a Picture) -> Result<Self> {
        let sign = if metric.direction() == Direction::HigherIsBetter { -1.0 } else { 1.0 };
        Ok(Self { metric, picture, prepared: metric.prepare(picture)?, sign })
    }

    /// The distance from a changed picture, which comes first where the metric has an order.
    fn distance(&self, changed: &Picture) -> Result<f64> {
        let want = Want::default();
        let score = if self.metric.card().symmetric {
            self.prepared.compare(changed, want)?
        } else {
            self.metric.compare(changed, self.picture, want)?
        };
        Ok(self.sign * score.value)
    }

    /// The distance, as far as it comes with its derivative, and the derivative.
    fn gradient(&self, changed: &Picture) -> Result<(f64, Vec<f64>)> {
        let card = self.metric.card();
        if !card.symmetric {
            return Err(Error::Asked(format!(
                "{} gives derivatives for the candidate, and it is the reference that is attacked; use \
                 the method square, which needs none",
                self.metric.id()
            )));
        }
        let found = self.prepared.gradient(changed)?;
        let slopes = found.samples.into_iter().map(|slope| self.sign * slope).collect();
        Ok((self.sign * found.value, slopes))
    }
}

/// How often a target was asked.
#[derive(Debug, Default)]
struct Queries(Cell<usize>);

impl Queries {
    fn count(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// The decision which of two pictures is nearer to a reference, which is changed.
///
/// The loss is the distance to the picture that is to stop being the nearer one less that to the other; the
/// decision has given way where it is not negative, so a tie counts.
pub struct MetricDecision<'a> {
    reference: &'a Picture,
    chosen: Side<'a>,
    other: Side<'a>,
    queries: Queries,
}

impl<'a> MetricDecision<'a> {
    /// Of a metric, a reference, the picture that is to stop being nearer, and the other.
    ///
    /// # Errors
    /// What the metric gives.
    pub fn new(
        metric: &'a dyn Metric,
        reference: &'a Picture,
        chosen: &'a Picture,
        other: &'a Picture,
    ) -> Result<Self> {
        let [chosen, other] = [Side::new(metric, chosen)?, Side::new(metric, other)?];
        Ok(Self { reference, chosen, other, queries: Queries::default() })
    }

    /// The distances to the chosen picture and to the other.
    ///
    /// # Errors
    /// What the metric gives.
    pub fn distances(&self, changed: &Picture) -> Result<[f64; 2]> {
        Ok([self.chosen.distance(changed)?, self.other.distance(changed)?])
    }

    /// How often the metric was asked about both.
    pub fn queries(&self) -> usize {
        self.queries.0.get()
    }
}

/// A difference of distances, of which both may be infinite.
fn less(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { a - b }
}

impl Target for MetricDecision<'_> {
    fn evaluate(&self, planes: &[f64]) -> Result<Evaluation> {
        let changed = picture(planes, self.reference)?;
        self.queries.count();
        let [(chosen, away), (other, towards)] =
            [self.chosen.gradient(&changed)?, self.other.gradient(&changed)?];
        let gradient = away.iter().zip(&towards).map(|(a, t)| a - t).collect();
        let loss = less(chosen, other);
        // What counts is the value that comparing gives, which may differ in the last digit.
        let near = loss.abs() <= 1e-6 * (chosen.abs() + other.abs());
        let succeeded = if near || loss >= 0.0 {
            let [chosen, other] = self.distances(&changed)?;
            chosen >= other
        } else {
            false
        };
        Ok(Evaluation { loss, gradient, succeeded })
    }

    fn value(&self, planes: &[f64]) -> Result<(f64, bool)> {
        let changed = picture(planes, self.reference)?;
        self.queries.count();
        let [chosen, other] = self.distances(&changed)?;
        Ok((less(chosen, other), chosen >= other))
    }

    fn ends_with_success(&self) -> bool {
        true
    }
}

/// The distance of a picture from its own changes, which is to grow. It never gives way.
pub struct MetricDistance<'a> {
    from: Side<'a>,
    queries: Queries,
}

impl<'a> MetricDistance<'a> {
    /// Of a metric and a picture.
    ///
    /// # Errors
    /// What the metric gives.
    pub fn new(metric: &'a dyn Metric, picture: &'a Picture) -> Result<Self> {
        Ok(Self { from: Side::new(metric, picture)?, queries: Queries::default() })
    }

    /// How often the metric was asked.
    pub fn queries(&self) -> usize {
        self.queries.0.get()
    }
}

impl Target for MetricDistance<'_> {
    fn evaluate(&self, planes: &[f64]) -> Result<Evaluation> {
        let changed = picture(planes, self.from.picture)?;
        self.queries.count();
        // The changed picture is the candidate, whose derivatives every metric with any gives.
        let found = self.from.prepared.gradient(&changed)?;
        let gradient = found.samples.into_iter().map(|slope| self.from.sign * slope).collect();
        Ok(Evaluation { loss: self.from.sign * found.value, gradient, succeeded: false })
    }

    fn value(&self, planes: &[f64]) -> Result<(f64, bool)> {
        let changed = picture(planes, self.from.picture)?;
        self.queries.count();
        let found = self.from.prepared.compare(&changed, Want::default())?;
        Ok((self.from.sign * found.value, false))
    }
}

/// Which picture of a gallery is nearest to a query, which is changed.
///
/// The loss is the distance to the first less that to the nearest of the others.
pub struct MetricRetrieval<'a> {
    query: &'a Picture,
    gallery: Vec<Side<'a>>,
    first: usize,
    queries: Queries,
}

impl<'a> MetricRetrieval<'a> {
    /// Of a metric, a query, and a gallery of at least two pictures.
    ///
    /// # Errors
    /// What the metric gives; [`Error::Asked`] for a smaller gallery.
    pub fn new(metric: &'a dyn Metric, query: &'a Picture, gallery: &'a [Picture]) -> Result<Self> {
        if gallery.len() < 2 {
            let found = gallery.len();
            let reason = format!("expected a gallery of at least two pictures, found {found}");
            return Err(Error::Asked(reason));
        }
        let gallery: Vec<Side<'a>> =
            gallery.iter().map(|picture| Side::new(metric, picture)).collect::<Result<_>>()?;
        let mut target = Self { query, gallery, first: 0, queries: Queries::default() };
        target.first = target.nearest(query)?.0;
        Ok(target)
    }

    /// The place of the picture that is nearest to the query.
    pub fn first(&self) -> usize {
        self.first
    }

    /// The place of the picture that is nearest to a changed query, and its distance.
    ///
    /// # Errors
    /// What the metric gives.
    pub fn nearest(&self, changed: &Picture) -> Result<(usize, f64)> {
        let mut best = (0, f64::INFINITY);
        for (at, side) in self.gallery.iter().enumerate() {
            let distance = side.distance(changed)?;
            if distance < best.1 {
                best = (at, distance);
            }
        }
        Ok(best)
    }

    /// How often the metric was asked about the whole gallery.
    pub fn queries(&self) -> usize {
        self.queries.0.get()
    }

    /// The distance to the first, the nearest of the others, and the distance to it.
    fn rivals(&self, changed: &Picture) -> Result<(f64, usize, f64)> {
        self.queries.count();
        let mut rival = (0, f64::INFINITY);
        let mut own = 0.0;
        for (at, side) in self.gallery.iter().enumerate() {
            let distance = side.distance(changed)?;
            if at == self.first {
                own = distance;
            } else if distance < rival.1 || rival.1 == f64::INFINITY {
                rival = (at, distance);
            }
        }
        Ok((own, rival.0, rival.1))
    }
}

impl Target for MetricRetrieval<'_> {
    fn evaluate(&self, planes: &[f64]) -> Result<Evaluation> {
        let changed = picture(planes, self.query)?;
        let (own, rival, distance) = self.rivals(&changed)?;
        let (_, away) = self.gallery[self.first].gradient(&changed)?;
        let (_, towards) = self.gallery[rival].gradient(&changed)?;
        let gradient = away.iter().zip(&towards).map(|(a, t)| a - t).collect();
        Ok(Evaluation { loss: less(own, distance), gradient, succeeded: own >= distance })
    }

    fn value(&self, planes: &[f64]) -> Result<(f64, bool)> {
        let changed = picture(planes, self.query)?;
        let (own, _, distance) = self.rivals(&changed)?;
        Ok((less(own, distance), own >= distance))
    }

    fn ends_with_success(&self) -> bool {
        true
    }
}
