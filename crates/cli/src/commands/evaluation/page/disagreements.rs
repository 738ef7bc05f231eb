//! The judgements on which a metric and people disagree most, with their pictures.

use std::collections::HashMap;
use std::path::Path;

use lookalike::PictureOptions;
use lookalike::decode::{DecodeOptions, read};
use lookalike::judge::dataset::{Item, Judgement};
use serde::Serialize;

use super::Evidence;
use crate::commands::evaluation::record::Report;
use crate::print::pictures::{displayed, preview};
use crate::print::significant;

#[derive(Serialize)]
pub(super) struct OfMetric {
    id: String,
    shown: Vec<Disagreement>,
}

#[derive(Serialize)]
struct Disagreement {
    /// Its place in the set, from 1.
    number: usize,
    subset: Option<String>,
    by: String,
    pictures: Vec<Shown>,
}

#[derive(Clone, Serialize)]
struct Shown {
    path: String,
    /// The picture as a `data:` address; none where it cannot be read any more.
    address: Option<String>,
    /// What it is: the reference, or which choice.
    role: &'static str,
    /// What people said of it.
    people: Option<String>,
    /// What the metric said of it.
    metric: Option<String>,
    /// Whether most people, and whether the metric, chose it.
    chosen: [bool; 2],
}

pub(super) fn shown(report: &Report, evidence: &Evidence<'_>) -> anyhow::Result<Vec<OfMetric>> {
    // Judgements that nobody disagrees on are none, however few there are.
    let mut worst = Vec::new();
    for distances in evidence.distances {
        let found = evidence.answers.disagreements(distances)?.into_iter();
        let found = found.take(evidence.worst).filter(|(_, by)| *by > 0.0);
        worst.push(found.collect::<Vec<_>>());
    }
    let mut items: HashMap<usize, Option<Item>> = HashMap::new();
    for (kept, _) in worst.iter().flatten() {
        items.insert(evidence.positions[*kept], None);
    }
    // The set is read once more, since no judgement was kept.
    for (position, item) in evidence.set.items()?.enumerate() {
        if let Some(place) = items.get_mut(&position) {
            *place = Some(item?);
        }
    }
    let mut pictures = Pictures { decode: evidence.decode, read: HashMap::new() };
    let pairs = evidence.answers.protocol().pairs();
    let numbers = evidence.distances.iter().zip(evidence.negated);
    let of_metric = report.metrics.iter().zip(worst).zip(numbers);
    Ok(of_metric
        .map(|((metric, worst), (distances, &negated))| {
            let one = |(kept, by): (usize, f64)| {
                let position = evidence.positions[kept];
                let item = items.get(&position)?.as_ref()?;
                let own = distances.get(pairs * kept..pairs * (kept + 1))?;
                Some(Disagreement {
                    number: position + 1,
                    subset: item.subset.clone(),
                    by: format!("{by:.2}"),
                    pictures: pictures.of(&item.judgement, own, negated),
                })
            };
            let shown = worst.into_iter().filter_map(one).collect();
            OfMetric { id: metric.id.clone(), shown }
        })
        .collect())
}

struct Pictures<'a> {
    decode: &'a DecodeOptions,
    /// Addresses of those that were read: metrics disagree with people on the same pictures.
    read: HashMap<String, Option<String>>,
}

impl Pictures<'_> {
    fn of(&mut self, judgement: &Judgement, distances: &[f64], negated: bool) -> Vec<Shown> {
        let smallest = |index: usize| distances.iter().all(|other| distances[index] <= *other);
        let percent = |share: f64| format!("{:.0} % of people", 100.0 * share);
        let distance = |index: usize| match distances.get(index) {
            Some(value) if negated => format!("score {}", significant(-value)),
            Some(value) => format!("distance {}", significant(*value)),
            None => String::new(),
        };
        match judgement {
            Judgement::Triplet { reference, left, right, right_share } => vec![
                self.shown(reference, "reference"),
                Shown {
                    people: Some(percent(1.0 - right_share)),
                    metric: Some(distance(0)),
                    chosen: [*right_share < 0.5, smallest(0)],
                    ..self.shown(left, "left")
                },
                Shown {
                    people: Some(percent(*right_share)),
                    metric: Some(distance(1)),
                    chosen: [*right_share > 0.5, smallest(1)],
                    ..self.shown(right, "right")
                },
            ],
            Judgement::Same { reference, candidate, same } => vec![
                self.shown(reference, "first"),
                Shown {
                    people: Some(format!("{:.0} % said “same”", 100.0 * same)),
                    metric: Some(distance(0)),
                    ..self.shown(candidate, "second")
                },
            ],
            Judgement::Rating { reference, candidate, score } => vec![
                self.shown(reference, "reference"),
                Shown {
                    people: Some(format!("rated {}", significant(*score))),
                    metric: Some(distance(0)),
                    ..self.shown(candidate, "candidate")
                },
            ],
            Judgement::OddOneOut { pictures, odd } => {
                let most = odd.iter().copied().fold(0.0, f64::max);
                let roles = ["first", "second", "third"];
                let three = pictures.iter().zip(roles).zip(odd).enumerate();
                // The first is left by the last distance: that of the other two.
                three
                    .map(|(index, ((path, role), share))| Shown {
                        people: Some(format!("odd to {:.0} %", 100.0 * share)),
                        metric: Some(format!("the others: {}", distance(2 - index))),
                        chosen: [*share == most, smallest(2 - index)],
                        ..self.shown(path, role)
                    })
                    .collect()
            }
        }
    }

    fn shown(&mut self, path: &Path, role: &'static str) -> Shown {
        let name = path.display().to_string();
        let address = self.read.entry(name.clone()).or_insert_with(|| {
            let picture = read(path, self.decode).ok()?;
            let shown = preview(&displayed(&picture, &PictureOptions::default())?)?;
            Some(shown.address.to_string())
        });
        let address = address.clone();
        Shown { path: name, address, role, people: None, metric: None, chosen: [false; 2] }
    }
}
