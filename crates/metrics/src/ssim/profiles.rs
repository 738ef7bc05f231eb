//! The profiles of SSIM that are in use, and what each reproduces.

use lookalike_core::{ColourUse, DisplayScale, Luma, MetricCard, ValueRange};

use super::{Shrinking, Ssim, Window, window_option};
use crate::closed_form::Registered;
use crate::filter::Border;
use crate::registry::Definition;
use crate::samples::SamplesUsed;

const WANG: MetricCard = MetricCard {
    id: "ssim@wang",
    default_profile: true,
    title: "Structural similarity",
    definition: "SSIM under an 11x11 Gaussian (sigma 1.5), valid positions, mean of R, G and B",
    source: "Wang, Bovik, Sheikh, Simoncelli 2004",
    reproduces: "scikit-image 0.26 with gaussian_weights, sigma 1.5 and biased covariance; \
                 piq 0.8.0 without downsampling; 1e-6, in double precision 1e-9",
    range: ValueRange { low: -1.0, high: 1.0 },
    minimum_side: 11,
    when_smaller: "use ssim@torchmetrics (needs 6) or a smaller window with --window N",
    map: Some(DisplayScale { same: 1.0, different: 0.0 }),
    gradient: true,
    options: &[("window", "taps per axis, odd, 3 to 99; 11 by default, sigma stays 1.5")],
    blind_to: &[
        "uniform shifts of brightness, which cost little",
        "distortions above the scale of its window",
    ],
    notes: &[
        "sees inversion (negative values) and is harsh on shifts of a single pixel",
        "without any setting scikit-image computes ssim@skimage, piq ssim@piq, torchmetrics \
         ssim@torchmetrics; pyiqa clamps negative contrast-structure per position",
    ],
    ..MetricCard::BASE
};

const WANG_Y: MetricCard = MetricCard {
    id: "ssim:y@wang",
    title: "Structural similarity of luma",
    definition: "ssim@wang of .299R + .587G + .114B, not rounded",
    reproduces: "an independent f64 form of ssim_index.m on unrounded BT.601 luma, 2e-6, \
                 in double precision 1e-9",
    colour: ColourUse::Luma,
    blind_to: &[
        "chroma",
        "uniform shifts of brightness, which cost little",
        "distortions above the scale of its window",
    ],
    notes: &["rounding luma to integers moves the value by up to 1e-3: see ssim:yi@wang"],
    ..WANG
};

const WANG_YI: MetricCard = MetricCard {
    id: "ssim:yi@wang",
    title: "Structural similarity of integer luma",
    definition: "ssim@wang of (299R + 587G + 114B + 500) div 1000",
    reproduces: "ssim_index.m (2003), 2e-5, the rest being ties of rounded luma; \
                 pyiqa 0.1.16 ssim where no position is anticorrelated, 2e-5",
    gradient: false,
    notes: &["pyiqa clamps negative contrast-structure per position: +0.130 for an inversion"],
    ..WANG_Y
};

const WANG_2011_YI: MetricCard = MetricCard {
    id: "ssim:yi@wang2011",
    default_profile: false,
    title: "Structural similarity of integer luma, shrunk first",
    definition: "ssim:yi@wang after a mean over f x f (symmetric border) and every f-th sample, \
                 f = max(1, round(shorter side / 256))",
    reproduces: "ssim.m (2011), 2e-5, the rest being ties of rounded luma",
    notes: &["shrinking raises values: 0.84 where ssim:y gives 0.62"],
    ..WANG_YI
};

const SKIMAGE: MetricCard = MetricCard {
    id: "ssim@skimage",
    default_profile: false,
    title: "Structural similarity, scikit-image's default",
    definition: "SSIM under a 7x7 box with sample covariance (N/(N-1)), valid positions, RGB mean",
    reproduces: "scikit-image 0.26 structural_similarity(channel_axis=-1), 5e-6, in double \
                 precision 1e-9",
    minimum_side: 7,
    options: &[("window", "side of the box, odd, 3 to 99; 7 by default")],
    notes: &["up to 0.06 away from ssim@wang"],
    ..WANG
};

const SKIMAGE_GAUSS: MetricCard = MetricCard {
    id: "ssim@skimage-gauss",
    default_profile: false,
    title: "Structural similarity, scikit-image with Gaussian weights",
    definition: "ssim@wang with sample covariance (121/120)",
    reproduces: "scikit-image 0.26 structural_similarity(gaussian_weights=True), 2e-6, \
                 in double precision 1e-9",
    notes: &["set use_sample_covariance=False there to get ssim@wang"],
    ..WANG
};

const PYTORCH_MSSSIM: MetricCard = MetricCard {
    id: "ssim@pytorch-msssim",
    default_profile: false,
    title: "Structural similarity with a window in single precision",
    definition: "ssim@wang with the window's taps rounded to f32 before use",
    reproduces: "pytorch_msssim 1.0.0 ssim on f64 tensors, 1e-9",
    notes: &["the taps do not sum to 1: up to 6e-6 away from ssim@wang"],
    ..WANG
};

const PIQ: MetricCard = MetricCard {
    id: "ssim@piq",
    default_profile: false,
    title: "Structural similarity, shrunk first",
    definition: "ssim@wang after means of f x f blocks, f = max(1, round(shorter side / 256)), \
                 halves to even",
    reproduces: "piq 0.8.0 ssim (downsample=True), 2e-6, in double precision 1e-9",
    gradient: false,
    notes: &["shrinking raises values by up to 0.28"],
    ..WANG
};

const TORCHMETRICS: MetricCard = MetricCard {
    id: "ssim@torchmetrics",
    default_profile: false,
    title: "Structural similarity up to the border",
    definition: "ssim@wang at all positions, the border mirrored on the edge sample",
    reproduces: "torchmetrics 1.9 structural_similarity_index_measure, 2e-6, in double \
                 precision 1e-9; \
                 kornia 0.9 metrics.ssim(padding=\"same\"), 1e-5 (f32)",
    minimum_side: 6,
    when_smaller: "use a smaller window with --window N",
    gradient: false,
    notes: &["up to 0.025 away from ssim@wang at 32 px, 5e-4 at 512 px"],
    ..WANG
};

macro_rules! definition {
    ($card:expr, $samples:expr, $shrinking:expr, $length:expr, $window:expr) => {
        Definition {
            card: &$card,
            build: |id, card| {
                let window: fn(usize) -> Window = $window;
                let window = window(window_option(&id, $length)?);
                let formula = Ssim { samples: $samples, shrinking: $shrinking, window };
                Ok(Registered::boxed(id, card, formula))
            },
        }
    };
}

const Y: SamplesUsed = SamplesUsed::Luma(Luma::Y601);
const YI: SamplesUsed = SamplesUsed::Luma(Luma::Y601Integer);
const RGB: SamplesUsed = SamplesUsed::Channels;

pub(crate) const DEFINITIONS: &[Definition] = &[
    definition!(WANG, RGB, Shrinking::None, 11, Window::gaussian),
    definition!(WANG_Y, Y, Shrinking::None, 11, Window::gaussian),
    definition!(WANG_YI, YI, Shrinking::None, 11, Window::gaussian),
    definition!(WANG_2011_YI, YI, Shrinking::Decimated, 11, Window::gaussian),
    definition!(SKIMAGE, RGB, Shrinking::None, 7, |n| Window::uniform(n).with_sample_covariance()),
    definition!(SKIMAGE_GAUSS, RGB, Shrinking::None, 11, |n| {
        Window::gaussian(n).with_sample_covariance()
    }),
    definition!(PYTORCH_MSSSIM, RGB, Shrinking::None, 11, Window::gaussian_in_f32),
    definition!(PIQ, RGB, Shrinking::Pooled, 11, Window::gaussian),
    definition!(TORCHMETRICS, RGB, Shrinking::None, 11, |n| {
        Window::gaussian(n).with_border(Border::Mirror)
    }),
];
