//! All metrics of this build by id: the closed-form ones, then the learned ones.

use lookalike_core::{
    Definition, Metric, MetricCard, MetricId, Result, find_among, look_up_among, metric_among,
};

/// Every definition, in the order in which they are listed.
pub fn definitions() -> impl Iterator<Item = &'static Definition> + Clone {
    let closed_form = lookalike_metrics::definitions();
    #[cfg(feature = "deep")]
    return closed_form.chain(lookalike_deep::definitions());
    #[cfg(not(feature = "deep"))]
    closed_form
}

/// The listed definitions, and those of metrics with weights from a file (`lpips:alex@PATH`).
fn known() -> impl Iterator<Item = &'static Definition> + Clone {
    #[cfg(feature = "deep")]
    return definitions().chain(lookalike_deep::file_definitions());
    #[cfg(not(feature = "deep"))]
    definitions()
}

/// The definition an id stands for. `ssim` is `ssim@wang`, and `lpips` is `lpips:alex@0.1`.
pub fn find(id: &MetricId) -> Option<&'static Definition> {
    find_among(known(), id)
}

/// A metric by its id, such as `ssim`, `psnr:y@studio+shave=4` or `lpips:alex`. Learned metrics load
/// their weights here.
///
/// # Errors
/// Those of [`metric_among`]; [`Weights`](lookalike_core::Error::Weights) when a learned metric's
/// weights are not there, with the command that brings them.
pub fn metric(id: &str) -> Result<Box<dyn Metric>> {
    metric_among(known(), id)
}

/// The full id and the card of a metric; weights are not needed.
///
/// # Errors
/// Those of [`look_up_among`].
pub fn look_up(id: &str) -> Result<(MetricId, &'static MetricCard)> {
    look_up_among(known(), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_over_all_lists() {
        let mut ids: Vec<&str> = definitions().map(|definition| definition.card.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn looking_up_completes_and_checks_like_making() {
        for id in ["ssim", "psnr:y@studio+shave=4+grey", "flip+ppd=50"] {
            assert_eq!(&look_up(id).unwrap().0, metric(id).unwrap().id());
        }
        for id in ["ssim@no", "flip+ppd=x", "ssim+shave=x", "ssim+unheard-of=1"] {
            let message = look_up(id).unwrap_err().to_string();
            assert_eq!(message, metric(id).err().unwrap().to_string());
        }
        #[cfg(feature = "deep")]
        {
            let full = |id: &str| look_up(id).map(|(id, _)| id.to_string());
            assert_eq!(full("lpips+shave=2").unwrap(), "lpips:alex@0.1+shave=2");
            assert!(full("lpips+shave=x").is_err() && full("lpips+window=3").is_err());
        }
    }

    #[test]
    fn every_family_answers_to_its_bare_name() {
        for definition in definitions() {
            let family = definition.card.id.split([':', '@']).next().unwrap();
            let found = find(&family.parse().unwrap()).unwrap().card;
            assert!(found.default_profile, "{family} is {}", found.id);
        }
    }
}
