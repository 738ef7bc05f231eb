//! What may be done to both pictures of a pair before a metric sees them, as part of the id.
//!
//! `psnr:y@studio+shave=4`, `ssim+grey`, `mse+range=4095`, `ssim+tonemap=reinhard`. The order is
//! fixed: range, tone mapping, shaving, grey.

use std::borrow::Cow;
use std::str::FromStr;

use crate::{
    Channels, Encoding, Error, Gradient, Luma, Metric, MetricCard, MetricId, Picture, Prepared,
    Result, Samples, Score, Want,
};

/// A named curve from scene-linear light to display-coded samples, applied per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tonemap {
    /// Light above diffuse white is cut off.
    Clip,
    /// `L / (1 + L)` (Reinhard et al. 2002, simple global operator).
    Reinhard,
    /// The rational fit `L(2.51L + .03) / (L(2.43L + .59) + .14)` to the ACES film curve
    /// (Narkowicz 2015).
    Aces,
}

impl Tonemap {
    /// The curve's name on the command line and in ids.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Reinhard => "reinhard",
            Self::Aces => "aces",
        }
    }

    /// Display-coded sample in 0…1 of scene-linear light ≥ 0.
    pub fn apply(self, light: f64) -> f64 {
        // Far beyond any display; keeps the rational curve from dividing infinities.
        let light = light.clamp(0.0, 1e9);
        let display = match self {
            Self::Clip => light,
            Self::Reinhard => light / (1.0 + light),
            Self::Aces => light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14),
        }
        .clamp(0.0, 1.0);
        if display <= 0.003_130_8 {
            12.92 * display
        } else {
            (1.055 * display.powf(1.0 / 2.4) - 0.055).clamp(0.0, 1.0)
        }
    }
}

impl FromStr for Tonemap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "clip" => Ok(Self::Clip),
            "reinhard" => Ok(Self::Reinhard),
            "aces" => Ok(Self::Aces),
            _ => Err(format!("expected clip, reinhard or aces, found '{text}'")),
        }
    }
}

/// Options of an id that act on the pictures rather than inside the metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PictureOptions {
    /// `+range=X`: the sample value that stands for full intensity.
    pub range: Option<f64>,
    /// `+tonemap=NAME`: how scene-linear pictures become display-coded; others are left alone.
    pub tonemap: Option<Tonemap>,
    /// `+shave=N`: pixels cut off on every side.
    pub shave: usize,
    /// `+grey`: BT.601 luma in place of colour.
    pub grey: bool,
}

impl PictureOptions {
    /// The names of these options in ids.
    pub const NAMES: [&'static str; 4] = ["range", "tonemap", "shave", "grey"];

    /// Reads the picture options of an id; other options are left to the metric.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub fn of(id: &MetricId) -> Result<Self> {
        let wrong = |reason: String| Error::InvalidOption { id: id.to_string(), reason };
        let mut options = Self::default();
        for (name, value) in id.options() {
            match name.as_str() {
                "range" => match value.parse::<f64>() {
                    Ok(range) if range.is_finite() && range > 0.0 => options.range = Some(range),
                    _ => {
                        return Err(wrong(format!(
                            "range takes a positive number, found '{value}'"
                        )));
                    }
                },
                "tonemap" => {
                    options.tonemap =
                        Some(value.parse().map_err(|e| wrong(format!("tonemap: {e}")))?);
                }
                "shave" => {
                    options.shave = value.parse().map_err(|_| {
                        wrong(format!("shave takes a number of pixels, found '{value}'"))
                    })?;
                }
                "grey" if value.is_empty() => options.grey = true,
                "grey" => return Err(wrong(format!("grey takes no value, found '{value}'"))),
                _ => {}
            }
        }
        Ok(options)
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The picture after all options.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when a sample exceeds the given range; [`Error::InvalidOption`] when
    /// shaving leaves nothing.
    pub fn apply(&self, picture: &Picture) -> Result<Picture> {
        let mut picture = picture.clone();
        if let Some(range) = self.range {
            picture = picture.with_full_scale(range)?;
        }
        if let (Some(tonemap), Encoding::SceneLinear) = (self.tonemap, picture.encoding()) {
            let full_scale = picture.full_scale();
            let samples = (0..picture.samples().len())
                .map(|i| tonemap.apply(picture.samples().get(i) / full_scale) as f32)
                .collect();
            picture =
                picture.with_samples(picture.channels(), Samples::F32(samples), Encoding::Srgb)?;
        }
        if self.shave > 0 {
            let left = |side: usize| side.saturating_sub(self.shave.saturating_mul(2));
            let (width, height) = (left(picture.width()), left(picture.height()));
            if width == 0 || height == 0 {
                return Err(Error::InvalidOption {
                    id: format!("+shave={}", self.shave),
                    reason: format!(
                        "cutting {} pixels off every side of {}x{} leaves nothing",
                        self.shave,
                        picture.width(),
                        picture.height()
                    ),
                });
            }
            picture = picture.crop(self.shave, self.shave, width, height)?;
        }
        if self.grey && picture.channels() == Channels::Rgb {
            let luma = picture.luma(Luma::Y601).into_iter().map(|y| (y / 255.0).clamp(0.0, 1.0));
            let samples = Samples::F64(luma.collect());
            picture = picture.with_samples(Channels::Grey, samples, picture.encoding())?;
        }
        Ok(picture)
    }
}

/// A metric behind picture options.
pub struct Preprocessed {
    id: MetricId,
    inner: Box<dyn Metric>,
    options: PictureOptions,
}

impl Preprocessed {
    /// Wraps `inner` when the id has picture options, and returns it unchanged when it has none.
    ///
    /// `id` is the id asked for; the picture options are taken from it, everything else from
    /// `inner`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub fn wrap(inner: Box<dyn Metric>, id: &MetricId) -> Result<Box<dyn Metric>> {
        let options = PictureOptions::of(id)?;
        if options.is_empty() {
            return Ok(inner);
        }
        let mut full = inner.id().clone();
        for (name, value) in id.options() {
            if PictureOptions::NAMES.contains(&name.as_str()) {
                full = full.with_option(name, value)?;
            }
        }
        Ok(Box::new(Self { id: full, inner, options }))
    }
}

impl Metric for Preprocessed {
    fn id(&self) -> &MetricId {
        &self.id
    }

    fn card(&self) -> &MetricCard {
        self.inner.card()
    }

    fn prepare_picture<'a>(
        &'a self,
        reference: Cow<'a, Picture>,
    ) -> Result<Box<dyn Prepared + 'a>> {
        let inner = self.inner.prepare_picture(Cow::Owned(self.options.apply(&reference)?))?;
        Ok(Box::new(PreparedPreprocessed { metric: self, inner }))
    }
}

/// The inner metric, prepared on the processed reference.
struct PreparedPreprocessed<'a> {
    metric: &'a Preprocessed,
    inner: Box<dyn Prepared + 'a>,
}

impl Prepared for PreparedPreprocessed<'_> {
    fn compare(&self, candidate: &Picture, want: Want) -> Result<Score> {
        let candidate = self.metric.options.apply(candidate)?;
        let mut score = self.inner.compare(&candidate, want)?;
        score.id = self.metric.id.clone();
        if let Some(map) = &mut score.map {
            map.left += self.metric.options.shave;
            map.top += self.metric.options.shave;
        }
        Ok(score)
    }

    fn gradient(&self, _candidate: &Picture) -> Result<Gradient> {
        Err(Error::NoGradient {
            id: self.metric.id.to_string(),
            reason: "options that change the pictures are not differentiated; prepare the \
                     pictures yourself and use the metric without options"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_options_from_the_id() {
        let id: MetricId = "psnr+shave=4+grey+range=4095+tonemap=aces".parse().unwrap();
        let options = PictureOptions::of(&id).unwrap();
        assert_eq!((options.shave, options.grey), (4, true));
        assert_eq!((options.range, options.tonemap), (Some(4095.0), Some(Tonemap::Aces)));
        for text in ["psnr+shave=x", "psnr+grey=1", "psnr+range=0", "psnr+tonemap=film"] {
            assert!(PictureOptions::of(&text.parse().unwrap()).is_err(), "{text}");
        }
    }

    #[test]
    fn shaving_everything_is_an_error() {
        let picture = Picture::from_u8(4, 4, Channels::Grey, vec![0; 16]).unwrap();
        let options = PictureOptions { shave: 2, ..PictureOptions::default() };
        assert!(options.apply(&picture).is_err());
        let options = PictureOptions { shave: usize::MAX, ..PictureOptions::default() };
        assert!(options.apply(&picture).is_err());
    }

    #[test]
    fn tone_curves_start_at_black_and_never_leave_the_display_range() {
        for tonemap in [Tonemap::Clip, Tonemap::Reinhard, Tonemap::Aces] {
            assert_eq!(tonemap.apply(0.0), 0.0);
            for light in [0.001, 0.18, 1.0, 50.0, 1e30] {
                assert!((0.0..=1.0).contains(&tonemap.apply(light)), "{tonemap:?} {light}");
            }
        }
        assert!((Tonemap::Clip.apply(1.0) - 1.0).abs() < 1e-12);
    }
}
