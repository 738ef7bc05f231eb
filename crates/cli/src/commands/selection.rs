//! Which metrics, limits and masks the arguments of `lookalike compare` ask for, and how pictures are read.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::bail;
use lookalike::decode::DecodeOptions;
use lookalike::{
    AlphaPolicy, Choice, Comparison, FitPolicy, Gate, GateSyntax, GatesFile, Limit, Limits, Mask,
    Metric, MetricId, PictureOptions,
};

use crate::args::{Alpha, CompareArgs, Fit, Format, GlobalArgs, ValueArgs};

/// The limits and masks of the command line and of the configuration file. The ids of gates are
/// completed by the options that change values.
pub(crate) fn limits(args: &CompareArgs, file: Option<&GatesFile>) -> anyhow::Result<Limits> {
    let gate = |syntax: &GateSyntax| {
        let metric = with_options(&syntax.metric, &args.value)?;
        anyhow::Ok(Gate::new(&GateSyntax { metric, ..syntax.clone() })?)
    };
    let mut limits = Limits::default();
    for rule in &args.gates {
        limits.require(Limit::Gate(gate(&GateSyntax::parse(rule)?)?));
    }
    for mask in &args.masks {
        limits.mask(Mask::parse(mask, Path::new(""))?);
    }
    if let Some(file) = file {
        for rule in &file.rules {
            let gates = rule.gates.iter().map(gate).collect::<anyhow::Result<_>>()?;
            limits.add_rule(&rule.files, gates, rule.masks.clone())?;
        }
        if file.equal_sizes {
            if fit_policy(args, Some(file)) == FitPolicy::Error {
                bail!(
                    "sizes = \"equal\" fails pairs of different size and compares them all the \
                     same, so it needs --fit crop, pad or resize, or fit = \"pad\" in the file"
                );
            }
            limits.require(Limit::EqualSizes);
        }
    }
    if args.update && limits.all().iter().all(|limit| limit.gate().is_none()) {
        limits.require(Limit::EqualPixels);
    }
    Ok(limits)
}

/// How the arguments ask pictures to be compared.
pub(crate) fn comparison(
    args: &CompareArgs,
    global: &GlobalArgs,
    file: Option<&GatesFile>,
    limits: Limits,
) -> anyhow::Result<Comparison> {
    let everywhere: Vec<&Gate> = limits.gates_for_every_pair().collect();
    let all: Vec<&Gate> = limits.all().iter().filter_map(Limit::gate).collect();
    let mut metrics: Vec<Choice> = Vec::new();
    let named = match file.and_then(|file| file.metrics.as_deref()) {
        Some(ids) if args.metrics.is_empty() => ids,
        _ => &args.metrics,
    };
    if named.is_empty() {
        let gated = |metric: &dyn Metric| everywhere.iter().any(|gate| gate.id() == metric.id());
        for choice in lookalike::default_metrics()? {
            let metric = configured(choice.metric().id(), &args.value)?;
            metrics.push(match choice.small() {
                None => Choice::fixed(metric),
                // A gate names one metric, so its metric must not change with the size.
                Some(_) if gated(metric.as_ref()) => Choice::fixed(metric),
                Some((side, small)) => {
                    let small = configured(small.id(), &args.value)?;
                    if gated(small.as_ref()) {
                        Choice::fixed(small)
                    } else {
                        Choice::by_size(metric, side, small)
                    }
                }
            });
        }
    }
    for text in named {
        metrics.push(Choice::fixed(configured(&text.trim().parse()?, &args.value)?));
    }
    check_options_are_used(&args.value, &metrics, &all)?;
    let mut seen = BTreeSet::new();
    metrics.retain(|choice| seen.insert(choice.metric().id().clone()));
    for gate in all {
        // A metric that turns into another at some size is not always there.
        let always =
            |choice: &Choice| choice.small().is_none() && choice.metric().id() == gate.id();
        if !metrics.iter().any(always) {
            metrics.push(Choice::for_gates(lookalike::metric(&gate.id().to_string())?));
        }
    }
    Ok(Comparison {
        metrics,
        decode: decode_options(args, file),
        fit: fit_policy(args, file),
        maps: args.map.is_some() || args.writes(Format::Html, global),
        limits,
        jobs: global.jobs,
    })
}

/// How pictures are read: as the arguments say, else as the configuration file says.
pub(crate) fn decode_options(args: &CompareArgs, file: Option<&GatesFile>) -> DecodeOptions {
    let alpha = match args.alpha {
        None => file.and_then(|file| file.alpha).unwrap_or_default(),
        Some(alpha) => alpha.into(),
    };
    DecodeOptions { alpha, max_pixels: args.max_pixels, shorter_side: None }
}

/// How pictures of different size are treated: as the arguments say, else as the file says.
pub(crate) fn fit_policy(args: &CompareArgs, file: Option<&GatesFile>) -> FitPolicy {
    match args.fit {
        None => file.and_then(|file| file.fit).unwrap_or_default(),
        Some(fit) => fit.into(),
    }
}

impl From<Alpha> for AlphaPolicy {
    fn from(alpha: Alpha) -> Self {
        match alpha {
            Alpha::Error => Self::Error,
            Alpha::White => Self::White,
            Alpha::Black => Self::Black,
            Alpha::Ignore => Self::Ignore,
        }
    }
}

impl From<Fit> for FitPolicy {
    fn from(fit: Fit) -> Self {
        match fit {
            Fit::Error => Self::Error,
            Fit::Resize => Self::Resize,
            Fit::Crop => Self::Crop,
            Fit::Pad => Self::Pad,
        }
    }
}

fn configured(id: &MetricId, value: &ValueArgs) -> anyhow::Result<Box<dyn Metric>> {
    Ok(lookalike::metric(&with_options(id, value)?.to_string())?)
}

/// The id with the options of the command line that its metric knows. What the id says itself wins.
pub(crate) fn with_options(id: &MetricId, value: &ValueArgs) -> anyhow::Result<MetricId> {
    let known = lookalike::find(id).map_or(&[][..], |definition| definition.card.options);
    let mut full = id.clone();
    for (name, text) in given_options(value) {
        let applies = PictureOptions::NAMES.contains(&name)
            || known.iter().any(|(option, _)| *option == name);
        if applies && id.option(name).is_none() {
            full = full.with_option(name, &text)?;
        }
    }
    Ok(full)
}

fn given_options(value: &ValueArgs) -> Vec<(&'static str, String)> {
    let mut given = Vec::new();
    given.extend(value.window.map(|n| ("window", n.to_string())));
    given.extend(value.shave.map(|n| ("shave", n.to_string())));
    given.extend(value.ppd.map(|x| ("ppd", x.to_string())));
    given.extend(value.range.map(|x| ("range", x.to_string())));
    given.extend(value.grey.then(|| ("grey", String::new())));
    given.extend(value.tonemap.clone().map(|name| ("tonemap", name)));
    given
}

/// An option that no metric takes would silently change nothing.
fn check_options_are_used(
    value: &ValueArgs,
    metrics: &[Choice],
    gates: &[&Gate],
) -> anyhow::Result<()> {
    for (name, _) in given_options(value) {
        let ids = metrics.iter().map(|choice| choice.metric().id());
        if !ids.chain(gates.iter().map(|gate| gate.id())).any(|id| id.option(name).is_some()) {
            bail!("--{name} was given, but none of the metrics takes it");
        }
    }
    Ok(())
}
