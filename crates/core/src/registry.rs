//! Metrics by id: how a list of definitions answers a name.

use crate::{Error, Metric, MetricCard, MetricId, PictureOptions, Preprocessed, Result};

/// A metric that can be made: its card, and how.
#[derive(Clone, Copy)]
pub struct Definition {
    /// What is known about it.
    pub card: &'static MetricCard,
    /// Makes it; the id is full and its options are among those the card lists.
    pub build: fn(MetricId, &'static MetricCard) -> Result<Box<dyn Metric>>,
}

/// In the id of a card, the profile that stands for the path of any file: `lpips:alex@FILE`.
const ANY_FILE: &str = "FILE";

/// Whether a profile names a file: it has a separator of folders, or ends as files of weights do.
fn is_path(profile: &str) -> bool {
    let ends = |ending: &str| profile.ends_with(ending);
    profile.contains(['/', '\\']) || [".safetensors", ".pth", ".pt"].into_iter().any(ends)
}

/// The definition an id stands for: the one with exactly this name; when the profile is a path, the one
/// whose profile is `FILE`; when no profile is given, the default profile of its family and variant; when no variant is given either and all members of the
/// family have one, the default profile of the first.
pub fn find_among(
    definitions: impl Iterator<Item = &'static Definition> + Clone,
    id: &MetricId,
) -> Option<&'static Definition> {
    let name = id.without_options();
    let text = name.to_string();
    let mut defaults = definitions.clone().filter(|definition| definition.card.default_profile);
    let named = definitions.clone().find(|definition| definition.card.id == text);
    let of_file = || {
        id.profile().filter(|profile| is_path(profile))?;
        let before = text.split('@').next()?;
        let wanted = format!("{before}@{ANY_FILE}");
        definitions.clone().find(|definition| definition.card.id == wanted)
    };
    named
        .or_else(of_file)
        .or_else(|| {
            let mut defaults = defaults.clone().filter(|_| name.profile().is_none());
            defaults.find(|definition| definition.card.id.split('@').next() == Some(text.as_str()))
        })
        .or_else(|| {
            let family =
                |card: &MetricCard| card.id.split([':', '@']).next() == Some(text.as_str());
            defaults.find(|definition| family(definition.card))
        })
}

/// The metric of an id among definitions.
///
/// # Errors
/// [`Error::InvalidId`], [`Error::UnknownMetric`], [`Error::InvalidOption`], and what making the metric
/// gives.
pub fn metric_among(
    definitions: impl Iterator<Item = &'static Definition> + Clone,
    id: &str,
) -> Result<Box<dyn Metric>> {
    metric_made_by(definitions, id, |definition, id| (definition.build)(id, definition.card))
}

/// The full id and the card of a metric, checked like [`metric_among`] but without the weights of
/// learned metrics.
///
/// # Errors
/// As [`metric_among`], those of weights excepted.
pub fn look_up_among(
    definitions: impl Iterator<Item = &'static Definition> + Clone,
    id: &str,
) -> Result<(MetricId, &'static MetricCard)> {
    let (definition, own, asked) = resolve(definitions, id)?;
    let card = definition.card;
    if card.weights.is_empty() {
        // What the values of options may be is known to the metric alone.
        let metric = Preprocessed::wrap((definition.build)(own, card)?, &asked)?;
        return Ok((metric.id().clone(), card));
    }
    PictureOptions::of(&asked)?;
    let options = asked.options().iter();
    let full = options.filter(|(name, _)| PictureOptions::NAMES.contains(&name.as_str()));
    let full = full.into_iter().try_fold(own, |id, (name, value)| id.with_option(name, value))?;
    Ok((full, card))
}

/// As [`metric_among`], with another way to make a metric of its definition and full id.
///
/// # Errors
/// As [`metric_among`].
pub fn metric_made_by(
    definitions: impl Iterator<Item = &'static Definition> + Clone,
    id: &str,
    make: impl FnOnce(&'static Definition, MetricId) -> Result<Box<dyn Metric>>,
) -> Result<Box<dyn Metric>> {
    let (definition, own, asked) = resolve(definitions, id)?;
    Preprocessed::wrap(make(definition, own)?, &asked)
}

/// The definition of an id, its full id with the options of the metric, and the id as asked for.
fn resolve(
    definitions: impl Iterator<Item = &'static Definition> + Clone,
    id: &str,
) -> Result<(&'static Definition, MetricId, MetricId)> {
    let id: MetricId = id.parse()?;
    let Some(definition) = find_among(definitions.clone(), &id) else {
        return Err(Error::UnknownMetric { hint: hint(definitions, &id), id: id.to_string() });
    };
    let card = definition.card;
    let mut full: MetricId = card.id.parse()?;
    if full.profile() == Some(ANY_FILE) {
        full = id.without_options();
    }
    for (name, value) in id.options() {
        if PictureOptions::NAMES.contains(&name.as_str()) {
            continue;
        }
        if !card.options.iter().any(|(known, _)| known == name) {
            let reason = format!("it has no option '{name}'; it takes {}", takes(card));
            return Err(Error::InvalidOption { id: card.id.to_owned(), reason });
        }
        full = full.with_option(name, value)?;
    }
    Ok((definition, full, id))
}

fn takes(card: &MetricCard) -> String {
    let own = card.options.iter().map(|(name, _)| *name);
    own.chain(PictureOptions::NAMES).collect::<Vec<_>>().join(", ")
}

fn hint(definitions: impl Iterator<Item = &'static Definition> + Clone, id: &MetricId) -> String {
    let related: Vec<&str> = definitions
        .clone()
        .map(|definition| definition.card.id)
        .filter(|known| known.split([':', '@']).next() == Some(id.family()))
        .collect();
    if !related.is_empty() {
        return format!("; the family has {}", related.join(", "));
    }
    let families = definitions.filter_map(|d| d.card.id.split([':', '@']).next());
    let near = families.map(|family| (edit_distance(family, id.family()), family)).min();
    match near {
        Some((distance, family)) if distance <= 2 => format!("; did you mean '{family}'?"),
        _ => String::new(),
    }
}

/// Levenshtein distance of two short words.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substitution = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
