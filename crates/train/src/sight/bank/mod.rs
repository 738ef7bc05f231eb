//! Distortions of graded severity, in groups; of every group some are learned from and one or two are held
//! out, so that what is said of unseen distortions is measured on distortions that were not seen.
//!
//! Severity runs from 0, nothing, to 1, which nobody would overlook; what is random about a distortion
//! (direction, sign, grain, places) follows from a seed and does not depend on the severity, so damage grows
//! along one path. JPEG is a real encoder's, resampling that of a library; wavelet coding is JPEG 2000's
//! transform and quantisation, without its entropy coder. Noise, blur, JPEG, quantisation, contrast,
//! brightness and saturation are those of `lookalike_core::procedural`.

pub(crate) mod canvas;
mod change;
pub(crate) mod resampling;
mod wavelet;

use lookalike_core::procedural::Distortion as Basic;
use serde::{Deserialize, Serialize};

use self::resampling::Kernel;

/// What kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Lossy coding.
    Compression,
    /// Grain.
    Noise,
    /// Lost or exaggerated detail, by filters and by resampling.
    Blur,
    /// Values change, places do not.
    Colour,
    /// Places change, values do not.
    Geometry,
    /// Something else is shown in part.
    Content,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Compression, Self::Noise, Self::Blur, Self::Colour, Self::Geometry, Self::Content];

    /// One lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compression => "compression",
            Self::Noise => "noise",
            Self::Blur => "blur",
            Self::Colour => "colour",
            Self::Geometry => "geometry",
            Self::Content => "content",
        }
    }
}

/// A way to damage a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distortion {
    /// One lower-case word.
    pub name: &'static str,
    /// Its group.
    pub group: Group,
    /// Whether nothing is learned from it.
    pub held_out: bool,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Of `lookalike_core`: strength is severity to the power of 1, or of 3/2 where small damage counts.
    Basic(Basic, bool),
    Wavelet,
    Pink,
    Speckle,
    Salt,
    Lens,
    Motion,
    Sharpen,
    Resampled(Kernel),
    Darken,
    Tint,
    Gamma,
    Shift,
    Rotate,
    Zoom,
    Shear,
    Elastic,
    Ghost,
    Jumble,
    Mixed,
    Fringe,
    Occlusion,
}

const fn learned(name: &'static str, group: Group, how: How) -> Distortion {
    Distortion { name, group, held_out: false, how }
}

const fn held(name: &'static str, group: Group, how: How) -> Distortion {
    Distortion { name, group, held_out: true, how }
}

/// All distortions; the order is part of every recipe.
pub const BANK: [Distortion; 31] = [
    learned("jpeg", Group::Compression, How::Basic(Basic::Jpeg, false)),
    held("wavelet", Group::Compression, How::Wavelet),
    learned("noise", Group::Noise, How::Basic(Basic::Noise, true)),
    learned("pink", Group::Noise, How::Pink),
    learned("speckle", Group::Noise, How::Speckle),
    held("salt", Group::Noise, How::Salt),
    learned("blur", Group::Blur, How::Basic(Basic::Blur, true)),
    learned("lens", Group::Blur, How::Lens),
    learned("sharpen", Group::Blur, How::Sharpen),
    learned("nearest", Group::Blur, How::Resampled(Kernel::Nearest)),
    learned("bilinear", Group::Blur, How::Resampled(Kernel::Bilinear)),
    learned("cubic", Group::Blur, How::Resampled(Kernel::CatmullRom)),
    held("motion", Group::Blur, How::Motion),
    held("lanczos", Group::Blur, How::Resampled(Kernel::Lanczos)),
    learned("quantise", Group::Colour, How::Basic(Basic::Quantise, true)),
    learned("contrast", Group::Colour, How::Basic(Basic::Contrast, false)),
    learned("brightness", Group::Colour, How::Basic(Basic::Brightness, false)),
    learned("darken", Group::Colour, How::Darken),
    learned("saturation", Group::Colour, How::Basic(Basic::Saturation, false)),
    learned("tint", Group::Colour, How::Tint),
    held("gamma", Group::Colour, How::Gamma),
    learned("shift", Group::Geometry, How::Shift),
    learned("rotate", Group::Geometry, How::Rotate),
    learned("zoom", Group::Geometry, How::Zoom),
    learned("shear", Group::Geometry, How::Shear),
    held("elastic", Group::Geometry, How::Elastic),
    learned("ghost", Group::Content, How::Ghost),
    learned("jumble", Group::Content, How::Jumble),
    learned("mixed", Group::Content, How::Mixed),
    held("fringe", Group::Content, How::Fringe),
    held("occlusion", Group::Content, How::Occlusion),
];
