//! What is known about each learned metric.

use lookalike_core::{ColourUse, Direction, DisplayScale, MetricCard, ValueRange};

const BASE: MetricCard = MetricCard {
    direction: Direction::LowerIsBetter,
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    equal: 0.0,
    symmetric: true,
    colour: ColourUse::Colour,
    gradient: true,
    ..MetricCard::BASE
};

/// The option that asks for products in bfloat16.
pub(crate) const PRECISION: &str = "precision";

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

const FILE_NOTES: &[&str] = &[
    NOTES[1],
    NOTES[2],
    "values belong to the file, whose SHA-256 is in the provenance of scores: the loss of training fixes \
     the order of distances, not their scale",
];

/// The card of a network under weights from a file: of the channels alone, or of the trunk as well.
const fn of_file(card: &MetricCard, id: &'static str, title: &'static str) -> MetricCard {
    MetricCard {
        id,
        default_profile: false,
        title,
        reproduces: "what was trained; the formula is that of the package lpips 0.1.4, 2e-6",
        options: &[],
        notes: FILE_NOTES,
        ..*card
    }
}

/// LPIPS with weights from a file, by network; listed nowhere, since every path is an id.
pub(crate) static OF_FILES: [MetricCard; 4] = [
    of_file(&ALEX_CARDS[0], "lpips:alex@FILE", "LPIPS on AlexNet with weights from a file"),
    of_file(&VGG_CARDS[0], "lpips:vgg@FILE", "LPIPS on VGG-16 with weights from a file"),
    of_file(
        &SQUEEZE_CARDS[0],
        "lpips:squeeze@FILE",
        "LPIPS on SqueezeNet 1.1 with weights from a file",
    ),
    MetricCard {
        reproduces: "what was trained",
        ..of_file(&SIGHT_CARD, "sight@FILE", "Our own small network with weights from a file")
    },
];

pub(crate) static ALEX: [MetricCard; 3] = ALEX_CARDS;
pub(crate) static VGG: [MetricCard; 3] = VGG_CARDS;
pub(crate) static SQUEEZE: [MetricCard; 3] = SQUEEZE_CARDS;

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
        options: &[(
            PRECISION,
            "bf16: filters of 3×3 and 5×5 multiplied in bfloat16: faster, two or three digits, on processors with \
             AVX512_BF16 alone",
        )],
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

const ALEX_CARDS: [MetricCard; 3] = cards(
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

const VGG_CARDS: [MetricCard; 3] = cards(
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

const SQUEEZE_CARDS: [MetricCard; 3] = cards(
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

pub(crate) static DISTS: MetricCard = MetricCard {
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

pub(crate) static SIGHT: MetricCard = SIGHT_CARD;

const SIGHT_CARD: MetricCard = MetricCard {
    id: "sight",
    title: "Our own small network, learned from other metrics",
    definition: ALEX_CARDS[0].definition,
    source: "this project: `lookalike train sight`, measured in docs/sight.md",
    reproduces: "no other implementation; the formula is that of LPIPS",
    weights: &[],
    minimum_side: 15,
    when_smaller: "",
    blind_to: &[
        "what its teachers are blind to, LPIPS on AlexNet first of all",
        "structure beyond 103 pixels, which is what its last tap sees",
    ],
    notes: &[
        "weights are in the program, and nothing is fetched; they are under the licence of the project",
        "learned from CC0 photographs of clothes, Kodak's pictures and scenes made by arithmetic, with \
         other metrics as teachers: no person was asked, but one teacher, LPIPS, had seen ImageNet and \
         the judgements of BAPPS",
        "values are on the scale of lpips:alex@0.1 on pictures of 64 pixels, and are no probabilities",
        NOTES[1],
        NOTES[2],
    ],
    ..LPIPS
};

const FEATURE_NOTES: &[&str] = &[
    "what LPIPS calls its baseline, on any network: every channel weighs 1; from 0 to 2 for each tap",
    NOTES[1],
    NOTES[2],
];

const RANDOM_NOTES: &[&str] = &[
    "the network as it is before training, its parameters distributed as torchvision starts them; \
     batch normalisation is the identity",
    FEATURE_NOTES[0],
    NOTES[1],
    NOTES[2],
];

/// Cards of a network's features, trained and not.
const fn features(
    ids: [&'static str; 2],
    titles: [&'static str; 2],
    weights: &'static [&'static str],
    minimum_side: usize,
    taps: f64,
) -> [MetricCard; 2] {
    let trained = MetricCard {
        id: ids[0],
        title: titles[0],
        weights,
        definition: ALEX_CARDS[2].definition,
        reproduces: "lpips:NET@baseline for the networks of LPIPS, exactly; no other reference",
        range: ValueRange { low: 0.0, high: 2.0 * taps },
        map: Some(DisplayScale { same: 0.0, different: taps }),
        minimum_side,
        notes: FEATURE_NOTES,
        ..LPIPS
    };
    let random = MetricCard {
        id: ids[1],
        default_profile: false,
        title: titles[1],
        weights: &[],
        options: &[("seed", "which random parameters, a whole number; default 1")],
        notes: RANDOM_NOTES,
        ..trained
    };
    [trained, random]
}

const ALEXNET_FEATURES: [MetricCard; 2] = features(
    ["features:alexnet@imagenet", "features:alexnet@random"],
    ["Features of AlexNet", "Features of AlexNet before training"],
    &["alexnet"],
    31,
    5.0,
);
const VGG_FEATURES: [MetricCard; 2] = features(
    ["features:vgg@imagenet", "features:vgg@random"],
    ["Features of VGG-16", "Features of VGG-16 before training"],
    &["vgg16"],
    16,
    5.0,
);
const SQUEEZENET_FEATURES: [MetricCard; 2] = features(
    ["features:squeezenet@imagenet", "features:squeezenet@random"],
    ["Features of SqueezeNet 1.1", "Features of SqueezeNet 1.1 before training"],
    &["squeezenet1_1"],
    17,
    7.0,
);
const RESNET18_FEATURES: [MetricCard; 2] = features(
    ["features:resnet18@imagenet", "features:resnet18@random"],
    ["Features of ResNet-18", "Features of ResNet-18 before training"],
    &["resnet18"],
    1,
    5.0,
);
const RESNET50_FEATURES: [MetricCard; 2] = features(
    ["features:resnet50@imagenet", "features:resnet50@random"],
    ["Features of ResNet-50", "Features of ResNet-50 before training"],
    &["resnet50"],
    1,
    5.0,
);
/// Features of networks without learned weights, trained and not in turn; listed nowhere, since they are
/// what others are compared with.
pub(crate) static FEATURES: [MetricCard; 10] = {
    let [a, b] = ALEXNET_FEATURES;
    let [c, d] = VGG_FEATURES;
    let [e, f] = SQUEEZENET_FEATURES;
    let [g, h] = RESNET18_FEATURES;
    let [i, j] = RESNET50_FEATURES;
    [a, b, c, d, e, f, g, h, i, j]
};
