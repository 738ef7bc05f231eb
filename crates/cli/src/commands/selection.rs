//! Which metrics and gates the arguments of `lookalike compare` ask for, and how pictures are read.

use std::collections::BTreeSet;

use anyhow::bail;
use lookalike::decode::DecodeOptions;
use lookalike::{
    AlphaPolicy, Choice, Comparison, FitPolicy, Gate, GateSyntax, Metric, MetricId, PictureOptions,
};

use crate::args::{Alpha, CompareArgs, Fit, Format, GlobalArgs, ValueArgs};

/// The gates, their ids completed by the options that change values.
pub(crate) fn gates(args: &CompareArgs) -> anyhow::Result<Vec<Gate>> {
    let mut gates = Vec::new();
    for rule in &args.gates {
        let mut syntax = GateSyntax::parse(rule)?;
        syntax.metric = with_options(&syntax.metric, &args.value)?;
        gates.push(Gate::new(&syntax)?);
    }
    Ok(gates)
}

/// How the arguments ask pictures to be compared.
pub(crate) fn comparison(
    args: &CompareArgs,
    global: &GlobalArgs,
    gates: &[Gate],
) -> anyhow::Result<Comparison> {
    let mut metrics: Vec<Choice> = Vec::new();
    if args.metrics.is_empty() {
        let gated = |metric: &dyn Metric| gates.iter().any(|gate| gate.id() == metric.id());
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
    for text in &args.metrics {
        metrics.push(Choice::fixed(configured(&text.trim().parse()?, &args.value)?));
    }
    check_options_are_used(&args.value, &metrics, gates)?;
    for gate in gates {
        if !metrics.iter().any(|choice| choice.metric().id() == gate.id()) {
            metrics.push(Choice::fixed(lookalike::metric(&gate.id().to_string())?));
        }
    }
    let mut seen = BTreeSet::new();
    metrics.retain(|choice| seen.insert(choice.metric().id().clone()));
    Ok(Comparison {
        metrics,
        decode: decode_options(args),
        fit: fit_policy(args.fit),
        maps: args.map.is_some() || args.writes(Format::Html, global),
        jobs: global.jobs,
    })
}

/// How the arguments ask pictures to be read.
pub(crate) fn decode_options(args: &CompareArgs) -> DecodeOptions {
    let alpha = match args.alpha {
        Alpha::Error => AlphaPolicy::Error,
        Alpha::White => AlphaPolicy::White,
        Alpha::Black => AlphaPolicy::Black,
        Alpha::Ignore => AlphaPolicy::Ignore,
    };
    DecodeOptions { alpha, max_pixels: args.max_pixels }
}

/// How the arguments ask pictures of different size to be treated.
pub(crate) fn fit_policy(fit: Fit) -> FitPolicy {
    match fit {
        Fit::Error => FitPolicy::Error,
        Fit::Resize => FitPolicy::Resize,
        Fit::Crop => FitPolicy::Crop,
        Fit::Pad => FitPolicy::Pad,
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
    gates: &[Gate],
) -> anyhow::Result<()> {
    for (name, _) in given_options(value) {
        let ids = metrics.iter().map(|choice| choice.metric().id());
        if !ids.chain(gates.iter().map(Gate::id)).any(|id| id.option(name).is_some()) {
            bail!("--{name} was given, but none of the metrics takes it");
        }
    }
    Ok(())
}
