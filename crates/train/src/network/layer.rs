//! The layers that networks are made of, and the shapes they take and give.

use crate::{Error, Result};

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A convolution with square filters, and zeros around its input.
    Convolution {
        /// Channels written.
        outputs: usize,
        /// Rows and columns of a filter.
        kernel: usize,
        /// Positions from one window to the next.
        stride: usize,
        /// Zeros on every side.
        padding: usize,
    },
    /// The adjoint of a convolution without zeros around it ("transposed convolution").
    Transposed {
        /// Channels written.
        outputs: usize,
        /// Rows and columns of a filter.
        kernel: usize,
        /// Positions from one window to the next, in what is written.
        stride: usize,
        /// Height and width of what is written.
        side: usize,
    },
    /// Every output is a weighted sum of all inputs.
    Dense(usize),
    /// Negative numbers become 0.
    Relu,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// Every number becomes four, twice the height and width.
    Double,
    /// The same numbers as so many channels, rows and columns.
    Shape([usize; 3]),
}

impl Layer {
    /// Channels, height and width of what comes of an input.
    ///
    /// # Errors
    /// [`Error::Refused`] where they do not fit.
    pub(super) fn output(self, input: [usize; 3]) -> Result<[usize; 3]> {
        let [channels, height, width] = input;
        let refused = || {
            let [c, h, w] = input;
            Error::Refused(format!("{self:?} does not fit {c} channels of {h}x{w}"))
        };
        match self {
            Self::Convolution { outputs, kernel, stride, padding } => {
                let along = |length: usize| {
                    let steps = (length + 2 * padding).checked_sub(kernel)?;
                    Some(steps.checked_div(stride)? + 1)
                };
                let size = along(height).zip(along(width)).filter(|_| kernel > 0 && outputs > 0);
                let (height, width) = size.ok_or_else(refused)?;
                Ok([outputs, height, width])
            }
            Self::Transposed { outputs, kernel, stride, side } => {
                let back = Self::Convolution { outputs: channels, kernel, stride, padding: 0 };
                let fits = back.output([outputs, side, side]).is_ok_and(|found| found == input);
                if fits { Ok([outputs, side, side]) } else { Err(refused()) }
            }
            Self::Dense(0) => Err(refused()),
            Self::Dense(outputs) => Ok([outputs, 1, 1]),
            Self::Relu | Self::Sigmoid => Ok(input),
            Self::Double => Ok([channels, 2 * height, 2 * width]),
            Self::Shape(shape) => {
                let count = |shape: [usize; 3]| shape.into_iter().product::<usize>();
                if count(shape) == count(input) { Ok(shape) } else { Err(refused()) }
            }
        }
    }

    /// The shape of its weights, of which the first extent has a bias unless it is transposed, whose second has;
    /// `None` for layers that learn nothing.
    pub(super) fn weights(self, input: [usize; 3]) -> Option<Vec<usize>> {
        match self {
            Self::Convolution { outputs, kernel, .. } => {
                Some(vec![outputs, input[0], kernel, kernel])
            }
            Self::Transposed { outputs, kernel, .. } => {
                Some(vec![input[0], outputs, kernel, kernel])
            }
            Self::Dense(outputs) => Some(vec![outputs, input.into_iter().product()]),
            _ => None,
        }
    }

    /// How many biases there are.
    pub(super) fn biases(self) -> usize {
        match self {
            Self::Convolution { outputs, .. } | Self::Transposed { outputs, .. } => outputs,
            Self::Dense(outputs) => outputs,
            _ => 0,
        }
    }

    /// Inputs that meet in one output.
    pub(super) fn fan_in(self, input: [usize; 3]) -> usize {
        match self {
            Self::Convolution { kernel, .. } => input[0] * kernel * kernel,
            // A window reaches an output from every stride-th position.
            Self::Transposed { kernel, stride, .. } => {
                let taps = kernel as f64 / stride.max(1) as f64;
                ((input[0] as f64 * taps * taps).round() as usize).max(1)
            }
            _ => input.into_iter().product(),
        }
    }
}
