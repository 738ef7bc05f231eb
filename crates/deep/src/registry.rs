//! The learned metrics by id: cards, and how each is made of its weights.

use std::sync::Arc;

use lookalike_core::{
    ColourUse, Definition, Direction, DisplayScale, Error as CoreError, Metric, MetricCard,
    MetricId, Result as CoreResult, ValueRange, metric_among, metric_made_by,
};
use lookalike_nn::{Backbone, Parameters, Trunk};

use crate::lpips::{Head, Lpips, Net, Version};
use crate::registered::Registered;
use crate::tap_formula::TapFormula;
use crate::weights::{StoredWeights, WeightSource};
use crate::{Dists, Error, Result};

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
    metric_among(definitions(), id)
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
    metric_made_by(definitions(), id, |definition, id| make(id, definition.card, source))
}

fn stored(id: MetricId, card: &'static MetricCard) -> CoreResult<Box<dyn Metric>> {
    make(id, card, &StoredWeights)
}

/// What the variant and profile of an id ask for.
#[derive(Clone, Copy)]
enum Choice {
    Lpips(Net, Version),
    Dists,
}

fn choice(id: &MetricId) -> Option<Choice> {
    if id.family() == "dists" {
        return Some(Choice::Dists);
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
    let Some(choice) = choice(&id) else {
        return Err(CoreError::UnknownMetric { id: name, hint: String::new() });
    };
    let refused = |reason: String| CoreError::Weights { id: name.clone(), reason };
    let backbone = match choice {
        Choice::Lpips(net, ..) => net.backbone(),
        Choice::Dists => Backbone::Vgg16HanningPool,
    };
    // After the network's own.
    let other = card.weights.get(1);
    let trunk = source.trunk(backbone);
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
    };
    made.map_err(|error| refused(error.to_string()))
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

const BASE: MetricCard = MetricCard {
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    equal: 0.0,
    symmetric: true,
    colour: ColourUse::Colour,
    gradient: true,
    ..MetricCard::BASE
};

const LPIPS: MetricCard = MetricCard {
    default_profile: true,
    source: "Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018",
    reproduces: "the Python package lpips 0.1.4, 2e-6",
    map: Some(DisplayScale { same: 0.0, different: 1.0 }),
    blind_to: &[
        "shifts by less than the network's stride may count more or less than they look",
        "differences beyond those that networks for classifying objects respond to",
    ],
    ..BASE
};

/// The weights of the networks, and the size that values are compared at.
const NOTES: &[&str] = &[
    "weights are not part of the program: `lookalike weights list` names licences and sources; \
     torchvision's networks are BSD-3-Clause and trained on ImageNet, the channel weights BSD-2-Clause",
    "values depend on the size of the pictures, and many publications resize to 256 or 64 pixels \
     first; nothing is resized here",
    "tap_1, tap_2, … in the parts are the shares of the taps of the network, from fine to coarse",
];

const BASELINE_NOTES: &[&str] = &[
    NOTES[0],
    NOTES[1],
    NOTES[2],
    "every channel weighs 1 and input is scaled as in 0.1: the `lpips=False` of the original; from 0 \
     to 2 for each tap",
];

const VERSION_0_0_NOTES: &[&str] = &[
    NOTES[0],
    NOTES[1],
    NOTES[2],
    "the first release, which feeds −1…1 to a network trained on normalised pictures; values are \
     about half of those of 0.1 and must not be mixed with them",
];

/// Cards of one network under its three profiles.
const fn cards(
    ids: [&'static str; 3],
    titles: [&'static str; 3],
    weights: [&'static [&'static str]; 3],
    minimum_side: usize,
    when_smaller: &'static str,
    taps: f64,
) -> [MetricCard; 3] {
    let card = MetricCard {
        id: ids[0],
        title: titles[0],
        weights: weights[0],
        definition: "sum over taps of the mean over positions of \u{3a3} w (a/|a| − b/|b|)\u{b2} over channels",
        minimum_side,
        when_smaller,
        notes: NOTES,
        ..LPIPS
    };
    let first = MetricCard {
        id: ids[1],
        default_profile: false,
        title: titles[1],
        weights: weights[1],
        notes: VERSION_0_0_NOTES,
        ..card
    };
    let baseline = MetricCard {
        id: ids[2],
        default_profile: false,
        title: titles[2],
        weights: weights[2],
        definition: "sum over taps of the mean over positions of \u{3a3} (a/|a| − b/|b|)\u{b2} over channels",
        range: ValueRange { low: 0.0, high: 2.0 * taps },
        map: Some(DisplayScale { same: 0.0, different: taps }),
        notes: BASELINE_NOTES,
        ..card
    };
    [card, first, baseline]
}

static ALEX: [MetricCard; 3] = cards(
    ["lpips:alex@0.1", "lpips:alex@0.0", "lpips:alex@baseline"],
    [
        "LPIPS on AlexNet",
        "LPIPS on AlexNet, version 0.0",
        "Distance of AlexNet's activations, without learned weights",
    ],
    [&["alexnet", "lpips-head-alex-0.1"], &["alexnet", "lpips-head-alex-0.0"], &["alexnet"]],
    31,
    "lpips:squeeze takes 17, lpips:vgg 16",
    5.0,
);

static VGG: [MetricCard; 3] = cards(
    ["lpips:vgg@0.1", "lpips:vgg@0.0", "lpips:vgg@baseline"],
    [
        "LPIPS on VGG-16",
        "LPIPS on VGG-16, version 0.0",
        "Distance of VGG-16's activations, without learned weights",
    ],
    [&["vgg16", "lpips-head-vgg-0.1"], &["vgg16", "lpips-head-vgg-0.0"], &["vgg16"]],
    16,
    "",
    5.0,
);

static SQUEEZE: [MetricCard; 3] = cards(
    ["lpips:squeeze@0.1", "lpips:squeeze@0.0", "lpips:squeeze@baseline"],
    [
        "LPIPS on SqueezeNet 1.1",
        "LPIPS on SqueezeNet 1.1, version 0.0",
        "Distance of SqueezeNet's activations, without learned weights",
    ],
    [
        &["squeezenet1_1", "lpips-head-squeeze-0.1"],
        &["squeezenet1_1", "lpips-head-squeeze-0.0"],
        &["squeezenet1_1"],
    ],
    17,
    "lpips:vgg takes 16",
    7.0,
);

static DISTS: MetricCard = MetricCard {
    id: "dists",
    default_profile: true,
    title: "Deep image structure and texture similarity",
    definition: "\u{3a3} \u{3b1} (1 − texture similarity) + \u{3b2} (1 − structure similarity) over channels of samples and VGG-16",
    source: "Ding, Ma, Wang, Simoncelli, TPAMI 2020",
    reproduces: "the authors' PyTorch code, 2e-6",
    range: ValueRange { low: 0.0, high: 2.0 },
    weights: &["vgg16", "dists"],
    blind_to: &["where on a texture its elements lie", "the place of a change, for want of a map"],
    notes: &[
        "weights are not part of the program: vgg16 is torchvision's (BSD-3-Clause, trained on \
         ImageNet), dists the authors' (MIT)",
        "agreement was measured on random parameters of the network",
        "the authors' script shrinks pictures to 256 pixels on the shorter side first; nothing is \
         resized here",
    ],
    ..BASE
};

static DEFINITIONS: [Definition; 10] = [
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
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededWeights;

    #[test]
    fn every_card_has_a_metric_and_the_least_side_of_its_network() {
        for definition in definitions() {
            let card = definition.card;
            let id: MetricId = card.id.parse().unwrap();
            assert_eq!(id.to_string(), card.id);
            let backbone = match choice(&id).unwrap() {
                Choice::Lpips(net, ..) => net.backbone(),
                Choice::Dists => Backbone::Vgg16HanningPool,
            };
            let least = lookalike_nn::geometry::minimum_side(&backbone.layers());
            assert_eq!(card.minimum_side, least, "{}", card.id);
            assert_eq!(card.weights[0], backbone.weights(), "{}", card.id);
            let uniform = id.profile() == Some("baseline");
            assert_eq!(card.weights.len(), if uniform { 1 } else { 2 }, "{}", card.id);
            assert_eq!(metric_from(card.id, &SeededWeights).unwrap().id(), &id);
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
