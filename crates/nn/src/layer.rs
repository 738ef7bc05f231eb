//! Architectures as data: a network is a list of layers.

/// The largest value of a square window.
pub use lookalike_kernels::MaxPool;

/// Zeros around the input of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// As many on every side.
    Each(usize),
    /// As many as make the output ⌈input / stride⌉ long; an odd one goes to the end (TensorFlow).
    Same,
}

impl Padding {
    /// Zeros before and after `input` positions.
    pub(crate) fn of(self, input: usize, kernel: usize, stride: usize) -> (usize, usize) {
        match self {
            Self::Each(count) => (count, count),
            Self::Same => {
                let reach = input.div_ceil(stride).saturating_sub(1) * stride + kernel;
                let total = reach.saturating_sub(input);
                (total / 2, total - total / 2)
            }
        }
    }
}

/// A convolution with square filters, and where its parameters are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Path of its parameters: `{path}.weight`, and `{path}.bias` when nothing normalises it.
    pub path: String,
    /// Path of the batch normalisation that follows it. It is folded into filters and bias.
    pub normalisation: Option<String>,
    /// Channels read.
    pub input: usize,
    /// Channels written.
    pub output: usize,
    /// Rows and columns of a filter.
    pub kernel: usize,
    /// Positions from one output to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// Groups of channels that are convolved apart; as many as channels for depthwise filters.
    pub groups: usize,
}

impl Convolution {
    /// A convolution with a bias, stride 1 and no padding.
    pub fn new(path: impl Into<String>, input: usize, output: usize, kernel: usize) -> Self {
        Self {
            path: path.into(),
            normalisation: None,
            input,
            output,
            kernel,
            stride: 1,
            padding: Padding::Each(0),
            groups: 1,
        }
    }

    /// With another stride.
    #[must_use]
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With zeros around the input.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// With one filter per channel.
    #[must_use]
    pub fn depthwise(self) -> Self {
        Self { groups: self.input, ..self }
    }

    /// Followed by the batch normalisation at a path.
    #[must_use]
    pub fn normalised(self, path: impl Into<String>) -> Self {
        Self { normalisation: Some(path.into()), ..self }
    }
}

/// How the outputs of branches become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// They are added.
    Sum,
    /// Their channels stand one after the other.
    Channels,
}

/// A step of a network. `C` is what stands for a convolution: its description, or its filters once
/// they are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer<C = Convolution> {
    /// A convolution.
    Convolution(C),
    /// Negative values become 0. The derivative at 0 is 0.
    Relu,
    /// Values are brought into 0…6.
    Relu6,
    /// The largest value of every window.
    MaxPool(MaxPool),
    /// The root of the mean square under a 3×3 Hanning window, every second position, zeros around:
    /// the pooling of DISTS.
    HanningPool,
    /// Several ways from one input.
    Branches(Vec<Vec<Layer<C>>>, Join),
    /// The activations at this place are an output of the network.
    Tap,
}

impl<C> Layer<C> {
    /// The same layer with what `convert` makes of its convolutions.
    #[cfg(feature = "engine")]
    pub(crate) fn map<D>(&self, convert: &impl Fn(&C) -> D) -> Layer<D> {
        let mut convert = |convolution: &C| Ok::<_, std::convert::Infallible>(convert(convolution));
        match self.try_map(&mut convert) {
            Ok(layer) => layer,
            Err(never) => match never {},
        }
    }

    /// The same layer with what `convert` makes of its convolutions, in order.
    pub(crate) fn try_map<D, E>(
        &self,
        convert: &mut impl FnMut(&C) -> Result<D, E>,
    ) -> Result<Layer<D>, E> {
        Ok(match self {
            Self::Convolution(convolution) => Layer::Convolution(convert(convolution)?),
            Self::Relu => Layer::Relu,
            Self::Relu6 => Layer::Relu6,
            Self::MaxPool(pool) => Layer::MaxPool(*pool),
            Self::HanningPool => Layer::HanningPool,
            Self::Tap => Layer::Tap,
            Self::Branches(branches, join) => {
                let mut mapped = Vec::with_capacity(branches.len());
                for branch in branches {
                    mapped.push(
                        branch
                            .iter()
                            .map(|layer| layer.try_map(convert))
                            .collect::<Result<Vec<_>, E>>()?,
                    );
                }
                Layer::Branches(mapped, *join)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_zero_at_the_end() {
        assert_eq!(Padding::Same.of(224, 3, 2), (0, 1));
        assert_eq!(Padding::Same.of(7, 3, 2), (1, 1));
        assert_eq!(Padding::Same.of(7, 3, 1), (1, 1));
        assert_eq!(Padding::Same.of(5, 1, 1), (0, 0));
        assert_eq!(Padding::Each(2).of(9, 5, 1), (2, 2));
    }
}
