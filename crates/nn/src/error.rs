//! What can go wrong between parameters, pictures and activations.

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a network could not be made or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is missing, or not of the expected shape.
    #[error("parameter '{name}': {reason}")]
    Parameter {
        /// Its name.
        name: String,
        /// What was expected and found.
        reason: String,
    },
    /// Numbers that do not fill their shape.
    #[error("expected {expected} numbers for shape {shape:?}, found {found}")]
    Count {
        /// Batch, channels, height, width.
        shape: [usize; 4],
        /// Their product, or "fewer" where it exceeds the address space.
        expected: String,
        /// How many were given.
        found: usize,
    },
    /// An input with another number of channels than the network reads.
    #[error("{network} reads {expected} channels, found {found}")]
    Channels {
        /// The network.
        network: &'static str,
        /// What it reads.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// An input so small that some layer has nothing to look at.
    #[error(
        "{network} needs at least {minimum} pixels on the shorter side, found {width}x{height}"
    )]
    TooSmall {
        /// The network.
        network: &'static str,
        /// The smallest side it accepts.
        minimum: usize,
        /// Width given.
        width: usize,
        /// Height given.
        height: usize,
    },
    /// Derivatives that do not belong to the activations.
    #[error("expected derivatives of shape {expected:?} at tap {tap}, found {found:?}")]
    Derivatives {
        /// The tap, from 0.
        tap: usize,
        /// Shape of the activations.
        expected: [usize; 4],
        /// Shape that was given.
        found: [usize; 4],
    },
    /// A list of layers with something that the processor has no kernel for.
    #[error("there is no kernel for {0}")]
    NoKernel(&'static str),
    /// The environment asks for something else than little memory.
    #[error("LOOKALIKE_MEMORY={0} is unknown: expected low, or nothing")]
    Memory(String),
    /// A device that does not exist, or that this program cannot use.
    #[error("the device '{name}': {reason}")]
    Device {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A network for which the tensor engine has no code of ours.
    #[error("{0} is computed by the processor's kernels alone; leave --device out")]
    KernelsAlone(&'static str),
    /// The processor does not multiply in bfloat16, or was told not to use what does.
    #[error(
        "products in bfloat16 need AVX512_BF16, which this processor does not have or LOOKALIKE_SIMD leaves out \
         ({0} is in use); single precision is always there"
    )]
    NoBfloat16(&'static str),
    /// A kernel refused what it was given.
    #[error(transparent)]
    Kernel(#[from] lookalike_kernels::Error),
    /// The tensor engine gave back something else than was asked of it.
    #[error("the tensor engine failed: {0}")]
    Engine(String),
    /// A network whose padding depends on the size of its input cannot be cut into tiles.
    #[error("{0} pads by the size of its input, so its activations cannot be computed in tiles")]
    NotTileable(&'static str),
    /// Numbers that do not fit a layer.
    #[error("{what}: expected {expected} numbers, found {found}")]
    Numbers {
        /// What they are.
        what: &'static str,
        /// How many were expected.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// Parameters of which no layer can be made.
    #[error("{0}")]
    Unfit(String),
}

impl Error {
    /// # Errors
    /// [`Error::Numbers`] unless the counts agree.
    pub(crate) fn expect_numbers(what: &'static str, expected: usize, found: usize) -> Result<()> {
        if expected == found { Ok(()) } else { Err(Self::Numbers { what, expected, found }) }
    }
}
