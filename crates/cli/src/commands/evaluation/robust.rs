//! Natural, empirical and certified scores on the same triplets.
//!
//! Answers count against the majority of people; triplets without one are left out, and ties of a metric are wrong.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use lookalike::judge::dataset::{Judgement, Protocol};
use lookalike::judge::statistics::wilson::wilson;
use lookalike::robust::attack::{Attack, Method, Norm};
use lookalike::robust::{Answered, Robustness, Threat};
use lookalike::{Comparison, Picture, decode};
use rayon::prelude::*;

use super::judged_set::JudgedSet;
use super::record::{EstimateRecord, RobustRecord, ThreatRecord};
use crate::args::GlobalArgs;
use crate::log::{Log, on_interrupt};

#[derive(Debug, Args)]
#[command(next_help_heading = "Under attack (triplets only)")]
pub(super) struct RobustArgs {
    /// Also score answers under attacks of these lengths, and those that are proved to stay right, such as
    /// l2:36/255,72/255 or linf:0.01; may be repeated
    #[arg(long, value_name = "NORM:E,…")]
    robust: Vec<String>,

    /// The attack on the reference; a metric without derivatives is attacked by square
    #[arg(long, value_enum, default_value = "apgd")]
    attack: AttackName,

    /// Steps of the attack
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    attack_steps: u32,

    /// Random starts of the attack
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    attack_restarts: u32,

    /// Values that square asks for
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    attack_queries: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AttackName {
    Apgd,
    Mim,
    Pgd,
    Fgsm,
    Square,
    ApgdSquare,
}

impl AttackName {
    fn method(self) -> Method {
        match self {
            Self::Apgd => Method::Apgd,
            Self::Mim => Method::Mim,
            Self::Pgd => Method::Pgd,
            Self::Fgsm => Method::Fgsm,
            Self::Square => Method::Square,
            Self::ApgdSquare => Method::ApgdSquare,
        }
    }
}

/// A triplet with a majority.
struct Question {
    pictures: [std::path::PathBuf; 3],
    right: bool,
}

impl RobustArgs {
    /// What is asked for; nothing without `--robust`.
    pub(super) fn threats(&self) -> anyhow::Result<Vec<Threat>> {
        let lists = self.robust.iter().map(|text| Threat::parse_list(text));
        Ok(lists.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Refuses judgements of other kinds.
    pub(super) fn check(threats: &[Threat], set: &JudgedSet) -> anyhow::Result<()> {
        if !threats.is_empty() && set.layout.protocol() != Protocol::TwoAlternative {
            bail!("--robust is about triplets, found {}", set.layout.as_str());
        }
        Ok(())
    }

    /// The scores of every metric, in their order, on those judgements of a set that all could compare.
    pub(super) fn scores(
        &self,
        threats: &[Threat],
        comparison: &Comparison,
        set: &JudgedSet,
        positions: &[usize],
        global: &GlobalArgs,
    ) -> anyhow::Result<Vec<RobustRecord>> {
        let positions: HashSet<usize> = positions.iter().copied().collect();
        let mut questions = Vec::new();
        for (position, item) in set.items()?.enumerate() {
            if let Judgement::Triplet { reference, left, right, right_share } = item?.judgement
                && positions.contains(&position)
                && right_share != 0.5
            {
                let pictures = [reference, left, right];
                questions.push(Question { pictures, right: right_share > 0.5 });
            }
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(global.jobs).build();
        let pool = pool.context("cannot start threads")?;
        let log = Log::new(questions.len() * comparison.metrics.len(), global);
        let cancelled = on_interrupt();
        let mut found = Vec::new();
        for choice in &comparison.metrics {
            let metric = choice.metric();
            let attack = Attack {
                method: self.attack.method(),
                norm: Norm::L2,
                eps: 1.0,
                steps: self.attack_steps as usize,
                restarts: self.attack_restarts as usize,
                queries: self.attack_queries as usize,
                seed: global.seed,
            };
            let robustness = Robustness::new(metric, attack)?;
            let one = |question: &Question| -> anyhow::Result<Answered> {
                if cancelled.load(Ordering::Relaxed) {
                    bail!("cancelled under attack; scores of a part would not be comparable");
                }
                let read = |path: &std::path::PathBuf| -> anyhow::Result<Picture> {
                    Ok(decode::read(path, &comparison.decode)?)
                };
                let [reference, left, right] = question.pictures.each_ref().map(read);
                let pictures = [&reference?, &left?, &right?];
                let answered = robustness.answer(pictures, question.right, threats);
                log.bar.inc(1);
                answered.with_context(|| question.pictures[0].display().to_string())
            };
            let answers: Vec<Answered> = pool
                .install(|| questions.par_iter().map(one).collect::<anyhow::Result<_>>())
                .with_context(|| metric.id().to_string())?;
            found.push(record(&robustness, threats, &answers));
        }
        log.bar.finish_and_clear();
        Ok(found)
    }
}

fn share(yes: usize, count: usize) -> EstimateRecord {
    let score = if count == 0 { 0.0 } else { yes as f64 / count as f64 };
    let ci = wilson(yes, count).map(|interval| [interval.low, interval.high]);
    EstimateRecord { score, ci }
}

fn record(robustness: &Robustness<'_>, threats: &[Threat], answers: &[Answered]) -> RobustRecord {
    let n = answers.len();
    let natural = answers.iter().filter(|answer| answer.natural).count();
    let of_threat = |(at, threat): (usize, &Threat)| {
        let all = || answers.iter().map(|answer| answer.withstood[at]);
        let certified = all().filter(|found| found.certified == Some(true)).count();
        let empirical = share(all().filter(|found| found.attacked).count(), n);
        let certified = robustness.is_certified().then(|| share(certified, n));
        ThreatRecord {
            threat: threat.text.clone(),
            attack: robustness.attack().method.as_str(),
            empirical: empirical.score,
            empirical_ci: empirical.ci,
            certified: certified.map(|share| share.score),
            certified_ci: certified.and_then(|share| share.ci),
        }
    };
    let natural = share(natural, n);
    RobustRecord {
        majority_n: n,
        natural_majority: natural.score,
        natural_majority_ci: natural.ci,
        robust: threats.iter().enumerate().map(of_threat).collect(),
    }
}
