//! Embedded colour profiles to sRGB, by `moxcms`.
//!
//! Relative colorimetric, without black point compensation, computed in 32-bit floating point from
//! the curves themselves where a profile has curves, and rounded once to the depth of the samples;
//! colours outside sRGB are cut off. A profile that moves no colour of a probe grid by two
//! 8-bit codes is sRGB under another name: the samples stay as they are, bit for bit.
//!
//! * Code points of a PNG (`cICP`) win over its ICC profile, as the format demands. `gAMA` and
//!   `cHRM` chunks without either are not applied.
//! * A grey picture with an RGB profile, as cameras write, is read along the profile's neutral axis.
//!   Any other profile of another colour model is an error, as is one that cannot be parsed.
//! * PQ and HLG are refused: their light is absolute, and tone mapping it is a choice.

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ProfileText, RenderingIntent, ToneReprCurve, TransferCharacteristics,
    TransformF32Executor, TransformOptions,
};
use std::sync::Arc;

use crate::decode::decoded::{Alpha, Decoded};
use crate::decode::source::Source;
use crate::decode::transparency::divide_by_alpha;
use crate::{Channels, Encoding, Result, Samples};

/// What a file says about its colours.
pub(super) enum Profile {
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Colour primaries, transfer, matrix and range (ITU-T H.273).
    CodePoints([u8; 4]),
}

/// Two 8-bit codes: profiles that all mean sRGB derive and round its matrix differently, which
/// moves the dark component of saturated colours by up to one and a half codes, while other colour
/// spaces move colours by many.
const SAME: f32 = 2.0 / 255.0;

/// Samples of the probe grid on each axis.
const PROBES: usize = 17;

/// Pixels converted at a time.
const BLOCK: usize = 4096;

/// The picture in sRGB; `icc=…` is recorded when samples changed.
pub(super) fn to_srgb(mut decoded: Decoded, source: &Source<'_>) -> Result<Decoded> {
    let Some(profile) = decoded.profile.take() else { return Ok(decoded) };
    if decoded.encoding == Encoding::SceneLinear {
        return Ok(decoded);
    }
    let profile = match profile {
        Profile::Icc(bytes) => ColorProfile::new_from_slice(&bytes)
            .map_err(|error| source.broken(format!("its colour profile is unreadable: {error}")))?,
        Profile::CodePoints(code_points) => from_code_points(code_points, source)?,
    };
    refuse_high_dynamic_range(profile.cicp, source)?;
    let name = description(&profile);
    let Some(converter) = Converter::new(&profile, decoded.channels, &name, source)? else {
        return Ok(decoded);
    };
    let mut decoded = divide_by_alpha(decoded);
    let (stride, alpha) = (decoded.stride(), decoded.alpha != Alpha::None);
    match &mut decoded.samples {
        Samples::U8(samples) => converter.convert(samples, stride, alpha, source)?,
        Samples::U16(samples) => converter.convert(samples, stride, alpha, source)?,
        Samples::F32(samples) => converter.convert(samples, stride, alpha, source)?,
        // No decoder makes double precision.
        Samples::F64(_) => return Err(source.unsupported("a profile on 64-bit samples")),
    }
    decoded.steps.push(format!("icc={name}"));
    Ok(decoded)
}

fn from_code_points(code_points: [u8; 4], source: &Source<'_>) -> Result<ColorProfile> {
    let [primaries, transfer, matrix, full_range] = code_points;
    let unknown = || source.unsupported(format!("the colour code points {code_points:?}"));
    let code_points = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).map_err(|_| unknown())?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer)
            .map_err(|_| unknown())?,
        matrix_coefficients: MatrixCoefficients::try_from(matrix).map_err(|_| unknown())?,
        full_range: full_range == 1,
    };
    refuse_high_dynamic_range(Some(code_points), source)?;
    let known = ColorPrimaries::try_from(code_points.color_primaries).is_ok()
        && ToneReprCurve::try_from(code_points.transfer_characteristics).is_ok();
    if !known || matrix != 0 || !code_points.full_range {
        return Err(unknown());
    }
    let mut profile = profile_of(code_points);
    let name = format!("code points {primaries}/{transfer}");
    profile.description = Some(ProfileText::PlainString(name));
    Ok(profile)
}

/// The profile of known code points.
fn profile_of(code_points: CicpProfile) -> ColorProfile {
    let mut profile = ColorProfile::new_srgb();
    profile.update_rgb_colorimetry_from_cicp(code_points);
    profile
}

/// sRGB, its matrix derived from BT.709 primaries and D65.
fn srgb() -> ColorProfile {
    profile_of(CicpProfile {
        color_primaries: CicpColorPrimaries::Bt709,
        transfer_characteristics: TransferCharacteristics::Srgb,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    })
}

fn refuse_high_dynamic_range(code_points: Option<CicpProfile>, source: &Source<'_>) -> Result<()> {
    let name = match code_points.map(|code_points| code_points.transfer_characteristics) {
        Some(TransferCharacteristics::Smpte2084) => "PQ",
        Some(TransferCharacteristics::Hlg) => "HLG",
        _ => return Ok(()),
    };
    Err(source.unsupported(format!(
        "high dynamic range ({name}); tone-map it to sRGB or convert it to OpenEXR first"
    )))
}

/// The profile's own description, on one line.
fn description(profile: &ColorProfile) -> String {
    let text = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.as_str(),
        Some(ProfileText::Localizable(texts)) => texts.first().map_or("", |text| &text.value),
        Some(ProfileText::Description(text)) => &text.ascii_string,
        None => "",
    };
    let line: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    if line.trim().is_empty() { "unnamed profile".to_owned() } else { line.trim().to_owned() }
}

/// A transform from display-coded samples under a profile to sRGB.
struct Converter {
    transform: Arc<TransformF32Executor>,
    /// Channels that the profile takes.
    inputs: usize,
    channels: Channels,
}

impl Converter {
    /// `None` where the profile is sRGB already.
    fn new(
        profile: &ColorProfile,
        channels: Channels,
        name: &str,
        source: &Source<'_>,
    ) -> Result<Option<Self>> {
        let (inputs, layout) = match (profile.color_space, channels) {
            (DataColorSpace::Rgb, _) => (3, Layout::Rgb),
            (DataColorSpace::Gray, Channels::Grey) => (1, Layout::Gray),
            (other, _) => {
                return Err(source.broken(format!(
                    "its colour profile '{name}' is for {other:?} pictures; remove the profile if it is wrong"
                )));
            }
        };
        let options = TransformOptions {
            rendering_intent: RenderingIntent::RelativeColorimetric,
            prefer_fixed_point: false,
            allow_extended_range_rgb_xyz: true,
            ..TransformOptions::default()
        };
        let transform = profile
            .create_transform_f32(layout, &srgb(), Layout::Rgb, options)
            .map_err(|error| {
                source.broken(format!("its colour profile '{name}' is unreadable: {error}"))
            })?;
        let converter = Self { transform, inputs, channels };
        Ok((!converter.is_identity(source)?).then_some(converter))
    }

    fn is_identity(&self, source: &Source<'_>) -> Result<bool> {
        let level = |index: usize| index as f32 / (PROBES - 1) as f32;
        let colours: Vec<f32> = match self.channels {
            Channels::Grey => (0..=255).map(|code| code as f32 / 255.0).collect(),
            Channels::Rgb => (0..PROBES.pow(3))
                .flat_map(|i| [i % PROBES, i / PROBES % PROBES, i / PROBES / PROBES].map(level))
                .collect(),
        };
        let mut converted = colours.clone();
        self.block(&mut converted, source)?;
        Ok(colours.iter().zip(&converted).all(|(before, after)| (before - after).abs() < SAME))
    }

    /// Converts whole pixels without alpha, samples in 0…1.
    fn block(&self, colours: &mut [f32], source: &Source<'_>) -> Result<()> {
        let widened: Vec<f32>;
        let input: &[f32] = if self.inputs == 3 && self.channels == Channels::Grey {
            widened = colours.iter().flat_map(|&grey| [grey; 3]).collect();
            &widened
        } else {
            colours
        };
        let mut output = vec![0.0; input.len() / self.inputs * 3];
        self.transform
            .transform(input, &mut output)
            .map_err(|error| source.broken(format!("its colour profile fails: {error}")))?;
        let tidy = |sample: f32| if sample.is_nan() { 0.0 } else { sample.clamp(0.0, 1.0) };
        match self.channels {
            Channels::Rgb => {
                colours.iter_mut().zip(output).for_each(|(colour, sample)| *colour = tidy(sample));
            }
            Channels::Grey => {
                for (grey, [red, green, blue]) in colours.iter_mut().zip(output.as_chunks().0) {
                    *grey = tidy((red + green + blue) / 3.0);
                }
            }
        }
        Ok(())
    }

    /// Converts interleaved samples in place; alpha, the last of each pixel, stays.
    fn convert<T: Depth>(
        &self,
        samples: &mut [T],
        stride: usize,
        alpha: bool,
        source: &Source<'_>,
    ) -> Result<()> {
        let colours = stride - usize::from(alpha);
        let mut block = Vec::with_capacity(BLOCK * colours);
        for pixels in samples.chunks_mut(BLOCK * stride) {
            block.clear();
            for pixel in pixels.chunks_exact(stride) {
                block.extend(pixel[..colours].iter().map(|&sample| sample.to_unit()));
            }
            self.block(&mut block, source)?;
            for (pixel, colour) in pixels.chunks_exact_mut(stride).zip(block.chunks_exact(colours))
            {
                for (sample, &value) in pixel.iter_mut().zip(colour) {
                    *sample = T::from_unit(value);
                }
            }
        }
        Ok(())
    }
}

/// A sample type on the 0…1 scale.
trait Depth: Copy {
    fn to_unit(self) -> f32;
    fn from_unit(value: f32) -> Self;
}

impl Depth for u8 {
    fn to_unit(self) -> f32 {
        f32::from(self) / 255.0
    }
    fn from_unit(value: f32) -> Self {
        (value * 255.0).round() as Self
    }
}

impl Depth for u16 {
    fn to_unit(self) -> f32 {
        f32::from(self) / 65535.0
    }
    fn from_unit(value: f32) -> Self {
        (value * 65535.0).round() as Self
    }
}

impl Depth for f32 {
    fn to_unit(self) -> f32 {
        self
    }
    fn from_unit(value: f32) -> Self {
        value
    }
}
