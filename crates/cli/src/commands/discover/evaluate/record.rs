//! What `discover evaluate` reports, in the shape of its JSON: `lookalike.evaluate/1`.

use std::collections::BTreeMap;

use lookalike_discover::evaluation::audit::AuditedHits;
use lookalike_discover::evaluation::leave_one_out::LeftOut;
use lookalike_discover::evaluation::report::{Estimate, ModelComparison, ModelReport};
use lookalike_discover::evaluation::{Benchmark, Dropped, Level, Rules};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::gate::GateRecord;

const SCHEMA: &str = "lookalike.evaluate/1";

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct Report {
    pub(in crate::commands::discover) schema: &'static str,
    pub(in crate::commands::discover) compat: Option<String>,
    pub(in crate::commands::discover) level: &'static str,
    pub(in crate::commands::discover) threshold: u8,
    pub(in crate::commands::discover) k: Vec<usize>,
    pub(in crate::commands::discover) images: usize,
    pub(in crate::commands::discover) gallery: usize,
    pub(in crate::commands::discover) products: usize,
    pub(in crate::commands::discover) seeds: usize,
    pub(in crate::commands::discover) labels: LabelsRecord,
    pub(in crate::commands::discover) models: Vec<ModelRecord>,
    pub(in crate::commands::discover) comparisons: Vec<ComparisonRecord>,
    /// What generators gain from having chosen the candidates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::commands::discover) leave_one_out: Vec<LeftOutRecord>,
    /// Hit ratios of the greatest k, estimated from results that were drawn at random and labelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::commands::discover) audits: Vec<AuditRecord>,
    /// Spearman's correlation over models; null below three.
    pub(in crate::commands::discover) identification_against_discovery: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::commands::discover) gates: Vec<GateRecord>,
}

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct LabelsRecord {
    pub(in crate::commands::discover) all: usize,
    pub(in crate::commands::discover) similar: usize,
    pub(in crate::commands::discover) unknown_seed: usize,
    pub(in crate::commands::discover) unknown_candidate: usize,
    pub(in crate::commands::discover) repeated: usize,
    pub(in crate::commands::discover) contradictory: usize,
    pub(in crate::commands::discover) own_product: usize,
}

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct ModelRecord {
    pub(in crate::commands::discover) id: String,
    pub(in crate::commands::discover) metrics: Scores,
    pub(in crate::commands::discover) identification: Scores,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::commands::discover) categories: BTreeMap<String, CategoryRecord>,
}

/// Scores by name, in order.
#[derive(Debug)]
pub(in crate::commands::discover) struct Scores(
    pub(in crate::commands::discover) Vec<(String, ScoreRecord)>,
);

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct ScoreRecord {
    pub(in crate::commands::discover) value: f64,
    pub(in crate::commands::discover) ci: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::discover) ceiling: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::commands::discover) bounds: Option<[f64; 2]>,
    pub(in crate::commands::discover) seeds: usize,
}

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct CategoryRecord {
    pub(in crate::commands::discover) seeds: usize,
    pub(in crate::commands::discover) hr: Option<f64>,
    pub(in crate::commands::discover) coverage: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct ComparisonRecord {
    pub(in crate::commands::discover) a: String,
    pub(in crate::commands::discover) b: String,
    pub(in crate::commands::discover) metric: String,
    pub(in crate::commands::discover) difference: f64,
    pub(in crate::commands::discover) p: f64,
    pub(in crate::commands::discover) p_holm: f64,
}

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct LeftOutRecord {
    pub(in crate::commands::discover) model: String,
    /// Labelled pairs that it alone proposed.
    pub(in crate::commands::discover) pairs: usize,
    pub(in crate::commands::discover) with: Option<f64>,
    pub(in crate::commands::discover) without: Option<f64>,
    /// Kendall's correlation of the models' scores with and without those pairs.
    pub(in crate::commands::discover) order: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(in crate::commands::discover) struct AuditRecord {
    pub(in crate::commands::discover) model: String,
    pub(in crate::commands::discover) value: f64,
    /// The standard error that drawing leaves.
    pub(in crate::commands::discover) error: f64,
    pub(in crate::commands::discover) seeds: usize,
    pub(in crate::commands::discover) left_out: usize,
}

impl Serialize for Scores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, score) in &self.0 {
            map.serialize_entry(name, score)?;
        }
        map.end()
    }
}

impl Scores {
    fn new(estimates: Vec<(String, Estimate)>) -> Self {
        let record = |one: Estimate| ScoreRecord {
            value: one.value,
            ci: one.interval.map(|interval| [interval.low, interval.high]),
            ceiling: one.ceiling,
            bounds: one.bounds,
            seeds: one.seeds,
        };
        Self(estimates.into_iter().map(|(name, one)| (name, record(one))).collect())
    }

    pub(in crate::commands::discover) fn get(&self, name: &str) -> Option<&ScoreRecord> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, score)| score)
    }
}

impl ModelRecord {
    /// A score of discovery or identification.
    pub(super) fn score(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).or_else(|| self.identification.get(name)).map(|one| one.value)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.metrics.0.iter().chain(&self.identification.0).map(|one| one.0.as_str()).collect()
    }
}

impl Report {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        compat: Option<String>,
        rules: Rules,
        benchmark: &Benchmark,
        k: &[usize],
        models: Vec<ModelReport>,
        comparisons: &[ModelComparison],
        (generators, audits): (&[LeftOut], &[(String, AuditedHits)]),
        against: Option<f64>,
    ) -> Self {
        let (all, similar) = benchmark.label_counts(rules.threshold);
        let Dropped { unknown_seed, unknown_candidate, repeated, contradictory, own_product } =
            benchmark.dropped;
        let ids: Vec<String> = models.iter().map(|model| model.id.clone()).collect();
        let comparison = |one: &ModelComparison| ComparisonRecord {
            a: ids[one.models[0]].clone(),
            b: ids[one.models[1]].clone(),
            metric: one.metric.clone(),
            difference: one.difference,
            p: one.p,
            p_holm: one.p_holm,
        };
        let left_out = |one: &LeftOut| LeftOutRecord {
            model: one.model.clone(),
            pairs: one.pairs,
            with: one.with,
            without: one.without,
            order: one.order,
        };
        let model = |one: ModelReport| ModelRecord {
            id: one.id,
            metrics: Scores::new(one.metrics),
            identification: Scores::new(one.identification),
            categories: one
                .categories
                .into_iter()
                .map(|(name, (seeds, [hr, coverage]))| {
                    (name, CategoryRecord { seeds, hr, coverage })
                })
                .collect(),
        };
        Self {
            schema: SCHEMA,
            compat,
            level: match rules.level {
                Level::Image => "image",
                Level::Product => "product",
            },
            threshold: rules.threshold,
            k: k.to_vec(),
            images: benchmark.images.len(),
            gallery: benchmark.gallery.len(),
            products: benchmark.products.len(),
            seeds: benchmark.seeds.len(),
            labels: LabelsRecord {
                all,
                similar,
                unknown_seed,
                unknown_candidate,
                repeated,
                contradictory,
                own_product,
            },
            comparisons: comparisons.iter().map(comparison).collect(),
            leave_one_out: generators.iter().map(left_out).collect(),
            audits: audits
                .iter()
                .map(|(model, one)| AuditRecord {
                    model: model.clone(),
                    value: one.value,
                    error: one.error,
                    seeds: one.seeds,
                    left_out: one.left_out,
                })
                .collect(),
            identification_against_discovery: against,
            models: models.into_iter().map(model).collect(),
            gates: Vec::new(),
        }
    }
}
