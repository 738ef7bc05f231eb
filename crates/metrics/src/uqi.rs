//! UQI, the universal image quality index.
//!
//! Wang, Bovik, "A universal image quality index", IEEE Signal Processing Letters 9(3), 2002:
//! with means, variances and covariance of a window,
//!
//! Q = 4σxy·x̄ȳ / ((σx² + σy²)(x̄² + ȳ²)),
//!
//! averaged over all positions of an 8×8 box: SSIM without its constants. Where a quotient is 0/0
//! we follow the authors' code: flat windows compare by luminance, 2x̄ȳ/(x̄² + ȳ²), and black
//! windows are alike.
//!
//! Whether a window is flat must be known exactly, so sums are formed on the picture's own integer
//! scale, where they are exact for 8-bit samples, and the index is computed from N-fold sums as in
//! the authors' code. Meets an independent f64 form of it to 1e-9, and the code itself to
//! 2e-4, which is how it rounds luma.
//!
//! `uqi@torchmetrics` takes an 11×11 Gaussian and adds the machine epsilon of f64 to the
//! denominator, so flat windows give 0, even when they are equal. There, windows whose variances
//! are rounding errors count as flat: dividing two such errors gives any number.
//!
//! No gradient: the index is singular in every flat region.

use lookalike_core::{ColourUse, DisplayScale, Luma, MetricCard, Picture, ValueRange, Want};

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, score_map};
use crate::filter::{Border, Taps};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::row_filter::RowFilter;
use crate::samples::{CHANNEL_NAMES, SamplesUsed};
use crate::ssim::mean;

/// Side of the authors' window.
const BLOCK: usize = 8;

/// Window and treatment of vanishing denominators.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// 8×8 box at valid positions, 0/0 decided by cases.
    Authors,
    /// 11×11 Gaussian at valid positions, epsilon in the denominator.
    Torchmetrics,
}

/// One profile of UQI.
struct Uqi {
    samples: SamplesUsed,
    form: Form,
}

impl ClosedForm for Uqi {
    /// The planes on 0…255.
    type Features = Vec<Plane>;

    fn features(&self, picture: &Picture) -> Result<Vec<Plane>, Reason> {
        Ok(self.samples.planes(picture, 255.0))
    }

    fn compare(
        &self,
        reference: &Vec<Plane>,
        candidate: &Vec<Plane>,
        want: Want,
    ) -> Result<Outcome, Reason> {
        // One channel after the other: each keeps all threads busy, and planes of one suffice.
        let pairs = reference.iter().zip(candidate);
        let maps: Vec<Plane> = pairs
            .map(|(x, y)| match self.form {
                Form::Authors => index_map(x, y),
                Form::Torchmetrics => index_map_with_epsilon(x, y),
            })
            .collect();
        let values: Vec<f64> = maps.iter().map(Plane::mean).collect();
        let mut outcome = Outcome::of(mean(&values));
        if values.len() == CHANNEL_NAMES.len() {
            for (name, value) in CHANNEL_NAMES.into_iter().zip(&values) {
                outcome = outcome.with_part(name, *value);
            }
        }
        Ok(outcome.with_map(want.map.then(|| {
            let count = maps.len() as f64;
            let average = Plane::from_fn(maps[0].width, maps[0].height, |x, y| {
                maps.iter().map(|map| map.at(x, y)).sum::<f64>() / count
            });
            let inset = if self.form == Form::Authors { (BLOCK - 1) / 2 } else { 5 };
            score_map(&average, inset, inset, 1)
        })))
    }
}

/// Q of every 8×8 block, the authors' way.
fn index_map(x: &Plane, y: &Plane) -> Plane {
    let box_sum = Taps::centred(vec![1.0; BLOCK]);
    let count = (BLOCK * BLOCK) as f64;
    local_index(
        (x, y),
        &box_sum,
        #[inline(always)]
        |a, b, squares, products| {
            let means_squared = a * a + b * b;
            // Both are N² times variances, and exact for integer samples.
            let variances = count * squares - means_squared;
            let covariance = count * products - a * b;
            index(a * b, means_squared, covariance, variances)
        },
    )
}

/// An index of the window sums of x, y, x² + y² and xy, at valid positions.
fn local_index(
    (x, y): (&Plane, &Plane),
    window: &Taps,
    index: impl Fn(f64, f64, f64, f64) -> f64 + Sync,
) -> Plane {
    let filter = RowFilter::new((x.width, x.height), window, window, Border::Valid);
    let [map] = filter.run(
        #[inline(always)]
        |row, [to_x, to_y, squares, products]| {
            let (x, y) = (x.row(row), y.row(row));
            to_x.copy_from_slice(x);
            to_y.copy_from_slice(y);
            let to = squares.iter_mut().zip(products);
            for ((square, product), (x, y)) in to.zip(x.iter().zip(y)) {
                (*square, *product) = (x * x + y * y, x * y);
            }
        },
        #[inline(always)]
        |_, [a, b, squares, products], [map]| {
            let sums = a.iter().zip(b).zip(squares).zip(products);
            for (out, (((&a, &b), &squares), &products)) in map.iter_mut().zip(sums) {
                *out = index(a, b, squares, products);
            }
        },
    );
    map
}

/// Q from products of sums, with its cases of 0/0.
#[inline(always)]
fn index(product: f64, means_squared: f64, covariance: f64, variances: f64) -> f64 {
    if means_squared == 0.0 {
        // Black in both: samples are not negative, so no variance is left either.
        1.0
    } else if variances <= FLAT * means_squared {
        2.0 * product / means_squared
    } else {
        // Grouped as the denominator is, so that equal windows give exactly 1.
        (2.0 * covariance) * (2.0 * product) / (variances * means_squared)
    }
}

/// Variances below this share of the squared means are what rounding leaves of flat windows whose
/// samples are not integers; a single step of 16-bit samples in a white window lies above it.
const FLAT: f64 = 1e-13;

/// Q at every position of an 11×11 Gaussian, with epsilon in the denominator.
fn index_map_with_epsilon(x: &Plane, y: &Plane) -> Plane {
    local_index(
        (x, y),
        &Taps::gaussian(11, 1.5),
        #[inline(always)]
        |a, b, squares, products| {
            let means_squared = a * a + b * b;
            let variances = squares - means_squared;
            if variances <= FLAT * means_squared {
                return 0.0;
            }
            let covariance = products - a * b;
            // Grouped as the denominator is, so that equal windows give exactly 1.
            (2.0 * covariance) * (2.0 * a * b) / (variances * means_squared + f64::EPSILON)
        },
    )
}

const UQI: MetricCard = MetricCard {
    id: "uqi",
    default_profile: true,
    title: "Universal image quality index",
    definition: "mean over 8x8 blocks (step 1) of 4 cov x y / ((var_x + var_y)(x^2 + y^2)), mean \
                 of R, G and B",
    source: "Wang, Bovik 2002",
    reproduces: "an independent f64 form of the authors' img_qi.m, per channel, 1e-9",
    range: ValueRange { low: -1.0, high: 1.0 },
    minimum_side: BLOCK,
    map: Some(DisplayScale { same: 1.0, different: 0.0 }),
    blind_to: &["distortions above the scale of its window"],
    notes: &[
        "noise in flat regions counts as much as lost detail: SSIM's constants mend that",
        "sewar's uqi mixes window means with sums and is another number (0.97 for 0.80)",
    ],
    ..MetricCard::BASE
};

const UQI_YI: MetricCard = MetricCard {
    id: "uqi:yi",
    title: "Universal image quality index of integer luma",
    definition: "uqi of (299R + 587G + 114B + 500) div 1000",
    reproduces: "img_qi.m, 2e-4, the rest being ties of rounded luma",
    colour: ColourUse::Luma,
    blind_to: &["chroma", UQI.blind_to[0]],
    ..UQI
};

const UQI_TORCHMETRICS: MetricCard = MetricCard {
    id: "uqi@torchmetrics",
    default_profile: false,
    definition: "uqi under an 11x11 Gaussian (sigma 1.5), valid positions, epsilon in the \
                 denominator",
    reproduces: "torchmetrics 1.9 universal_image_quality_index on 0..255, 1e-9",
    minimum_side: 11,
    notes: &[
        "flat windows count as 0, so equal pictures with flat regions score below 1",
        "on flat regions torchmetrics itself divides rounding errors and can give any number",
    ],
    ..UQI
};

macro_rules! definition {
    ($card:expr, $samples:expr, $form:expr) => {
        Definition {
            card: &$card,
            build: |id, card| {
                Ok(Registered::boxed(id, card, Uqi { samples: $samples, form: $form }))
            },
        }
    };
}

pub(crate) const DEFINITIONS: &[Definition] = &[
    definition!(UQI, SamplesUsed::Channels, Form::Authors),
    definition!(UQI_YI, SamplesUsed::Luma(Luma::Y601Integer), Form::Authors),
    definition!(UQI_TORCHMETRICS, SamplesUsed::Channels, Form::Torchmetrics),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;
    use crate::test_pictures::{scrambled, value};
    use lookalike_core::{Channels, Error};

    fn flat(level: f64) -> Picture {
        Picture::from_f64(15, 12, Channels::Grey, vec![level; 15 * 12]).unwrap()
    }

    #[test]
    fn starts_at_the_minimum_side() {
        for definition in DEFINITIONS {
            let (id, side) = (definition.card.id, definition.card.minimum_side);
            for channels in [Channels::Grey, Channels::Rgb] {
                let a = scrambled(side, side + 3, channels, 1);
                let b = scrambled(side, side + 3, channels, 2);
                assert_eq!(value(id, &a, &a), 1.0, "{id}");
                assert!(value(id, &a, &b).abs() < 1.0, "{id}");
                assert_eq!(value(id, &a, &b), value(id, &b, &a), "{id} is symmetric");
            }
            let small = scrambled(side - 1, side, Channels::Grey, 1);
            let refused = metric(id).unwrap().compare(&small, &small, Want::default());
            assert!(matches!(refused, Err(Error::TooSmall { minimum, .. }) if minimum == side));
        }
    }

    #[test]
    fn flat_windows_compare_by_luminance() {
        for level in [0.0, 0.3, 0.7, 1.0] {
            assert!((value("uqi", &flat(level), &flat(level)) - 1.0).abs() < 1e-12, "{level}");
        }
        assert_eq!(value("uqi", &flat(0.0), &flat(1.0)), 0.0);
        let expected = 2.0 * 0.3 * 0.6 / (0.3 * 0.3 + 0.6 * 0.6);
        assert!((value("uqi", &flat(0.3), &flat(0.6)) - expected).abs() < 1e-12);
    }

    #[test]
    fn flat_windows_count_as_zero_in_torchmetrics() {
        for (a, b) in [(0.3, 0.3), (0.0, 0.0), (0.1, 0.9), (1.0, 1.0)] {
            assert_eq!(value("uqi@torchmetrics", &flat(a), &flat(b)), 0.0, "{a} {b}");
        }
    }

    #[test]
    fn textured_against_black_is_zero() {
        let black = Picture::from_u8(15, 12, Channels::Grey, vec![0; 15 * 12]).unwrap();
        assert_eq!(value("uqi", &scrambled(15, 12, Channels::Grey, 1), &black), 0.0);
    }

    #[test]
    fn the_map_is_the_value_by_position() {
        let (a, b) = (scrambled(17, 13, Channels::Rgb, 1), scrambled(17, 13, Channels::Rgb, 2));
        for (id, length, inset) in [("uqi", 8, 3), ("uqi@torchmetrics", 11, 5)] {
            let score = metric(id).unwrap().compare(&a, &b, Want { map: true }).unwrap();
            let map = score.map.unwrap();
            assert_eq!((map.width, map.height), (18 - length, 14 - length), "{id}");
            assert_eq!((map.left, map.top, map.step), (inset, inset, 1), "{id}");
            let sum: f64 = map.values.iter().map(|&v| f64::from(v)).sum();
            assert!((sum / map.values.len() as f64 - score.value).abs() < 1e-6, "{id}");
        }
    }
}
