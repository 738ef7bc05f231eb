//! Everything that can go wrong between bytes and a score.
//!
//! Each message says what was expected, what was found, and what mends it.

use std::path::PathBuf;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a picture could not be read or a pair could not be scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened or read.
    #[error("{}: cannot read the file: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The file could not be written.
    #[error("{}: cannot write the file: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// The bytes are not a picture of the format they claim to be.
    #[error("{name}: not a readable {format} picture: {reason}")]
    Decode {
        /// The path, or how the caller named the bytes.
        name: String,
        /// The format that was recognised.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The format is unknown, or known but not supported.
    #[error("{name}: {reason}")]
    UnsupportedFormat {
        /// The path, or how the caller named the bytes.
        name: String,
        /// What was found and what can be done.
        reason: String,
    },
    /// The header announces more pixels than the limit allows.
    #[error(
        "{name}: {width}x{height} pixels exceed the limit of {limit} pixels; raise it with --max-pixels if the file can be trusted"
    )]
    TooManyPixels {
        /// The path, or how the caller named the bytes.
        name: String,
        /// Width found in the header.
        width: u64,
        /// Height found in the header.
        height: u64,
        /// The limit in pixels.
        limit: u64,
    },
    /// The picture has transparent pixels and no policy says what lies behind them.
    #[error(
        "{name}: the picture has transparent pixels, so its colours depend on what lies behind; choose --alpha white, black or ignore"
    )]
    Transparent {
        /// The path, or how the caller named the bytes.
        name: String,
    },
    /// The samples are scene-linear or high dynamic range, and the metric is defined on display-coded pictures.
    #[error(
        "{name}: {found}, but {id} is defined on display-coded (sRGB) pictures; choose a tone mapping with --tonemap clip, reinhard or aces"
    )]
    NotDisplayCoded {
        /// The path, or how the caller named the picture.
        name: String,
        /// What the samples are.
        found: String,
        /// The metric that was asked for.
        id: String,
    },
    /// A sample is NaN or infinite.
    #[error(
        "{name}: sample {value} at column {x}, row {y}, channel {channel} is not a finite number"
    )]
    NotFinite {
        /// The path, or how the caller named the picture.
        name: String,
        /// The sample.
        value: f64,
        /// Column, from 0.
        x: usize,
        /// Row, from 0.
        y: usize,
        /// Channel, from 0 (red or grey).
        channel: usize,
    },
    /// A sample lies outside the range that its picture declares.
    #[error(
        "{name}: sample {value} at column {x}, row {y}, channel {channel} lies outside 0..{full_scale}; give the true full scale with --range"
    )]
    OutOfRange {
        /// The path, or how the caller named the picture.
        name: String,
        /// The sample.
        value: f64,
        /// Column, from 0.
        x: usize,
        /// Row, from 0.
        y: usize,
        /// Channel, from 0 (red or grey).
        channel: usize,
        /// The declared full scale.
        full_scale: f64,
    },
    /// A picture without pixels, or with a sample count that is not width × height × channels.
    #[error(
        "expected {expected} samples for {width}x{height} pixels of {channels} channels, found {found}"
    )]
    SampleCount {
        /// Declared width.
        width: usize,
        /// Declared height.
        height: usize,
        /// Declared channels.
        channels: usize,
        /// width × height × channels, or "at least 1" for an empty picture.
        expected: String,
        /// The number of samples given.
        found: usize,
    },
    /// Reference and candidate differ in size.
    #[error(
        "sizes differ: {}x{} against {}x{}; bring them to one size with --fit resize, crop or pad",
        reference.0, reference.1, candidate.0, candidate.1
    )]
    SizeMismatch {
        /// Width and height of the reference.
        reference: (usize, usize),
        /// Width and height of the candidate.
        candidate: (usize, usize),
    },
    /// The pair is smaller than the metric's definition allows.
    #[error(
        "{id} needs at least {minimum} pixels on the shorter side, the picture has {width}x{height}{hint}"
    )]
    TooSmall {
        /// The metric.
        id: String,
        /// The smallest side it is defined on.
        minimum: usize,
        /// Width found.
        width: usize,
        /// Height found.
        height: usize,
        /// What to use instead, starting with "; ", or empty.
        hint: String,
    },
    /// A metric id that does not follow `family[:variant][@profile][+option=value]`.
    #[error("'{text}' is not a metric id (family[:variant][@profile][+option=value]): {reason}")]
    InvalidId {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A well-formed id that names no metric.
    #[error("no metric is called '{id}'{hint}; `lookalike metrics` lists all of them")]
    UnknownMetric {
        /// What was asked for.
        id: String,
        /// "; did you mean …", or empty.
        hint: String,
    },
    /// An option that the metric does not have, or a value it does not take.
    #[error("{id}: {reason}")]
    InvalidOption {
        /// The metric.
        id: String,
        /// What was expected and found.
        reason: String,
    },
    /// A gradient was asked of a metric that defines none.
    #[error("{id} offers no gradient: {reason}")]
    NoGradient {
        /// The metric.
        id: String,
        /// Why, and what to use instead.
        reason: String,
    },
    /// A learned metric without usable weights.
    #[error("{id} has no weights: {reason}")]
    Weights {
        /// The metric.
        id: String,
        /// What is missing or wrong, and the command that mends it.
        reason: String,
    },
    /// The metric's formula gave no number for this pair.
    #[error("{id} is not defined on this pair: {reason}")]
    Undefined {
        /// The metric.
        id: String,
        /// What made it undefined.
        reason: String,
    },
}
