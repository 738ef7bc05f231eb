//! What is known about a metric, as data: the source of `lookalike metrics`, of the tables in the
//! documentation and of the rules that gates and sorting follow.

use crate::{Direction, Encoding, Error, MetricId, Picture, Result};

/// Which samples of a picture a metric looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourUse {
    /// One weighted sum of red, green and blue; blind to pure chroma changes.
    Luma,
    /// Each channel by itself, then the mean.
    PerChannel,
    /// Channels together, in an opponent or uniform colour space.
    Colour,
}

impl ColourUse {
    /// A word for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Luma => "luma",
            Self::PerChannel => "per channel",
            Self::Colour => "colour",
        }
    }
}

/// The values a metric can take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange {
    /// Smallest value, possibly −∞.
    pub low: f64,
    /// Largest value, possibly +∞.
    pub high: f64,
}

/// The fixed scale on which a map is coloured, the same for every picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DisplayScale {
    /// The map value shown as "no difference".
    pub same: f64,
    /// The map value shown as the strongest difference; values beyond it saturate.
    pub different: f64,
}

/// Everything a user should know before trusting a number.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricCard {
    /// Full id without options, such as `ssim@wang`.
    pub id: &'static str,
    /// True for the one definition that a bare family (or family and variant) stands for.
    pub default_profile: bool,
    /// Name in words.
    pub title: &'static str,
    /// The definition in one line.
    pub definition: &'static str,
    /// Where the definition was published.
    pub source: &'static str,
    /// The implementation and version whose numbers this profile gives, and how closely.
    pub reproduces: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// The values it can take.
    pub range: ValueRange,
    /// Its value for two equal pictures.
    pub equal: f64,
    /// Whether exchanging reference and candidate leaves the value unchanged.
    pub symmetric: bool,
    /// Smallest length of the shorter side, in pixels.
    pub minimum_side: usize,
    /// What to use on smaller pictures, or empty.
    pub when_smaller: &'static str,
    /// Which samples it looks at.
    pub colour: ColourUse,
    /// Whether it accepts scene-linear pictures (1.0 = diffuse white) besides display-coded ones.
    pub scene_linear: bool,
    /// How its map is coloured; `None` when it has no map.
    pub map: Option<DisplayScale>,
    /// Whether it offers a gradient with respect to the candidate.
    pub gradient: bool,
    /// Names of the weights it needs, for learned metrics.
    pub weights: &'static [&'static str],
    /// Options that change its value, with their meaning: `("ppd", "pixels per degree")`.
    pub options: &'static [(&'static str, &'static str)],
    /// Changes it does not see, or sees too weakly.
    pub blind_to: &'static [&'static str],
    /// Further facts: deviations of other implementations, licence of what it is built on.
    pub notes: &'static [&'static str],
}

impl MetricCard {
    /// A card to be completed by struct update: SDR, higher is better, 1 for equal pictures,
    /// symmetric, any size, no map, no gradient, no options.
    pub const BASE: Self = Self {
        id: "",
        default_profile: false,
        title: "",
        definition: "",
        source: "",
        reproduces: "",
        direction: Direction::HigherIsBetter,
        range: ValueRange { low: 0.0, high: 1.0 },
        equal: 1.0,
        symmetric: true,
        minimum_side: 1,
        when_smaller: "",
        colour: ColourUse::PerChannel,
        scene_linear: false,
        map: None,
        gradient: false,
        weights: &[],
        options: &[],
        blind_to: &[],
        notes: &[],
    };

    /// Whether a metric of this card takes a picture; `minimum_side` is the card's unless an option
    /// of `id` changed it.
    ///
    /// # Errors
    /// [`Error::NotDisplayCoded`], [`Error::TooSmall`].
    pub fn check(&self, id: &MetricId, picture: &Picture, minimum_side: usize) -> Result<()> {
        if picture.encoding() == Encoding::SceneLinear && !self.scene_linear {
            return Err(Error::NotDisplayCoded {
                name: picture.name(),
                found: "the samples are scene-linear".to_owned(),
                id: id.to_string(),
            });
        }
        if picture.shorter_side() < minimum_side {
            let hint = match self.when_smaller {
                "" => String::new(),
                advice => format!("; {advice}"),
            };
            let (minimum, width, height) = (minimum_side, picture.width(), picture.height());
            return Err(Error::TooSmall { id: id.to_string(), minimum, width, height, hint });
        }
        Ok(())
    }
}
