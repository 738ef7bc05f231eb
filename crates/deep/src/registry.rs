//! The learned metrics by id, and how each is made of its weights.

use std::sync::Arc;

use lookalike_core::{
    Definition, Error as CoreError, Metric, MetricCard, MetricId, Result as CoreResult,
    metric_among, metric_made_by,
};
use lookalike_nn::{Backbone, Initial, Parameters, Precision, Trunk};

use crate::cards::{ALEX, DISTS, FEATURES, OF_FILES, PRECISION, SIGHT, SQUEEZE, VGG};
use crate::clip::CARDS as CLIP;
use crate::dreamsim::CARDS as DREAMSIM;
use crate::file_weights::FileWeights;
use crate::lipsim::{CARDS as LIPSIM, LipSim, MINI_CARD};
use crate::lpips::{Head, Lpips, Net, Version};
use crate::registered::Registered;
use crate::tap_formula::TapFormula;
use crate::weights::{StoredWeights, WeightSource};
use crate::{Dists, Error, Result, clip, dreamsim, sight};

/// Every learned metric, in the order in which they are listed.
pub fn definitions() -> impl Iterator<Item = &'static Definition> + Clone {
    DEFINITIONS.iter()
}

/// A learned metric by its id, with weights from the store.
///
/// # Errors
/// Those of [`metric_among`]; [`lookalike_core::Error::Weights`] with the command that brings weights
/// which are not there.
pub fn metric(id: &str) -> CoreResult<Box<dyn Metric>> {
    metric_among(definitions().chain(file_definitions()), id)
}

/// LPIPS and our own network with weights from a file, `lpips:alex@PATH` and `sight@PATH`, LipSim,
/// `lipsim:small@PATH`, DreamSim, `dreamsim:ensemble@PATH`, CLIP, `clip:b32@PATH`, and features without learned weights,
/// `features:resnet18@imagenet` or `features:resnet18@random+seed=7`: found by id, listed nowhere. A file
/// holds channel weights, for which the network comes from the store, or those and the network.
pub fn file_definitions() -> impl Iterator<Item = &'static Definition> + Clone {
    let embeddings =
        LIPSIM_DEFINITIONS.iter().chain(&DREAMSIM_DEFINITIONS).chain(&CLIP_DEFINITIONS);
    FILE_DEFINITIONS.iter().chain(embeddings).chain(&FEATURE_DEFINITIONS)
}

/// The networks of `features:…`: those whose activations lie where they lie whatever the size of the picture,
/// so that tiles are exact. MobileNetV2 pads by the size.
pub const FEATURE_NETWORKS: [Backbone; 5] = [
    Backbone::AlexNet,
    Backbone::Vgg16,
    Backbone::SqueezeNet1_1,
    Backbone::ResNet18,
    Backbone::ResNet50,
];

/// The name of a network in `features:NAME`.
pub fn feature_name(backbone: Backbone) -> &'static str {
    match backbone {
        Backbone::AlexNet => "alexnet",
        Backbone::Vgg16 | Backbone::Vgg16HanningPool => "vgg",
        Backbone::SqueezeNet1_1 => "squeezenet",
        Backbone::ResNet18 => "resnet18",
        Backbone::ResNet50 => "resnet50",
        Backbone::MobileNetV2 => "mobilenet",
        Backbone::Sight => "sight",
    }
}

/// A learned metric by its id, with weights from anywhere.
///
/// ```
/// let metric = lookalike_deep::metric_from("lpips:squeeze", &lookalike_deep::SeededWeights)?;
/// assert_eq!(metric.id().to_string(), "lpips:squeeze@0.1");
/// # Ok::<(), lookalike_core::Error>(())
/// ```
///
/// # Errors
/// As [`metric`].
pub fn metric_from(id: &str, source: &dyn WeightSource) -> CoreResult<Box<dyn Metric>> {
    metric_made_by(definitions().chain(file_definitions()), id, |definition, id| {
        make(id, definition.card, source)
    })
}

fn stored(id: MetricId, card: &'static MetricCard) -> CoreResult<Box<dyn Metric>> {
    make(id, card, &StoredWeights)
}

/// What the variant and profile of an id ask for.
#[derive(Clone, Copy)]
enum Choice {
    Lpips(Net, Version),
    Dists,
    /// Our own network, with the weights of the program.
    Sight,
    /// A network without learned weights of channels, trained or not.
    Features(Backbone, bool),
}

fn choice(id: &MetricId) -> Option<Choice> {
    if id.family() == "dists" {
        return Some(Choice::Dists);
    }
    if id.family() == "sight" {
        return Some(Choice::Sight);
    }
    if id.family() == "features" {
        let backbone =
            FEATURE_NETWORKS.into_iter().find(|b| Some(feature_name(*b)) == id.variant());
        return backbone.map(|backbone| Choice::Features(backbone, id.profile() == Some("random")));
    }
    let net = Net::ALL.into_iter().find(|net| Some(net.as_str()) == id.variant())?;
    let version = match id.profile()? {
        // Without weights of its own, the baseline differs from 0.1 in nothing else.
        "0.1" | "baseline" => Version::V0_1,
        "0.0" => Version::V0_0,
        _ => return None,
    };
    Some(Choice::Lpips(net, version))
}

fn make(
    id: MetricId,
    card: &'static MetricCard,
    source: &dyn WeightSource,
) -> CoreResult<Box<dyn Metric>> {
    let name = id.to_string();
    if id.family() == "lipsim" {
        return Ok(Box::new(LipSim::make(id, card)?));
    }
    match id.family() {
        "dreamsim" => return dreamsim::make(id, card),
        "clip" => return clip::make(id, card),
        _ => {}
    }
    if OF_FILES.iter().any(|known| known.id == card.id) {
        return of_file(id, card, source)
            .map_err(|error| CoreError::Weights { id: name, reason: reason([error].into_iter()) });
    }
    let Some(choice) = choice(&id) else {
        return Err(CoreError::UnknownMetric { id: name, hint: String::new() });
    };
    if let Choice::Features(backbone, true) = choice {
        return random(id, card, backbone);
    }
    let refused = |reason: String| CoreError::Weights { id: name.clone(), reason };
    if let Choice::Sight = choice {
        let (formula, weights) = sight::built_in().map_err(|error| refused(error.to_string()))?;
        return Ok(boxed(id, card, formula, Some(weights)));
    }
    let backbone = match choice {
        Choice::Lpips(net, ..) => net.backbone(),
        Choice::Dists => Backbone::Vgg16HanningPool,
        Choice::Sight => Backbone::Sight,
        Choice::Features(backbone, _) => backbone,
    };
    // After the network's own.
    let other = card.weights.get(1);
    let trunk = source.trunk_in(backbone, precision(&id)?);
    let other = other.map(|other| source.load(other)).transpose();
    let ((trunk, of_trunk), other) = match (trunk, other) {
        (Ok(trunk), Ok(other)) => (trunk, other),
        (trunk, other) => {
            return Err(refused(reason(trunk.err().into_iter().chain(other.err()))));
        }
    };
    let provenance: Vec<String> =
        of_trunk.into_iter().chain(other.as_ref().and_then(|o| o.provenance.clone())).collect();
    let weights = (!provenance.is_empty()).then(|| provenance.join(" "));
    let parameters = other.map(|other| other.parameters);
    let made = match choice {
        Choice::Lpips(net, version) => lpips(net, version, trunk, parameters.as_deref())
            .map(|formula| boxed(id, card, formula, weights)),
        Choice::Dists => {
            dists(trunk, parameters.as_deref()).map(|formula| boxed(id, card, formula, weights))
        }
        Choice::Features(..) => {
            Lpips::unweighted(trunk).map(|formula| boxed(id, card, formula, weights))
        }
        // Nothing of it is in the store, so it was made above.
        Choice::Sight => {
            sight::built_in().map(|(formula, weights)| boxed(id, card, formula, Some(weights)))
        }
    };
    made.map_err(|error| refused(error.to_string()))
}

/// What `+precision=bf16` asks for.
fn precision(id: &MetricId) -> CoreResult<Precision> {
    match id.option(PRECISION) {
        None => Ok(Precision::Single),
        Some("bf16") => Ok(Precision::Bfloat16),
        Some(found) => Err(CoreError::InvalidOption {
            id: id.to_string(),
            reason: format!(
                "{PRECISION} takes bf16, found '{found}'; without it, single precision is used"
            ),
        }),
    }
}

/// The features of a network as it is before training; `+seed=` says which.
fn random(
    id: MetricId,
    card: &'static MetricCard,
    backbone: Backbone,
) -> CoreResult<Box<dyn Metric>> {
    let text = id.option("seed").unwrap_or("1");
    let seed: u64 = text.parse().map_err(|_| CoreError::InvalidOption {
        id: id.to_string(),
        reason: format!("seed takes a whole number from 0 to 2^64 - 1, found '{text}'"),
    })?;
    let refused =
        |error: Error| CoreError::Weights { id: id.to_string(), reason: error.to_string() };
    let trunk = Trunk::placed(backbone, Initial::new(backbone, seed))
        .map_err(|error| refused(error.into()))?;
    let formula = Lpips::unweighted(Arc::new(trunk)).map_err(refused)?;
    Ok(boxed(id, card, formula, None))
}

/// LPIPS, or our own network, with weights from the file that the profile names.
fn of_file(
    id: MetricId,
    card: &'static MetricCard,
    source: &dyn WeightSource,
) -> Result<Box<dyn Metric>> {
    if let ("sight", Some(path)) = (id.family(), id.profile()) {
        let (formula, provenance) = sight::of_file(std::path::Path::new(path))?;
        return Ok(boxed(id, card, formula, Some(provenance)));
    }
    let net = Net::ALL.into_iter().find(|net| Some(net.as_str()) == id.variant());
    let (Some(net), Some(path)) = (net, id.profile()) else {
        return Err(Error::Weights(format!("{id} names no network and file")));
    };
    let file = FileWeights::open(net, std::path::Path::new(path))?;
    let head = Head::load(net, &file)?;
    let (trunk, provenance) = file.trunk(net, source)?;
    let formula = Lpips::new(net, Version::V0_1, trunk, head)?;
    Ok(boxed(id, card, formula, Some(provenance)))
}

fn boxed<F: TapFormula + 'static>(
    id: MetricId,
    card: &'static MetricCard,
    formula: F,
    weights: Option<String>,
) -> Box<dyn Metric> {
    Box::new(Registered { id, card, formula, weights })
}

fn lpips(
    net: Net,
    version: Version,
    trunk: Arc<Trunk>,
    head: Option<&dyn Parameters>,
) -> Result<Lpips> {
    let head = head.map_or(Ok(Head::Uniform), |parameters| Head::load(net, parameters))?;
    Lpips::new(net, version, trunk, head)
}

fn dists(trunk: Arc<Trunk>, parameters: Option<&dyn Parameters>) -> Result<Dists> {
    let missing = || Error::Weights("the weights 'dists' were not loaded".to_owned());
    Dists::new(trunk, parameters.ok_or_else(missing)?)
}

/// What is wrong with weights, and the one command that brings all that are absent.
fn reason(errors: impl Iterator<Item = Error>) -> String {
    let (mut absent, mut others, mut place) = (Vec::new(), Vec::new(), String::new());
    for error in errors {
        match error {
            Error::Absent { name, folder } => {
                absent.push(name);
                place = folder.display().to_string();
            }
            other => others.push(other.to_string()),
        }
    }
    if let Some(first) = absent.first() {
        let known = |name: &&String| {
            lookalike_weights::manifest()
                .iter()
                .any(|entry| entry.name == **name && !entry.files.is_empty())
        };
        let fetchable: Vec<&str> = absent.iter().filter(known).map(String::as_str).collect();
        let unpublished: Vec<&String> = absent.iter().filter(|name| !known(name)).collect();
        let mut advice = Vec::new();
        if !fetchable.is_empty() {
            advice.push(format!("run `lookalike weights fetch {}`", fetchable.join(" ")));
        }
        advice.extend(
            unpublished
                .iter()
                .map(|name| format!("run `lookalike weights import FILE --as {name}`")),
        );
        if !fetchable.is_empty() {
            advice.push(format!(
                "or bring files of your own with `lookalike weights import FILE --as {first}`"
            ));
        }
        others.push(format!(
            "{} not in {place}; {}",
            if absent.len() == 1 {
                format!("{first} is")
            } else {
                format!("{} are", absent.join(" and "))
            },
            advice.join(", ")
        ));
    }
    others.join("; ")
}

static DEFINITIONS: [Definition; 12] = [
    Definition { card: &ALEX[0], build: stored },
    Definition { card: &VGG[0], build: stored },
    Definition { card: &SQUEEZE[0], build: stored },
    Definition { card: &ALEX[1], build: stored },
    Definition { card: &VGG[1], build: stored },
    Definition { card: &SQUEEZE[1], build: stored },
    Definition { card: &ALEX[2], build: stored },
    Definition { card: &VGG[2], build: stored },
    Definition { card: &SQUEEZE[2], build: stored },
    Definition { card: &DISTS, build: stored },
    Definition { card: &SIGHT, build: stored },
    Definition { card: &MINI_CARD, build: stored },
];

static FILE_DEFINITIONS: [Definition; 4] = [
    Definition { card: &OF_FILES[0], build: stored },
    Definition { card: &OF_FILES[1], build: stored },
    Definition { card: &OF_FILES[2], build: stored },
    Definition { card: &OF_FILES[3], build: stored },
];

static LIPSIM_DEFINITIONS: [Definition; 5] = [
    Definition { card: &LIPSIM[0], build: stored },
    Definition { card: &LIPSIM[1], build: stored },
    Definition { card: &LIPSIM[2], build: stored },
    Definition { card: &LIPSIM[3], build: stored },
    Definition { card: &LIPSIM[4], build: stored },
];

static DREAMSIM_DEFINITIONS: [Definition; 9] = {
    const fn of(at: usize) -> Definition {
        Definition { card: &DREAMSIM[at], build: stored }
    }
    [of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8)]
};

static CLIP_DEFINITIONS: [Definition; 5] = {
    const fn of(at: usize) -> Definition {
        Definition { card: &CLIP[at], build: stored }
    }
    [of(0), of(1), of(2), of(3), of(4)]
};

static FEATURE_DEFINITIONS: [Definition; 10] = {
    const fn of(at: usize) -> Definition {
        Definition { card: &FEATURES[at], build: stored }
    }
    [of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8), of(9)]
};

#[cfg(test)]
mod tests {
    use lookalike_core::find_among;

    use super::*;
    use crate::SeededWeights;

    #[test]
    fn every_card_has_a_metric_and_the_least_side_of_its_network() {
        for definition in definitions() {
            let card = definition.card;
            let id: MetricId = card.id.parse().unwrap();
            assert_eq!(id.to_string(), card.id);
            if id.family() == "lipsim" {
                assert_eq!(metric_from(card.id, &SeededWeights).unwrap().id(), &id);
                continue;
            }
            let backbone = match choice(&id).unwrap() {
                Choice::Lpips(net, ..) => net.backbone(),
                Choice::Dists => Backbone::Vgg16HanningPool,
                Choice::Sight => Backbone::Sight,
                Choice::Features(backbone, _) => backbone,
            };
            let least = lookalike_nn::geometry::minimum_side(&backbone.layers());
            assert_eq!(card.minimum_side, least, "{}", card.id);
            // Our own are in the program.
            if backbone != Backbone::Sight {
                assert_eq!(card.weights[0], backbone.weights(), "{}", card.id);
            }
            let count = match id.profile() {
                Some("baseline") => 1,
                _ if backbone == Backbone::Sight => 0,
                _ => 2,
            };
            assert_eq!(card.weights.len(), count, "{}", card.id);
            assert_eq!(metric_from(card.id, &SeededWeights).unwrap().id(), &id);
        }
    }

    #[test]
    fn features_are_the_baseline_and_seeds_are_networks() {
        use lookalike_core::{Picture, Want};
        let picture = |step: usize| {
            let codes = (0..3 * 64 * 64).map(|i| (i * step % 251) as u8).collect();
            Picture::from_u8(64, 64, lookalike_core::Channels::Rgb, codes).unwrap()
        };
        let (a, b) = (picture(7), picture(31));
        let value = |id: &str| {
            let metric = metric_from(id, &SeededWeights).unwrap();
            metric.compare(&a, &b, Want::default()).unwrap().value
        };
        for (net, network) in [("alex", "alexnet"), ("squeeze", "squeezenet")] {
            let own = value(&format!("features:{network}@imagenet"));
            assert_eq!(own, value(&format!("lpips:{net}@baseline")), "{net}");
        }
        for backbone in FEATURE_NETWORKS {
            let name = feature_name(backbone);
            let card = find_among(
                FEATURE_DEFINITIONS.iter(),
                &format!("features:{name}@random").parse().unwrap(),
            );
            let least = lookalike_nn::geometry::minimum_side(&backbone.layers());
            assert_eq!(card.unwrap().card.minimum_side, least, "{name}");
            // Those with many parameters take seconds to draw.
            if matches!(backbone, Backbone::Vgg16 | Backbone::ResNet50) {
                continue;
            }
            let [first, again, other] = ["", "+seed=1", "+seed=2"]
                .map(|seed| value(&format!("features:{name}@random{seed}")));
            assert_eq!(first, again);
            assert_ne!(first, other);
            assert!(first > 0.0 && first.is_finite(), "{name}: {first}");
        }
        for wrong in
            ["features:alexnet@random+seed=x", "features:alexnet@imagenet+seed=1", "features:no"]
        {
            assert!(metric_from(wrong, &SeededWeights).is_err(), "{wrong}");
        }
    }

    #[test]
    fn short_names_are_completed() {
        for (short, full) in [
            ("lpips", "lpips:alex@0.1"),
            ("lpips:vgg", "lpips:vgg@0.1"),
            ("lpips+grey", "lpips:alex@0.1+grey"),
            ("dists", "dists"),
        ] {
            assert_eq!(metric_from(short, &SeededWeights).unwrap().id().to_string(), full);
        }
        for wrong in ["lpips:resnet", "lpips@0.1", "lpips:alex@0.2", "lpips:alex+window=3"] {
            assert!(metric_from(wrong, &SeededWeights).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_command_brings_all_that_is_absent() {
        let absent = |name: &str| Error::Absent { name: name.to_owned(), folder: "store".into() };
        let both = reason([absent("alexnet"), absent("lpips-head-alex-0.1")].into_iter());
        assert!(both.contains("`lookalike weights fetch alexnet lpips-head-alex-0.1`"), "{both}");
        assert!(both.contains("`lookalike weights import FILE --as alexnet`"), "{both}");
        let own = reason([absent("mobilenet_v2_1.0_224")].into_iter());
        let import =
            "is not in store; run `lookalike weights import FILE --as mobilenet_v2_1.0_224`";
        assert!(own.contains(import) && !own.contains("fetch"), "{own}");
    }
}
