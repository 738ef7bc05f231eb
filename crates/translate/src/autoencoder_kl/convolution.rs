//! Convolutions of frozen filters, and their derivatives with respect to the input.
//!
//! Winograd's algorithm at every position where there are enough channels for it, else the direct one.
//! Filters of the former are packed for the first picture, and again for the second, from which on they are
//! kept, as those of all networks here ([`Packing`]): packed they take four times the memory, once for each
//! direction.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use lookalike_kernels::{
    self as kernels, Activation, Blocks, Direct, Filters, LANES, Padding, Processor, Winograd,
};
use lookalike_nn::Packing;

use crate::{Error, Result};

/// A convolution with a bias.
#[derive(Debug)]
pub(super) struct Convolution {
    padding: Padding,
    kernel: Kernel,
}

#[derive(Debug)]
enum Kernel {
    Direct(Direct),
    Winograd(Box<Minimal>),
}

/// 3×3 filters at every position.
#[derive(Debug)]
struct Minimal {
    processor: Processor,
    weight: Vec<f32>,
    bias: Vec<f32>,
    forward: Packed,
    backward: Packed,
}

impl Convolution {
    /// Of `[output][input][row][column]` numbers.
    pub(super) fn new(
        processor: Processor,
        packing: Packing,
        weight: Vec<f32>,
        bias: Vec<f32>,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Result<Self> {
        let outputs = bias.len();
        let inputs = weight.len() / (outputs * kernel * kernel).max(1);
        // Below sixteen channels most of a tile's transform would be of zeros.
        let minimal = kernel == 3 && stride == 1 && inputs.min(outputs) >= LANES;
        let kernel = if minimal {
            let (forward, backward) = (Packed::new(packing), Packed::new(packing));
            Kernel::Winograd(Box::new(Minimal { processor, weight, bias, forward, backward }))
        } else {
            let kernel = [kernel; 2];
            let filters =
                Filters { weights: &weight, bias: &bias, inputs, outputs, kernel, groups: 1 };
            Kernel::Direct(Direct::new(processor, &filters, stride, Activation::None)?)
        };
        Ok(Self { padding, kernel })
    }

    pub(super) fn forward(&self, input: &Blocks) -> Result<Blocks> {
        let mut output = Blocks::new();
        match &self.kernel {
            Kernel::Direct(direct) => direct.forward(input, self.padding, &mut output)?,
            Kernel::Winograd(minimal) => minimal.forward.with(
                || Winograd::new(minimal.processor, &minimal.filters(), Activation::None),
                |winograd| winograd.forward(input, self.padding, &mut output),
            )?,
        }
        Ok(output)
    }

    /// The derivative with respect to an input of a height and width.
    pub(super) fn backward(&self, upstream: &Blocks, size: [usize; 2]) -> Result<Blocks> {
        let mut gradient = Blocks::new();
        match &self.kernel {
            Kernel::Direct(direct) => {
                direct.input_gradient(upstream, self.padding, size, &mut gradient)?;
            }
            Kernel::Winograd(minimal) => {
                // A window reaches two positions beyond the one it stands on.
                let around = |[before, after]: [usize; 2]| [2 - before.min(2), 2 - after.min(2)];
                let Padding { rows, columns } = self.padding;
                let padding = Padding { rows: around(rows), columns: around(columns) };
                minimal.backward.with(
                    || Winograd::transposed(minimal.processor, &minimal.filters()),
                    |winograd| winograd.forward(upstream, padding, &mut gradient),
                )?;
            }
        }
        Ok(gradient)
    }
}

impl Minimal {
    fn filters(&self) -> Filters<'_> {
        let Self { weight: weights, bias, .. } = self;
        let outputs = bias.len();
        let inputs = weights.len() / (outputs * 9).max(1);
        Filters { weights, bias, inputs, outputs, kernel: [3; 2], groups: 1 }
    }
}

/// Filters that are packed when they are needed.
#[derive(Debug)]
struct Packed {
    packing: Packing,
    /// Whether some picture has had them.
    used: AtomicBool,
    kept: OnceLock<Winograd>,
}

impl Packed {
    fn new(packing: Packing) -> Self {
        Self { packing, used: AtomicBool::new(false), kept: OnceLock::new() }
    }

    /// Hands over the filters, which `pack` makes: those that are kept, or some for this one time.
    fn with(
        &self,
        pack: impl FnOnce() -> kernels::Result<Winograd>,
        act: impl FnOnce(&Winograd) -> kernels::Result<()>,
    ) -> Result<()> {
        if let Some(kept) = self.kept.get() {
            return Ok(act(kept)?);
        }
        let packed = pack()?;
        if self.packing == Packing::EveryBatch || !self.used.swap(true, Ordering::Relaxed) {
            return Ok(act(&packed)?);
        }
        // Nobody waits for anybody: threads that pack may take up another picture meanwhile, and who
        // comes second uses what he has packed himself.
        match self.kept.set(packed) {
            Ok(()) => match self.kept.get() {
                Some(kept) => Ok(act(kept)?),
                None => Err(Error::Refused("packed filters are gone".to_owned())),
            },
            Err(packed) => Ok(act(&packed)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoencoder_kl::checks::{assert_near, noise};

    /// The definition, in double precision: outputs and what each product adds to.
    fn exact(
        [outputs, inputs, kernel, stride]: [usize; 4],
        [height, width]: [usize; 2],
        padding: Padding,
        [weight, bias, input, upstream]: [&[f32]; 4],
    ) -> [Vec<f64>; 2] {
        let [rows, columns] = padding.output([height, width], [kernel; 2], stride).unwrap();
        let mut output = Vec::new();
        let mut gradient = vec![0.0; input.len()];
        for o in 0..outputs {
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                let slope = f64::from(upstream[(o * rows + y) * columns + x]);
                let mut sum = f64::from(bias[o]);
                for at in 0..inputs * kernel * kernel {
                    let (c, a, b) = (at / (kernel * kernel), at / kernel % kernel, at % kernel);
                    let down = (y * stride + a).wrapping_sub(padding.rows[0]);
                    let across = (x * stride + b).wrapping_sub(padding.columns[0]);
                    if down < height && across < width {
                        let factor = f64::from(weight[o * inputs * kernel * kernel + at]);
                        let place = (c * height + down) * width + across;
                        sum += factor * f64::from(input[place]);
                        gradient[place] += factor * slope;
                    }
                }
                output.push(sum);
            }
        }
        [output, gradient]
    }

    #[test]
    fn both_directions_for_every_kernel() {
        let below = Padding { rows: [0, 1], columns: [0, 1] };
        for (channels, kernel, stride, padding) in [
            ([3, 20], 3, 1, Padding::each(1)),
            ([24, 17], 3, 1, Padding::each(1)),
            ([17, 24], 3, 2, below),
            ([24, 5], 1, 1, Padding::default()),
        ] {
            let ([inputs, outputs], size) = (channels, [6, 10]);
            let weight = noise(outputs * inputs * kernel * kernel, 1);
            let (bias, input) = (noise(outputs, 2), noise(inputs * 60, 3));
            let [rows, columns] = padding.output(size, [kernel; 2], stride).unwrap();
            let upstream = noise(outputs * rows * columns, 4);
            let parts = [&weight[..], &bias, &input, &upstream];
            let [output, gradient] = exact([outputs, inputs, kernel, stride], size, padding, parts);
            for packing in [Packing::Kept, Packing::EveryBatch] {
                let convolution = Convolution::new(
                    Processor::best(),
                    packing,
                    weight.clone(),
                    bias.clone(),
                    kernel,
                    stride,
                    padding,
                )
                .unwrap();
                let (mut from, mut above) = (Blocks::new(), Blocks::new());
                from.read_planes([1, inputs, 6, 10], &input).unwrap();
                above.read_planes([1, outputs, rows, columns], &upstream).unwrap();
                // Packed once, then kept, then used again.
                let passes: Vec<[Vec<f32>; 2]> = (0..3)
                    .map(|_| {
                        [
                            convolution.forward(&from).unwrap().to_planes(),
                            convolution.backward(&above, size).unwrap().to_planes(),
                        ]
                    })
                    .collect();
                assert!(passes[0] == passes[1] && passes[1] == passes[2]);
                assert_near(&passes[0][0], &output, 1e-6);
                assert_near(&passes[0][1], &gradient, 1e-6);
            }
        }
    }
}
