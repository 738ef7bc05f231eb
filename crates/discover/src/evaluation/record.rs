//! What an evaluation reports, in the shape of its JSON: `lookalike.evaluate/1`.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::audit::{self, AuditedHits};
use super::leave_one_out::{LeftOut, leave_one_out};
use super::report::{
    Estimate, ModelComparison, ModelReport, Ranked, comparisons, identification_against_discovery,
    model_report,
};
use super::rounds::{self, Round};
use super::task::Task;
use super::uncertainty::Sampling;
use super::{Benchmark, Dropped, Level, Rules, SeedMetric, SeedRanking};
use crate::candidates::{Candidate, file};

const SCHEMA: &str = "lookalike.evaluate/1";

/// How models are scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The published evaluator that is repeated.
    pub compat: Option<String>,
    /// The task of the VSD benchmark, which was checked.
    pub task: Option<Task>,
    /// How labels are read.
    pub rules: Rules,
    /// Lengths of lists, in ascending order.
    pub ks: Vec<usize>,
    /// How intervals and tests are drawn.
    pub sampling: Sampling,
    /// The share of a model's first results that must have labels for no further round to be worth it.
    pub coverage: f64,
}

impl Settings {
    /// How many results of every list must be kept.
    pub fn head(&self) -> usize {
        self.ks.last().copied().unwrap_or(1).max(10)
    }
}

/// An evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The name and version of this shape.
    pub schema: &'static str,
    /// The published evaluator that was repeated.
    pub compat: Option<String>,
    /// The task of the VSD benchmark, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<&'static str>,
    /// `product` or `image`: what counts as an answer.
    pub level: &'static str,
    /// The least grade that is similar.
    pub threshold: u8,
    /// Lengths of lists.
    pub k: Vec<usize>,
    /// Images.
    pub images: usize,
    /// Images that can be found.
    pub gallery: usize,
    /// Products.
    pub products: usize,
    /// Seeds.
    pub seeds: usize,
    /// Labels.
    pub labels: LabelsRecord,
    /// Scores of each model.
    pub models: Vec<ModelRecord>,
    /// Comparisons of all pairs of models.
    pub comparisons: Vec<ComparisonRecord>,
    /// What generators gain from having chosen the candidates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leave_one_out: Vec<LeftOutRecord>,
    /// Hit ratios of the greatest k, estimated from results that were drawn at random and labelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audits: Vec<AuditRecord>,
    /// Whether another round of labelling is worth it, for every model.
    pub rounds: Vec<RoundRecord>,
    /// Spearman's correlation over models; null below three.
    pub identification_against_discovery: Option<f64>,
    /// Rules that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateRecord>,
}

/// How many labels there are, and what became of the others.
#[derive(Clone, Debug, Serialize)]
pub struct LabelsRecord {
    /// Labels that count.
    pub all: usize,
    /// Those of them that say similar.
    pub similar: usize,
    /// Labels of a seed that is not among the images.
    pub unknown_seed: usize,
    /// Labels of a candidate that is not in the gallery.
    pub unknown_candidate: usize,
    /// Labels that were given more than once.
    pub repeated: usize,
    /// Labels that contradict another.
    pub contradictory: usize,
    /// Labels of the seed's own product.
    pub own_product: usize,
}

/// All scores of a model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelRecord {
    /// The model.
    pub id: String,
    /// Scores of discovery.
    pub metrics: Scores,
    /// Scores of identification, for contrast.
    pub identification: Scores,
    /// By category of the seed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, CategoryRecord>,
}

/// Scores by name, in order.
#[derive(Clone, Debug)]
pub struct Scores(
    /// Name and score.
    pub Vec<(String, ScoreRecord)>,
);

/// A score with what says how far it can be trusted.
#[derive(Clone, Debug, Serialize)]
pub struct ScoreRecord {
    /// The score.
    pub value: f64,
    /// Where it lies in 95 of 100 samples of seeds.
    pub ci: Option<[f64; 2]>,
    /// The best that the labels allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<f64>,
    /// What it would be if nothing unlabelled were an answer, and if all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f64; 2]>,
    /// Seeds.
    pub seeds: usize,
}

/// The seeds of a category.
#[derive(Clone, Debug, Serialize)]
pub struct CategoryRecord {
    /// Seeds.
    pub seeds: usize,
    /// `hr@k` of the greatest k.
    pub hr: Option<f64>,
    /// Its coverage.
    pub coverage: Option<f64>,
}

/// Two models by one score.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonRecord {
    /// The one model.
    pub a: String,
    /// The other.
    pub b: String,
    /// The score that is compared.
    pub metric: String,
    /// By how much the first exceeds the second.
    pub difference: f64,
    /// Two-sided, by signs of the seeds' differences.
    pub p: f64,
    /// The same adjusted for all comparisons of this score.
    pub p_holm: f64,
}

/// A generator without the pairs that it alone proposed.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOutRecord {
    /// The model.
    pub model: String,
    /// Labelled pairs that it alone proposed.
    pub pairs: usize,
    /// `hr@k` with all labels.
    pub with: Option<f64>,
    /// `hr@k` without those pairs.
    pub without: Option<f64>,
    /// Kendall's correlation of the models' scores with and without those pairs.
    pub order: Option<f64>,
}

/// A hit ratio estimated from results that were drawn and labelled.
#[derive(Clone, Debug, Serialize)]
pub struct AuditRecord {
    /// The model.
    pub model: String,
    /// The score.
    pub value: f64,
    /// The standard error that drawing leaves.
    pub error: f64,
    /// Seeds.
    pub seeds: usize,
    /// Seeds for which too little was drawn.
    pub left_out: usize,
}

/// Whether another round of labelling is worth it for a model.
#[derive(Clone, Debug, Serialize)]
pub struct RoundRecord {
    /// The model.
    pub model: String,
    /// The greatest length of lists.
    pub k: usize,
    /// The share of its first k results that has labels.
    pub coverage: f64,
    /// The share that is enough.
    pub target: f64,
    /// Results among the first k that have no label.
    pub unlabelled: usize,
    /// Whether another round is worth it.
    pub another: bool,
}

/// What became of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct GateRecord {
    /// The rule.
    pub rule: String,
    /// Models that were held to it.
    pub checked: usize,
    /// How many of them failed it.
    pub failed: usize,
    /// Those that failed.
    pub failures: Vec<String>,
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

    /// A score by its name.
    pub fn get(&self, name: &str) -> Option<&ScoreRecord> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, score)| score)
    }
}

impl ModelRecord {
    /// A score of discovery or identification.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).or_else(|| self.identification.get(name)).map(|one| one.value)
    }

    /// The names of all scores.
    pub fn names(&self) -> Vec<&str> {
        self.metrics.0.iter().chain(&self.identification.0).map(|one| one.0.as_str()).collect()
    }
}

impl Report {
    /// Scores and compares models that have ranked the gallery of a benchmark. `candidates` say who proposed
    /// which pair, so that generators can be scored without their own.
    ///
    /// # Errors
    /// [`Error::Statistics`](crate::Error::Statistics) for scores that are not numbers.
    pub fn new(
        benchmark: &Benchmark,
        ranked: &[Ranked],
        settings: &Settings,
        candidates: Option<&[Candidate]>,
    ) -> crate::Result<Self> {
        let Settings { compat, task, rules, ks, sampling, coverage: target } = settings;
        let (rules, sampling) = (*rules, *sampling);
        let greatest = ks.last().copied().unwrap_or(1);
        let mut generators = Vec::new();
        let mut audits = Vec::new();
        if let Some(candidates) = candidates {
            let proposals = file::proposals(candidates, benchmark);
            let all: Vec<(&str, &[SeedRanking])> =
                ranked.iter().map(|one| (one.id.as_str(), one.rankings.as_slice())).collect();
            generators = leave_one_out(&all, &proposals, SeedMetric::Hits(greatest), rules);
            for one in ranked {
                let drawn = file::audited(candidates, benchmark, &one.id);
                let rankings = &one.rankings;
                let found = audit::estimate_apart(benchmark, rankings, rules, greatest, &drawn);
                audits.extend(found.map(|found| audited(&one.id, &found)));
            }
        }
        let models: Vec<ModelReport> =
            ranked.iter().map(|one| model_report(benchmark, one, rules, ks, sampling)).collect();
        let compared = comparisons(ranked, rules, ks, sampling)?;
        let rounds = ranked.iter().filter_map(|one| {
            let found = rounds::round(benchmark, &one.rankings, rules, greatest, *target)?;
            let Round { coverage, unlabelled, another } = found;
            let (model, k, target) = (one.id.clone(), greatest, *target);
            Some(RoundRecord { model, k, coverage, target, unlabelled, another })
        });
        let (all, similar) = benchmark.label_counts(rules.threshold);
        let Dropped { unknown_seed, unknown_candidate, repeated, contradictory, own_product } =
            benchmark.dropped;
        let ids: Vec<String> = ranked.iter().map(|model| model.id.clone()).collect();
        Ok(Self {
            schema: SCHEMA,
            compat: compat.clone(),
            task: task.map(Task::name),
            level: match rules.level {
                Level::Image => "image",
                Level::Product => "product",
            },
            threshold: rules.threshold,
            k: ks.clone(),
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
            comparisons: compared.iter().map(|one| comparison(&ids, one)).collect(),
            leave_one_out: generators.iter().map(left_out).collect(),
            audits,
            rounds: rounds.collect(),
            identification_against_discovery: ks
                .first()
                .and_then(|&k| identification_against_discovery(&models, k)),
            models: models.into_iter().map(model).collect(),
            gates: Vec::new(),
        })
    }
}

fn comparison(ids: &[String], one: &ModelComparison) -> ComparisonRecord {
    ComparisonRecord {
        a: ids[one.models[0]].clone(),
        b: ids[one.models[1]].clone(),
        metric: one.metric.clone(),
        difference: one.difference,
        p: one.p,
        p_holm: one.p_holm,
    }
}

fn left_out(one: &LeftOut) -> LeftOutRecord {
    LeftOutRecord {
        model: one.model.clone(),
        pairs: one.pairs,
        with: one.with,
        without: one.without,
        order: one.order,
    }
}

fn audited(model: &str, one: &AuditedHits) -> AuditRecord {
    AuditRecord {
        model: model.to_owned(),
        value: one.value,
        error: one.error,
        seeds: one.seeds,
        left_out: one.left_out,
    }
}

fn model(one: ModelReport) -> ModelRecord {
    let category = |(name, (seeds, shares)): (String, (usize, [Option<f64>; 2]))| {
        let [hr, coverage] = shares;
        (name, CategoryRecord { seeds, hr, coverage })
    };
    ModelRecord {
        id: one.id,
        metrics: Scores::new(one.metrics),
        identification: Scores::new(one.identification),
        categories: one.categories.into_iter().map(category).collect(),
    }
}
