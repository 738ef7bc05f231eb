//! Visual information fidelity in the pixel domain.
//!
//! At four scales s with a normalised Gaussian window of N = 17, 9, 5, 3 samples and σ = N/5, on
//! samples 0…255, r being the reference and d the candidate:
//!
//! * g = σ_rd / (σ_r² + 10⁻¹⁰), v = σ_d² − g·σ_rd: the candidate as gain times reference plus noise
//! * value = Σ log₁₀(1 + g²·σ_r² / (v + σ_n²)) / Σ log₁₀(1 + σ_r² / σ_n²), σ_n² = 2, the sums over
//!   all positions of all scales.
//!
//! Before scales 2, 3 and 4 both pictures are filtered with that scale's window and every second
//! sample is kept. All filters keep only positions whose window lies inside.
//!
//! Source: Sheikh, Bovik, "Image information and visual quality", IEEE Transactions on Image
//! Processing 15(2), 2006, in the authors' simplified pixel-domain form (`vifp_mscale`).
//!
//! Our choices, as in that code: variances are at least 0; where σ_r² < 10⁻¹⁰, g = 0, v = σ_d² and
//! σ_r² = 0; where σ_d² < 10⁻¹⁰, g = 0 and v = 0; where g < 0, g = 0 and v = σ_d²; v ≥ 10⁻¹⁰.
//! Moments are taken of samples less 127.5, which changes no variance but keeps rounding away from
//! those limits. Equal pictures give exactly 1, of which the 10⁻¹⁰ in the formula takes 10⁻¹¹. A flat
//! reference carries no information and leaves 0/0: equal pictures give 1, others 0.
//! `vifp` reads unrounded BT.601 luma, `vifp:rgb` takes the mean over the channels.
//!
//! Reproduces: torchmetrics 1.9.0 `visual_information_fidelity` and sewar 0.4.10 `vifp` (mean over
//! RGB) to 1e-8; piq 0.8.0 `vif_p` (luma) to 1e-6, since piq writes 10⁻⁸ for 10⁻¹⁰.
//!
//! Limits: not symmetric. Above 1 when the candidate has more contrast than the reference. Blind to
//! brightness offsets. The wavelet-domain VIF of the same paper is another metric (0.14 away).

use lookalike_core::{ColourUse, Luma, MetricCard, Picture, ValueRange, Want};
use rayon::prelude::*;

use crate::closed_form::{ClosedForm, Outcome, Reason, Registered, channels, luma};
use crate::filter::{Border, Taps, blur_decimated};
use crate::plane::Plane;
use crate::registry::Definition;
use crate::row_filter::RowFilter;

const WINDOWS: [usize; 4] = [17, 9, 5, 3];
const NOISE: f64 = 2.0;
const TINY: f64 = 1e-10;
const MIDDLE: f64 = 127.5;

struct Vifp {
    per_channel: bool,
}

/// One channel at one scale, with its moments.
#[derive(PartialEq)]
struct Scale {
    window: Taps,
    samples: Plane,
    mean: Plane,
    variance: Plane,
}

/// Information, in decimal digits.
#[derive(Clone, Copy, Default)]
struct Information {
    /// What the candidate still carries of the reference.
    kept: f64,
    /// What the reference carries.
    reference: f64,
}

impl ClosedForm for Vifp {
    /// Scales of every channel.
    type Features = Vec<Vec<Scale>>;

    fn features(&self, picture: &Picture) -> Result<Vec<Vec<Scale>>, Reason> {
        let planes = if self.per_channel {
            channels(picture, 255.0)
        } else {
            vec![luma(picture, Luma::Y601)]
        };
        Ok(planes.into_par_iter().map(|plane| scales(&plane)).collect())
    }

    fn compare(
        &self,
        reference: &Vec<Vec<Scale>>,
        candidate: &Vec<Vec<Scale>>,
        _want: Want,
    ) -> Result<Outcome, Reason> {
        let mut by_scale = [Information::default(); WINDOWS.len()];
        let mut sum = 0.0;
        for (r, d) in reference.iter().zip(candidate) {
            let mut channel = Information::default();
            for ((r, d), total) in r.iter().zip(d).zip(&mut by_scale) {
                let found = information(r, d);
                channel.add(found);
                total.add(found);
            }
            sum += channel.ratio(r == d);
        }
        let mut outcome = Outcome::of(sum / reference.len() as f64);
        for (scale, total) in by_scale.iter().enumerate() {
            let ratio = total.ratio(reference == candidate);
            outcome = outcome.with_part(format!("scale_{}", scale + 1), ratio);
        }
        Ok(outcome)
    }
}

impl Information {
    fn add(&mut self, other: Self) {
        self.kept += other.kept;
        self.reference += other.reference;
    }

    fn ratio(self, equal: bool) -> f64 {
        if equal {
            1.0
        } else if self.reference == 0.0 {
            0.0
        } else {
            self.kept / self.reference
        }
    }
}

fn scales(plane: &Plane) -> Vec<Scale> {
    let mut samples = plane.map(|v| v - MIDDLE);
    let mut scales = Vec::with_capacity(WINDOWS.len());
    for length in WINDOWS {
        let window = Taps::gaussian(length, length as f64 / 5.0);
        if !scales.is_empty() {
            samples = blur_decimated(&samples, &window, Border::Valid, 2);
        }
        let size = (samples.width, samples.height);
        let [mean, variance] = RowFilter::new(size, &window, &window, Border::Valid).run(
            #[inline(always)]
            |y, [to, squares]| {
                to.copy_from_slice(samples.row(y));
                squares.iter_mut().zip(&*to).for_each(|(square, v)| *square = v * v);
            },
            #[inline(always)]
            |_, [means, squares], [mean, variance]| {
                mean.copy_from_slice(means);
                for (variance, (square, mean)) in variance.iter_mut().zip(squares.iter().zip(means))
                {
                    *variance = (square - mean * mean).max(0.0);
                }
            },
        );
        scales.push(Scale { window, samples: samples.clone(), mean, variance });
    }
    scales
}

fn information(r: &Scale, d: &Scale) -> Information {
    let size = (r.samples.width, r.samples.height);
    let [kept, reference] = RowFilter::new(size, &r.window, &r.window, Border::Valid).run(
        #[inline(always)]
        |y, [products]| {
            let samples = r.samples.row(y).iter().zip(d.samples.row(y));
            products.iter_mut().zip(samples).for_each(|(product, (r, d))| *product = r * d);
        },
        #[inline(always)]
        |y, [products], [kept, reference]| {
            let means = products.iter().zip(r.mean.row(y).iter().zip(d.mean.row(y)));
            let variances = r.variance.row(y).iter().zip(d.variance.row(y));
            let to = kept.iter_mut().zip(reference);
            for ((to, (product, (mean_r, mean_d))), (&r, &d)) in to.zip(means).zip(variances) {
                let found = information_at(r, d, product - mean_r * mean_d);
                (*to.0, *to.1) = (found.kept, found.reference);
            }
        },
    );
    Information { kept: kept.sum(), reference: reference.sum() }
}

fn information_at(reference: f64, candidate: f64, covariance: f64) -> Information {
    let gain = covariance / (reference + TINY);
    let (reference, gain, noise) = if candidate < TINY {
        (if reference < TINY { 0.0 } else { reference }, 0.0, 0.0)
    } else if reference < TINY {
        (0.0, 0.0, candidate)
    } else if gain < 0.0 {
        (reference, 0.0, candidate)
    } else {
        (reference, gain, candidate - gain * covariance)
    };
    let noise = noise.max(TINY);
    Information {
        kept: (1.0 + gain * gain * reference / (noise + NOISE)).log10(),
        reference: (1.0 + reference / NOISE).log10(),
    }
}

const VIFP: MetricCard = MetricCard {
    id: "vifp",
    default_profile: true,
    title: "Visual information fidelity, pixel domain",
    definition: "sum log10(1 + g^2 s_r^2/(v + 2)) / sum log10(1 + s_r^2/2) over four scales of luma 0..255, g and v being gain and noise of the local regression of candidate on reference",
    source: "Sheikh, Bovik: Image information and visual quality, IEEE Transactions on Image Processing 2006 (pixel-domain form)",
    reproduces: "piq 0.8.0 vif_p, 1e-6 (its small constant is 1e-8, here 1e-10); exactly 1 for equal pictures",
    range: ValueRange { low: 0.0, high: f64::INFINITY },
    symmetric: false,
    // The fourth scale must hold one window of 3 samples.
    minimum_side: 41,
    when_smaller: "use ssim or gmsd",
    colour: ColourUse::Luma,
    blind_to: &["brightness offsets", "chroma"],
    notes: &[
        "above 1 when the candidate has more contrast than the reference",
        "a flat reference carries no information: 1 for equal pictures, otherwise 0",
        "inverted pictures give 0",
        "pyiqa's vif is the wavelet-domain metric of the same paper, about 0.14 away",
    ],
    ..MetricCard::BASE
};

const VIFP_RGB: MetricCard = MetricCard {
    id: "vifp:rgb",
    title: "Visual information fidelity, pixel domain, mean over channels",
    definition: "vifp of red, green and blue, averaged",
    reproduces: "torchmetrics 1.9.0 visual_information_fidelity, 1e-8, and sewar 0.4.10 vifp, 1e-9; exactly 1 for equal pictures",
    colour: ColourUse::PerChannel,
    blind_to: &["brightness offsets"],
    ..VIFP
};

macro_rules! definition {
    ($card:expr, $per_channel:expr) => {
        Definition {
            card: &$card,
            build: |id, card| Ok(Registered::boxed(id, card, Vifp { per_channel: $per_channel })),
        }
    };
}

pub(crate) const DEFINITIONS: &[Definition] =
    &[definition!(VIFP, false), definition!(VIFP_RGB, true)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pictures::{check_card, flat, noisy, textured, value};
    use lookalike_core::{Channels, Picture};

    #[test]
    fn cards_hold() {
        DEFINITIONS.iter().for_each(|definition| check_card(definition.card.id));
    }

    #[test]
    fn flat_references_carry_no_information_at_any_level() {
        let texture = textured(42, 44, Channels::Rgb, 1);
        for level in 0..=255 {
            let reference = flat(42, 44, [level, 255 - level, level / 2]);
            assert_eq!(value("vifp", &reference, &texture), 0.0, "{level}");
        }
    }

    #[test]
    fn argument_order_matters_and_contrast_may_exceed_one() {
        let reference = textured(48, 45, Channels::Grey, 1);
        let scaled = |gain: f64| {
            let samples = (0..reference.samples().len())
                .map(|i| (127.0 + gain * (reference.samples().get(i) - 127.0)) / 255.0)
                .collect();
            Picture::from_f64(48, 45, Channels::Grey, samples).unwrap()
        };
        let (plain, faint) = (scaled(0.7), scaled(0.5));
        assert!(value("vifp", &faint, &plain) > 1.0);
        assert!(value("vifp", &plain, &faint) < 1.0);
    }

    #[test]
    fn offsets_go_unseen_but_blocks_of_noise_do_not() {
        let reference = textured(50, 41, Channels::Rgb, 1);
        let brighter: Vec<f64> = (0..reference.samples().len())
            .map(|i| (reference.samples().get(i) + 3.0) / 255.0)
            .collect();
        let brighter = Picture::from_f64(50, 41, Channels::Rgb, brighter).unwrap();
        assert!((value("vifp:rgb", &reference, &brighter) - 1.0).abs() < 1e-9);
        let mean: f64 = (0..3)
            .map(|c| {
                let channel = |p: &Picture| {
                    Picture::from_f64(50, 41, Channels::Grey, p.plane(c, 1.0)).unwrap()
                };
                let candidate = noisy(&reference, 20.0, 4);
                value("vifp", &channel(&reference), &channel(&candidate)) / 3.0
            })
            .sum();
        let found = value("vifp:rgb", &reference, &noisy(&reference, 20.0, 4));
        assert!((found - mean).abs() < 1e-12 && found < 0.9, "{found} {mean}");
    }
}
