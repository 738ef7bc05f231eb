//! All closed-form metrics by id.

use lookalike_core::{Error, Metric, MetricCard, MetricId, PictureOptions, Preprocessed, Result};

/// A metric that can be made: its card, and how.
#[derive(Clone, Copy)]
pub struct Definition {
    /// What is known about it.
    pub card: &'static MetricCard,
    /// Makes it; the id is full and its options are among those the card lists.
    pub(crate) build: fn(MetricId, &'static MetricCard) -> Result<Box<dyn Metric>>,
}

/// Every definition, in the order in which they are listed.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    const FAMILIES: &[&[Definition]] = &[
        crate::pixel_error::DEFINITIONS,
        crate::psnr_hvs::DEFINITIONS,
        crate::ssim::DEFINITIONS,
        crate::ms_ssim::DEFINITIONS,
        crate::mix::DEFINITIONS,
        crate::iw_ssim::DEFINITIONS,
        crate::cw_ssim::DEFINITIONS,
        crate::uqi::DEFINITIONS,
        crate::gmsd::DEFINITIONS,
        crate::ms_gmsd::DEFINITIONS,
        crate::mdsi::DEFINITIONS,
        crate::vifp::DEFINITIONS,
        crate::fsim::DEFINITIONS,
        crate::vsi::DEFINITIONS,
        crate::haarpsi::DEFINITIONS,
        crate::nlpd::DEFINITIONS,
        crate::ciede2000::DEFINITIONS,
        crate::flip::DEFINITIONS,
        #[cfg(feature = "ssimulacra2")]
        crate::ssimulacra2::DEFINITIONS,
        #[cfg(feature = "butteraugli")]
        crate::butteraugli::DEFINITIONS,
        #[cfg(feature = "zensim")]
        crate::zensim::DEFINITIONS,
    ];
    FAMILIES.iter().copied().flatten()
}

/// The definition an id stands for: the one with exactly this name or, when no profile is given,
/// the default profile of its family and variant.
pub fn find(id: &MetricId) -> Option<&'static Definition> {
    let name = id.without_options();
    let text = name.to_string();
    definitions().find(|definition| definition.card.id == text).or_else(|| {
        definitions().find(|definition| {
            definition.card.default_profile
                && name.profile().is_none()
                && definition.card.id.split('@').next() == Some(text.as_str())
        })
    })
}

/// A metric by its id, such as `ssim`, `ssim:y@wang` or `psnr:y@studio+shave=4`.
///
/// ```
/// let metric = lookalike_metrics::metric("ssim")?;
/// assert_eq!(metric.id().to_string(), "ssim@wang");
/// # Ok::<(), lookalike_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidId`], [`Error::UnknownMetric`], [`Error::InvalidOption`].
pub fn metric(id: &str) -> Result<Box<dyn Metric>> {
    let id: MetricId = id.parse()?;
    let Some(definition) = find(&id) else {
        return Err(Error::UnknownMetric { hint: hint(&id), id: id.to_string() });
    };
    let card = definition.card;
    let mut full: MetricId = card.id.parse()?;
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
    Preprocessed::wrap((definition.build)(full, card)?, &id)
}

fn takes(card: &MetricCard) -> String {
    let own = card.options.iter().map(|(name, _)| *name);
    own.chain(PictureOptions::NAMES).collect::<Vec<_>>().join(", ")
}

fn hint(id: &MetricId) -> String {
    let related: Vec<&str> = definitions()
        .map(|definition| definition.card.id)
        .filter(|known| known.split([':', '@']).next() == Some(id.family()))
        .collect();
    if !related.is_empty() {
        return format!("; the family has {}", related.join(", "));
    }
    let families = definitions().filter_map(|d| d.card.id.split([':', '@']).next());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for definition in definitions() {
            let id: MetricId = definition.card.id.parse().unwrap();
            assert_eq!(id.to_string(), definition.card.id);
            assert!(seen.insert(definition.card.id), "{} is listed twice", definition.card.id);
        }
    }

    #[test]
    fn every_family_has_exactly_one_default() {
        let families: std::collections::BTreeSet<String> =
            definitions().map(|d| d.card.id.split(['@', ':']).next().unwrap().to_owned()).collect();
        for family in families {
            let defaults = definitions()
                .filter(|d| d.card.default_profile)
                .filter(|d| d.card.id.split('@').next() == Some(&family))
                .count();
            assert_eq!(defaults, 1, "family {family}");
            assert!(metric(&family).is_ok(), "{family}");
        }
    }

    #[test]
    fn a_reference_prepared_behind_options_gives_the_same_bits() {
        use crate::test_pictures::{noisy, textured};
        use lookalike_core::{Channels, Want};
        let reference = textured(40, 36, Channels::Rgb, 1);
        let metric = metric("ssim+shave=3+grey").unwrap();
        let prepared = metric.prepare(&reference).unwrap();
        for amplitude in [5.0, 25.0] {
            let candidate = noisy(&reference, amplitude, 2);
            let want = Want { map: true };
            let anew = metric.compare(&reference, &candidate, want).unwrap();
            assert_eq!(prepared.compare(&candidate, want).unwrap(), anew);
            assert_eq!(anew.map.map(|map| (map.left, map.top)), Some((8, 8)));
        }
        assert!(metric.prepare(&textured(16, 16, Channels::Rgb, 1)).is_err(), "10 pixels are left");
    }

    #[test]
    fn unknown_names_get_advice() {
        let message = |id: &str| metric(id).err().unwrap().to_string();
        assert!(message("sssim").contains("did you mean 'ssim'"), "{}", message("sssim"));
        assert!(message("psnr@nobody").contains("psnr:y@studio"), "{}", message("psnr@nobody"));
        assert!(message("psnr+ppd=3").contains("no option 'ppd'"), "{}", message("psnr+ppd=3"));
    }
}
