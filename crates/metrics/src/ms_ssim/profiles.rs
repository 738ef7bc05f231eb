//! The profiles of MS-SSIM that are in use, and what each reproduces.

use lookalike_core::{ColourUse, Luma, MetricCard};

use super::{ChannelMean, Exponents, MsSsim, MultiScale, Negatives, Scales};
use crate::closed_form::Registered;
use crate::downsample::Halving;
use crate::filter::Border;
use crate::registry::Definition;
use crate::samples::SamplesUsed;
use crate::ssim::{Window, window_option};

const WANG: MetricCard = MetricCard {
    id: "ms-ssim@wang",
    default_profile: true,
    title: "Multi-scale structural similarity",
    definition: "product over five scales of mean(cs)^beta, mean(l cs)^beta at the last; weights \
                 as printed, 2x2 means with the edge repeated at odd sizes; mean of R, G and B",
    source: "Wang, Simoncelli, Bovik 2003",
    reproduces: "an independent f64 form of the authors' msssim.m (product), per channel, 1e-6, in double precision 1e-9; 0 where that is complex",
    minimum_side: 161,
    when_smaller: "use ms-ssim@small",
    gradient: true,
    options: &[("window", "taps per axis, odd, 3 to 99; 11 by default, sigma stays 1.5")],
    blind_to: &[
        "uniform shifts of brightness and colour: luminance enters at the coarsest scale only",
        "how wrong an inverted picture is: everything below 0 is 0",
    ],
    notes: &[
        "the weights sum to 1.0001; dividing them by that moves values by up to 2e-5",
        "libraries halve odd sizes differently: up to 3e-3 apart at 427x640",
        "normalising factors by (v+1)/2, as some losses do, is not MS-SSIM",
    ],
    ..MetricCard::BASE
};

const WANG_Y: MetricCard = MetricCard {
    id: "ms-ssim:y@wang",
    title: "Multi-scale structural similarity of luma",
    definition: "ms-ssim@wang of .299R + .587G + .114B, not rounded",
    reproduces: "an independent f64 form of msssim.m (product) on unrounded BT.601 luma, 5e-6, in double precision 1e-9",
    when_smaller: "use ms-ssim:y@small",
    colour: ColourUse::Luma,
    blind_to: &["chroma", WANG.blind_to[0], WANG.blind_to[1]],
    ..WANG
};

const WANG_YI: MetricCard = MetricCard {
    id: "ms-ssim:yi@wang",
    title: "Multi-scale structural similarity of integer luma",
    definition: "ms-ssim@wang of (299R + 587G + 114B + 500) div 1000",
    reproduces: "msssim.m (product), 1e-5, the rest being ties of rounded luma",
    gradient: false,
    ..WANG_Y
};

const PYTORCH_MSSSIM: MetricCard = MetricCard {
    id: "ms-ssim@pytorch-msssim",
    default_profile: false,
    definition: "ms-ssim@wang, but an odd axis gets one zero on both sides before it is halved",
    reproduces: "pytorch_msssim 1.0.0 ms_ssim: 6e-6, of which its window in f32 is the most",
    gradient: false,
    notes: &["zeros shift the grid by a pixel and darken the border of odd sizes"],
    ..WANG
};

const PIQ: MetricCard = MetricCard {
    id: "ms-ssim@piq",
    default_profile: false,
    definition: "ms-ssim@wang, but when an axis is odd both get one repeated sample in front",
    reproduces: "piq 0.8.0 multi_scale_ssim, 5e-6, in double precision 1e-9",
    gradient: false,
    notes: &["up to 1.3e-3 away from ms-ssim@wang at odd sizes"],
    ..WANG
};

const TORCHMETRICS: MetricCard = MetricCard {
    id: "ms-ssim@torchmetrics",
    default_profile: false,
    definition: "five scales, an odd last sample dropped when halving, the last scale with mirrored \
                 border, factors averaged over channels before the powers",
    reproduces: "torchmetrics 1.9 multiscale_structural_similarity_index_measure (relu), 1e-8 (its exponents are in f32)",
    minimum_side: 176,
    gradient: false,
    notes: &["averaging channels before the powers moves values by up to 3e-4"],
    ..WANG
};

const SMALL: MetricCard = MetricCard {
    id: "ms-ssim@small",
    default_profile: false,
    title: "Multi-scale structural similarity for small pictures",
    definition: "as many scales (at most five) as keep the coarsest side at 11 or more, their \
                 weights divided by their sum, an odd last sample dropped when halving",
    reproduces: "crate iqa 1.2 msssim, 1e-6; 2, 3, 4 scales at 32, 64, 96 pixels",
    minimum_side: 11,
    when_smaller: "use a smaller window with --window N",
    notes: &[
        "values at different sizes use different scales: compare like with like",
        "the gradient takes factors below 1e-4 as 1e-4, and is 0 where one is not positive",
    ],
    ..WANG
};

const SMALL_Y: MetricCard = MetricCard {
    id: "ms-ssim:y@small",
    title: "Multi-scale structural similarity of luma for small pictures",
    definition: "ms-ssim@small of .299R + .587G + .114B, not rounded",
    reproduces: "an independent f64 implementation of the formula, 5e-6, in double precision 1e-9",
    colour: ColourUse::Luma,
    blind_to: WANG_Y.blind_to,
    ..SMALL
};

const SMALL_UNIT: MetricCard = MetricCard {
    id: "ms-ssim@small-unit",
    title: "Multi-scale structural similarity with unit exponents, for small pictures",
    definition: "ms-ssim@small with all exponents 1",
    source: "Wang, Simoncelli, Bovik 2003; unit exponents, one reading of Snell et al. 2017",
    reproduces: "an independent f64 implementation of the formula, 5e-6, in double precision 1e-9",
    ..SMALL
};

const SMALL_UNIT_Y: MetricCard = MetricCard {
    id: "ms-ssim:y@small-unit",
    title: "Multi-scale structural similarity of luma with unit exponents, for small pictures",
    definition: "ms-ssim:y@small with all exponents 1",
    colour: ColourUse::Luma,
    blind_to: WANG_Y.blind_to,
    ..SMALL_UNIT
};

const WANG_UNIT: MetricCard = MetricCard {
    id: "ms-ssim@wang-unit",
    default_profile: false,
    title: "Multi-scale structural similarity with unit exponents",
    definition: "ms-ssim@wang with all exponents 1; negative factors are multiplied as they are",
    source: SMALL_UNIT.source,
    reproduces: "an independent f64 implementation of the formula, 5e-6, in double precision 1e-9",
    range: lookalike_core::ValueRange { low: -1.0, high: 1.0 },
    when_smaller: "use ms-ssim@small-unit",
    blind_to: &[WANG.blind_to[0]],
    notes: &["an even number of negative factors gives a positive value"],
    ..WANG
};

const SAME5: MetricCard = MetricCard {
    id: "ms-ssim@same5",
    default_profile: false,
    title: "Multi-scale structural similarity, five scales at any size",
    definition: "five scales with symmetric border, an odd last sample dropped when halving, \
                 weights as printed",
    reproduces: "an independent f64 implementation of the formula, 1e-9",
    minimum_side: 16,
    gradient: false,
    notes: &[
        "the coarsest scales of small pictures are mostly mirrored: 0.06 above @small at 32 px",
    ],
    ..WANG
};

macro_rules! definition {
    ($card:expr, $samples:expr, $definition:expr) => {
        Definition {
            card: &$card,
            build: |id, card| {
                let definition: fn(Window) -> MultiScale = $definition;
                let window = Window::gaussian(window_option(&id, 11)?);
                let formula = MsSsim { samples: $samples, definition: definition(window) };
                Ok(Registered::boxed(id, card, formula))
            },
        }
    };
}

fn pytorch_msssim(window: Window) -> MultiScale {
    MultiScale { halving: Halving::ZeroBothSides, ..MultiScale::wang(window) }
}

fn piq(window: Window) -> MultiScale {
    MultiScale { halving: Halving::ReplicateInFront, ..MultiScale::wang(window) }
}

fn torchmetrics(window: Window) -> MultiScale {
    MultiScale {
        halving: Halving::Floor,
        last_border: Border::Mirror,
        channel_mean: ChannelMean::OfFactors,
        ..MultiScale::wang(window)
    }
}

fn small_unit(window: Window) -> MultiScale {
    MultiScale { exponents: Exponents::Unit, ..MultiScale::small(window) }
}

fn wang_unit(window: Window) -> MultiScale {
    MultiScale {
        exponents: Exponents::Unit,
        negatives: Negatives::Kept,
        ..MultiScale::wang(window)
    }
}

fn same5(window: Window) -> MultiScale {
    let window = window.with_border(Border::Symmetric);
    MultiScale { scales: Scales::Five, halving: Halving::Floor, ..MultiScale::wang(window) }
}

const Y: SamplesUsed = SamplesUsed::Luma(Luma::Y601);
const YI: SamplesUsed = SamplesUsed::Luma(Luma::Y601Integer);
const RGB: SamplesUsed = SamplesUsed::Channels;

pub(crate) const DEFINITIONS: &[Definition] = &[
    definition!(WANG, RGB, MultiScale::wang),
    definition!(WANG_Y, Y, MultiScale::wang),
    definition!(WANG_YI, YI, MultiScale::wang),
    definition!(PYTORCH_MSSSIM, RGB, pytorch_msssim),
    definition!(PIQ, RGB, piq),
    definition!(TORCHMETRICS, RGB, torchmetrics),
    definition!(SMALL, RGB, MultiScale::small),
    definition!(SMALL_Y, Y, MultiScale::small),
    definition!(SMALL_UNIT, RGB, small_unit),
    definition!(SMALL_UNIT_Y, Y, small_unit),
    definition!(WANG_UNIT, RGB, wang_unit),
    definition!(SAME5, RGB, same5),
];
