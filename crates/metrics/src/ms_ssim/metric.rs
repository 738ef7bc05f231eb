//! MS-SSIM as a metric: from pictures to the value, by the vector kernels where they know the
//! profile and by the definition elsewhere.

use std::any::Any;
use std::sync::OnceLock;

use lookalike_core::{MetricCard, Picture, Want};
use rayon::prelude::*;

use super::{ChannelMean, Factors, MultiScale};
use crate::closed_form::{ClosedForm, Outcome, Reason, Slopes, one_after_the_other};
use crate::filter::Border;
use crate::plane::Plane;
use crate::samples::SamplesUsed;
use crate::ssim::{Constants, Ssim, mean};
use crate::strips::{self, PairRows, Scales as ByStrips, Schedule};

/// One profile of MS-SSIM as a metric.
pub(crate) struct MsSsim {
    pub(crate) samples: SamplesUsed,
    pub(crate) definition: MultiScale,
}

/// A picture as it is compared.
pub(crate) struct Features {
    /// For the strips, which read samples as they need them.
    pub(crate) picture: Picture,
    /// All scales of every plane for the oracle, when it is asked.
    pyramids: OnceLock<Vec<Vec<Plane>>>,
}

impl MsSsim {
    /// All scales of every plane of a picture.
    pub(crate) fn pyramids<'a>(&self, features: &'a Features) -> &'a [Vec<Plane>] {
        features.pyramids.get_or_init(|| {
            let planes = self.samples.planes(&features.picture, 1.0).into_par_iter();
            planes.map(|plane| self.definition.pyramid(plane)).collect()
        })
    }

    /// The factors of every channel.
    fn factors(&self, reference: &Features, candidate: &Features) -> Vec<Factors> {
        let by_strips = self.by_strips([&reference.picture, &candidate.picture], None);
        by_strips.map(|scales| scales.factors).unwrap_or_else(|| {
            let pairs = self.pyramids(reference).par_iter().zip(self.pyramids(candidate));
            pairs.map(|(x, y)| self.definition.factors(x, y)).collect()
        })
    }

    /// All scales by the vector kernels, and SSIM of the finest where it is wanted; `None` where
    /// the oracle has to answer.
    fn by_strips(&self, [x, y]: [&Picture; 2], finest: Option<Want>) -> Option<ByStrips> {
        let definition = &self.definition;
        if (definition.window.border(), definition.last_border) != (Border::Valid, Border::Valid) {
            return None;
        }
        let rows = PairRows::new(x, y, self.samples, 0)?;
        let scales = (definition.scale_count(x.shorter_side()), definition.halving);
        let (window, best) = (&definition.window, Schedule::best());
        strips::multi_scale(&rows, window, Constants::WANG, scales, finest, best)
    }

    /// Whether there is a gradient: of smooth samples, and of a mean of products.
    fn has_gradient(&self) -> bool {
        self.samples.is_smooth()
            && self.definition.channel_mean == ChannelMean::OfProducts
            && self.definition.has_gradient()
    }

    /// The value and the derivative by the samples that are used, by the vector kernels.
    fn gradient_by_strips(&self, x: &Picture, y: &Picture) -> Option<(f64, Vec<f32>)> {
        let definition = &self.definition;
        if definition.window.border() != Border::Valid {
            return None;
        }
        let rows = PairRows::new(x, y, self.samples, 0)?;
        let scales = (definition.scale_count(x.shorter_side()), definition.halving);
        let channels = match self.samples {
            SamplesUsed::Channels => y.channels().count(),
            SamplesUsed::Luma(_) => 1,
        };
        let shares = |factors: &[f64]| {
            let shares = definition.shares(factors, definition.product(factors)).into_iter();
            shares.map(|share| share / channels as f64).collect()
        };
        let (window, best) = (&definition.window, Schedule::best());
        let (factors, gradient) =
            strips::multi_scale_gradient(&rows, window, Constants::WANG, scales, shares, best)?;
        let values: Vec<f64> = factors.iter().map(|factors| definition.product(factors)).collect();
        Some((mean(&values), gradient))
    }

    fn outcome(&self, channels: &[Factors]) -> Outcome {
        let averaged = average(channels);
        let value = match self.definition.channel_mean {
            ChannelMean::OfFactors => self.definition.product(&averaged.values()),
            ChannelMean::OfProducts => {
                let product = |factors: &Factors| self.definition.product(&factors.values());
                mean(&channels.iter().map(product).collect::<Vec<f64>>())
            }
        };
        let mut outcome = Outcome::of(value);
        for (scale, cs) in averaged.contrast.iter().enumerate() {
            outcome = outcome.with_part(format!("cs_{}", scale + 1), *cs);
        }
        let coarsest = averaged.contrast.len();
        outcome
            .with_part(format!("l_{coarsest}"), averaged.luminance)
            .with_part(format!("ssim_{coarsest}"), averaged.coarsest)
    }
}

impl ClosedForm for MsSsim {
    type Features = Features;

    fn features(&self, picture: &Picture) -> Result<Features, Reason> {
        Ok(Features { picture: picture.clone(), pyramids: OnceLock::new() })
    }

    fn compare(
        &self,
        reference: &Features,
        candidate: &Features,
        _want: Want,
    ) -> Result<Outcome, Reason> {
        Ok(self.outcome(&self.factors(reference, candidate)))
    }

    /// With SSIM of the same samples under the same window: the finest scale serves both.
    fn together(
        &self,
        other: &dyn Any,
        pair: [&Picture; 2],
        [_, want]: [Want; 2],
    ) -> Option<[Outcome; 2]> {
        let ssim: &Ssim = other.downcast_ref()?;
        let alike = ssim.samples == self.samples && ssim.window == self.definition.window;
        if !alike || !ssim.compares_whole(pair[0]) {
            return None;
        }
        let ByStrips { factors, finest } = self.by_strips(pair, Some(want))?;
        Some([self.outcome(&factors), ssim.outcome(finest?, 1)])
    }

    fn gradient(&self, reference: &Features, candidate: &Features) -> Option<(f64, Vec<Plane>)> {
        if !self.has_gradient() {
            return None;
        }
        let pairs = self.pyramids(reference).par_iter().zip(self.pyramids(candidate));
        let answers: Option<Vec<(f64, Plane)>> =
            pairs.map(|(x, y)| self.definition.value_and_gradient(x, y)).collect();
        let (values, gradients): (Vec<f64>, Vec<Plane>) = answers?.into_iter().unzip();
        let count = values.len() as f64;
        let gradients = gradients.into_iter().map(|plane| plane.map(|v| v / count)).collect();
        Some((
            mean(&values),
            self.samples.pull_back(gradients, candidate.picture.channels().count()),
        ))
    }

    fn gradient_samples(
        &self,
        reference: &Features,
        candidate: &Features,
    ) -> Option<(f64, Slopes)> {
        if !self.has_gradient() {
            return None;
        }
        let picture = &candidate.picture;
        let Some((value, gradient)) = self.gradient_by_strips(&reference.picture, picture) else {
            let (value, planes) = self.gradient(reference, candidate)?;
            return Some((value, one_after_the_other(planes)));
        };
        if self.samples == SamplesUsed::Channels {
            return Some((value, Slopes::Single(gradient)));
        }
        let gradient = Slopes::Single(gradient).in_double();
        let luma = Plane::new(picture.width(), picture.height(), gradient);
        let planes = self.samples.pull_back(vec![luma], picture.channels().count());
        Some((value, one_after_the_other(planes)))
    }

    fn minimum_side(&self, _card: &MetricCard) -> usize {
        self.definition.minimum_side()
    }
}

/// Each factor averaged over channels.
fn average(channels: &[Factors]) -> Factors {
    let over =
        |pick: &dyn Fn(&Factors) -> f64| mean(&channels.iter().map(pick).collect::<Vec<_>>());
    Factors {
        contrast: (0..channels[0].contrast.len()).map(|j| over(&|f| f.contrast[j])).collect(),
        luminance: over(&|f| f.luminance),
        coarsest: over(&|f| f.coarsest),
    }
}
