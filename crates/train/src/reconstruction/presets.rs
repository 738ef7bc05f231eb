//! The networks of the comparison: fully connected, convolutional, and super-resolution.
//!
//! Source: Snell et al. 2017 give three architectures; their sizes are not all stated, and where they are not these
//! are ours (`docs/decisions/014-sizes-of-autoencoders.md`). `srcnn-915` and `srcnn-955` are Dong et al. 2016.

use crate::network::Layer;
use crate::{Error, Result};

/// A network by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// n – 1024 – 512 – code – 512 – 1024 – n, for any size.
    FullyConnected,
    /// Three convolutions of stride 2 with 32, 64 and 128 channels, a dense code, and the way back by doubling.
    ConvSmall,
    /// Three 5×5 convolutions of stride 2 with 128, 256 and 512 channels, a dense code, and their mirror image;
    /// 96×96.
    ConvPaper,
    /// Six 3×3 convolutions without a dense code: the network that speed is measured on.
    Bench,
    /// 9×9 with 64 channels, 1×1 with 32, 5×5.
    Srcnn915,
    /// 9×9 with 64 channels, 5×5 with 32, 5×5.
    Srcnn955,
}

fn convolution(outputs: usize, kernel: usize, stride: usize, padding: usize) -> Layer {
    Layer::Convolution { outputs, kernel, stride, padding }
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::FullyConnected,
        Self::ConvSmall,
        Self::ConvPaper,
        Self::Bench,
        Self::Srcnn915,
        Self::Srcnn955,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullyConnected => "fc",
            Self::ConvSmall => "conv-small",
            Self::ConvPaper => "conv-paper",
            Self::Bench => "bench",
            Self::Srcnn915 => "srcnn-915",
            Self::Srcnn955 => "srcnn-955",
        }
    }

    /// The preset of a name.
    ///
    /// # Errors
    /// [`Error::Refused`] with the names there are.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|preset| preset.as_str()).collect();
            Error::Refused(format!("network '{name}': expected one of {}", names.join(", ")))
        })
    }

    /// Whether it enlarges detail and has no code.
    pub fn is_super_resolution(self) -> bool {
        matches!(self, Self::Srcnn915 | Self::Srcnn955)
    }

    /// The layers to a code of `code` numbers (twice as many where it is a distribution), and those from a code to a
    /// picture.
    ///
    /// # Errors
    /// [`Error::Refused`] for sides that the network cannot have, and for networks without a code.
    pub(super) fn autoencoder(
        self,
        [channels, side]: [usize; 2],
        code: usize,
    ) -> Result<[Vec<Layer>; 2]> {
        let numbers = channels * side * side;
        let refused =
            |what: &str| Err(Error::Refused(format!("network {}: {what}", self.as_str())));
        match self {
            Self::FullyConnected => Ok([
                vec![
                    Layer::Dense(1024),
                    Layer::Relu,
                    Layer::Dense(512),
                    Layer::Relu,
                    Layer::Dense(code),
                ],
                vec![
                    Layer::Dense(512),
                    Layer::Relu,
                    Layer::Dense(1024),
                    Layer::Relu,
                    Layer::Dense(numbers),
                    Layer::Shape([channels, side, side]),
                    Layer::Sigmoid,
                ],
            ]),
            Self::ConvSmall if !side.is_multiple_of(8) || side == 0 => {
                refused(&format!("expected a side that is a multiple of 8, found {side}"))
            }
            Self::ConvSmall => {
                let small = side / 8;
                let mut encoder = Vec::new();
                for outputs in [32, 64, 128] {
                    encoder.extend([convolution(outputs, 3, 2, 1), Layer::Relu]);
                }
                encoder.push(Layer::Dense(code));
                let mut decoder = vec![
                    Layer::Dense(128 * small * small),
                    Layer::Relu,
                    Layer::Shape([128, small, small]),
                ];
                for outputs in [64, 32] {
                    decoder.extend([Layer::Double, convolution(outputs, 3, 1, 1), Layer::Relu]);
                }
                decoder.extend([Layer::Double, convolution(channels, 3, 1, 1), Layer::Sigmoid]);
                Ok([encoder, decoder])
            }
            Self::ConvPaper if side != 96 => {
                refused(&format!("expected a side of 96, found {side}"))
            }
            Self::ConvPaper => {
                let mut encoder = Vec::new();
                for outputs in [128, 256, 512] {
                    encoder.extend([convolution(outputs, 5, 2, 0), Layer::Relu]);
                }
                encoder.push(Layer::Dense(code));
                let mut decoder =
                    vec![Layer::Dense(512 * 9 * 9), Layer::Relu, Layer::Shape([512, 9, 9])];
                for (outputs, side) in [(256, 21), (128, 46)] {
                    decoder.push(Layer::Transposed { outputs, kernel: 5, stride: 2, side });
                    decoder.push(Layer::Relu);
                }
                let last = Layer::Transposed { outputs: channels, kernel: 5, stride: 2, side: 96 };
                decoder.extend([last, Layer::Sigmoid]);
                Ok([encoder, decoder])
            }
            Self::Bench if !side.is_multiple_of(4) || side == 0 => {
                refused(&format!("expected a side that is a multiple of 4, found {side}"))
            }
            Self::Bench => {
                let encoder = vec![
                    convolution(32, 3, 1, 1),
                    Layer::Relu,
                    convolution(64, 3, 2, 1),
                    Layer::Relu,
                    convolution(128, 3, 2, 1),
                    Layer::Relu,
                ];
                let decoder = vec![
                    Layer::Double,
                    convolution(64, 3, 1, 1),
                    Layer::Relu,
                    Layer::Double,
                    convolution(32, 3, 1, 1),
                    Layer::Relu,
                    convolution(channels, 3, 1, 1),
                    Layer::Sigmoid,
                ];
                Ok([encoder, decoder])
            }
            Self::Srcnn915 | Self::Srcnn955 => {
                refused("it has no code; it is for super-resolution")
            }
        }
    }

    /// The layers from an enlarged picture to a sharper one.
    ///
    /// # Errors
    /// [`Error::Refused`] for other networks.
    pub(super) fn super_resolution(self, channels: usize) -> Result<Vec<Layer>> {
        let middle = match self {
            Self::Srcnn915 => 1,
            Self::Srcnn955 => 5,
            _ => {
                return Err(Error::Refused(format!(
                    "network {}: expected srcnn-915 or srcnn-955",
                    self.as_str()
                )));
            }
        };
        Ok(vec![
            convolution(64, 9, 1, 0),
            Layer::Relu,
            convolution(32, middle, 1, 0),
            Layer::Relu,
            convolution(channels, 5, 1, 0),
        ])
    }
}
