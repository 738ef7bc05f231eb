//! All closed-form metrics by id.

pub use lookalike_core::Definition;
use lookalike_core::{Metric, MetricId, Result, find_among, metric_among};

/// Every definition, in the order in which they are listed.
pub fn definitions() -> impl Iterator<Item = &'static Definition> + Clone {
    const FAMILIES: &[&[Definition]] = &[
        crate::pixel_error::DEFINITIONS,
        crate::pixel_cosine::DEFINITIONS,
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

/// The definition an id stands for, as [`find_among`] all of them.
pub fn find(id: &MetricId) -> Option<&'static Definition> {
    find_among(definitions(), id)
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
/// As [`metric_among`].
pub fn metric(id: &str) -> Result<Box<dyn Metric>> {
    metric_among(definitions(), id)
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
