//! A picture between its decoder and its final form: alpha, orientation and profile still apart.

use crate::decode::colour_profile::Profile;
use crate::decode::orientation::Orientation;
use crate::decode::source::Source;
use crate::{Channels, Encoding, Error, Result, Samples};

/// What alpha says about the colours beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alpha {
    /// There is none.
    None,
    /// Colours are as if opaque.
    Straight,
    /// Colours are already multiplied by alpha.
    Premultiplied,
}

/// Interleaved samples, alpha last, with all that still has to be applied to them.
pub(super) struct Decoded {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: Channels,
    pub(super) alpha: Alpha,
    pub(super) samples: Samples,
    pub(super) encoding: Encoding,
    pub(super) orientation: Orientation,
    pub(super) profile: Option<Profile>,
    pub(super) steps: Vec<String>,
}

impl Decoded {
    /// Samples per pixel, alpha included.
    pub(super) fn stride(&self) -> usize {
        self.channels.count() + usize::from(self.alpha != Alpha::None)
    }

    /// Checks floating-point samples while their pixel can still be named: all must be numbers,
    /// and display-coded ones must lie in 0…1. Slightly negative light is what resampling and
    /// colour conversion leave in scene-linear files; it is cut off at 0 and recorded. Alpha
    /// beyond 0…1 is cut off too.
    pub(super) fn check_floats(&mut self, source: &Source<'_>) -> Result<()> {
        let (stride, width) = (self.stride(), self.width);
        let (channels, scene) = (self.channels.count(), self.encoding == Encoding::SceneLinear);
        let Samples::F32(samples) = &mut self.samples else { return Ok(()) };
        let mut negative = 0_usize;
        for (index, sample) in samples.iter_mut().enumerate() {
            let (value, channel) = (f64::from(*sample), index % stride);
            let is_alpha = channel == channels;
            let at = (index / stride % width, index / stride / width);
            if !value.is_finite() {
                let (name, (x, y)) = (source.name.to_owned(), at);
                return Err(Error::NotFinite { name, value, x, y, channel });
            }
            if is_alpha {
                *sample = sample.clamp(0.0, 1.0);
            } else if scene && value < 0.0 {
                *sample = 0.0;
                negative += 1;
            } else if !scene && !(0.0..=1.0).contains(&value) {
                let (name, (x, y)) = (source.name.to_owned(), at);
                return Err(Error::OutOfRange { name, value, x, y, channel, full_scale: 1.0 });
            }
        }
        if negative > 0 {
            self.steps.push(format!("negative light clamped: {negative} samples"));
        }
        Ok(())
    }
}
