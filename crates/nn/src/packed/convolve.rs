//! A convolution on the kernel that suits its shape.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use lookalike_kernels::{
    self as kernels, Activation, Blocks, Depthwise, Direct, First, LANES, MaxPool, Processor,
    Winograd,
};

use crate::filters::{FilterGradient, Filters};
use crate::layer::{Convolution, Padding};
use crate::packed::{Kind, Packing, Precision};
use crate::{Error, Planes, Result};

/// A convolution and the activation behind it.
#[derive(Debug)]
pub(crate) struct Convolve {
    filters: Arc<Filters>,
    pub(super) activation: Activation,
    processor: Processor,
    precision: Precision,
    kernel: Kernel,
    /// The pool whose results are made along with the outputs.
    pub(super) pools: Option<MaxPool>,
    /// The way back of a Winograd convolution.
    back: Winograds,
}

#[derive(Debug)]
enum Kernel {
    /// Reads planes.
    First(First),
    Winograd(Winograds),
    Direct(Direct),
    Depthwise(Depthwise),
}

/// Winograd filters that are packed when they are needed.
#[derive(Debug)]
struct Winograds {
    packing: Packing,
    /// Whether some batch has had them.
    used: AtomicBool,
    kept: OnceLock<Winograd>,
}

impl Winograds {
    fn new(packing: Packing) -> Self {
        Self { packing, used: AtomicBool::new(false), kept: OnceLock::new() }
    }

    /// Hands over the filters, which `pack` makes: those that are kept, or some for this one time.
    fn with<T>(
        &self,
        pack: impl FnOnce() -> kernels::Result<Winograd>,
        act: impl FnOnce(&Winograd) -> kernels::Result<T>,
    ) -> Result<T> {
        if let Some(kept) = self.kept.get() {
            return Ok(act(kept)?);
        }
        let packed = pack()?;
        if self.packing == Packing::EveryBatch || !self.used.swap(true, Ordering::Relaxed) {
            return Ok(act(&packed)?);
        }
        // Packing runs on the threads of a pool, which may take up another batch meanwhile: nobody waits for
        // anybody here, and who comes second uses what he has packed himself.
        match self.kept.set(packed) {
            Ok(()) => match self.kept.get() {
                Some(kept) => Ok(act(kept)?),
                None => Err(Error::Engine("packed filters are gone".to_owned())),
            },
            Err(packed) => Ok(act(&packed)?),
        }
    }
}

fn filters_of(filters: &Filters) -> kernels::Filters<'_> {
    let Convolution { input, output, kernel, groups, .. } = filters.convolution;
    kernels::Filters {
        weights: &filters.weight,
        bias: &filters.bias,
        inputs: input,
        outputs: output,
        kernel: [kernel; 2],
        groups,
    }
}

impl Convolve {
    pub(crate) fn new(
        filters: &Arc<Filters>,
        Kind { processor, packing, precision }: Kind,
        activation: Activation,
        reads_planes: bool,
    ) -> Result<Self> {
        let of = filters_of(filters);
        let Convolution { input, output, kernel, stride, groups, .. } = filters.convolution;
        // Below sixteen channels most of a tile's transform would be of zeros.
        let minimal =
            matches!(kernel, 3 | 5) && stride == 1 && groups == 1 && input.min(output) >= LANES;
        let kernel = if reads_planes {
            Kernel::First(First::new(processor, &of, stride, activation)?)
        } else if groups > 1 {
            Kernel::Depthwise(Depthwise::new(processor, &of, stride, activation)?)
        } else if minimal {
            Kernel::Winograd(Winograds::new(packing))
        } else {
            Kernel::Direct(Direct::new(processor, &of, stride, activation)?)
        };
        let (filters, back) = (filters.clone(), Winograds::new(packing));
        Ok(Self { filters, activation, processor, precision, kernel, pools: None, back })
    }

    /// Packs the filters of a Winograd convolution.
    fn pack(&self) -> kernels::Result<Winograd> {
        let filters = filters_of(&self.filters);
        match self.precision {
            Precision::Single => Winograd::new(self.processor, &filters, self.activation),
            Precision::Bfloat16 => Winograd::in_bfloat16(self.processor, &filters, self.activation),
        }
    }

    /// Whether it can make what a pool would of its outputs along with them.
    pub(super) fn can_pool(&self, pool: &MaxPool) -> bool {
        match self.kernel {
            Kernel::Winograd(_) => pool.is_pairwise() && !pool.ceil,
            Kernel::First(_) => pool.padding == 0,
            _ => false,
        }
    }

    /// Channels written.
    pub(super) fn outputs(&self) -> usize {
        self.filters.convolution.output
    }

    fn padding(&self, [height, width]: [usize; 2]) -> kernels::Padding {
        let Convolution { kernel, stride, padding, .. } = self.filters.convolution;
        let [rows, columns] = [height, width].map(|length| {
            let (before, after) = padding.of(length, kernel, stride);
            [before, after]
        });
        kernels::Padding { rows, columns }
    }

    pub(crate) fn forward_planes(&self, input: &Planes, output: &mut Blocks) -> Result<()> {
        let padding = self.padding([input.height(), input.width()]);
        match &self.kernel {
            Kernel::First(first) => first.forward(input.shape(), input.data(), padding, output)?,
            _ => {
                let mut blocks = Blocks::new();
                blocks.read_planes(input.shape(), input.data())?;
                self.forward(&blocks, output)?;
            }
        }
        Ok(())
    }

    /// As [`forward_planes`](Self::forward_planes), with what the pool behind it makes of the outputs.
    pub(super) fn forward_planes_pooled(
        &self,
        input: &Planes,
        output: &mut Blocks,
        pool: &MaxPool,
        pooled: &mut Blocks,
    ) -> Result<()> {
        let padding = self.padding([input.height(), input.width()]);
        match &self.kernel {
            Kernel::First(first) => {
                let pool = (pool, pooled);
                Ok(first.forward_pooled(input.shape(), input.data(), padding, output, pool)?)
            }
            _ => Err(Error::Engine("this kernel does not pool".to_owned())),
        }
    }

    pub(crate) fn forward(&self, input: &Blocks, output: &mut Blocks) -> Result<()> {
        let [_, _, height, width] = input.shape();
        let padding = self.padding([height, width]);
        match &self.kernel {
            Kernel::First(first) => {
                first.forward(input.shape(), &input.to_planes(), padding, output)?;
            }
            Kernel::Winograd(winograds) => winograds
                .with(|| self.pack(), |winograd| winograd.forward(input, padding, output))?,
            Kernel::Direct(direct) => direct.forward(input, padding, output)?,
            Kernel::Depthwise(depthwise) => depthwise.forward(input, padding, output)?,
        }
        Ok(())
    }

    /// As [`forward`](Self::forward), with the largest of every 2×2 outputs.
    pub(super) fn forward_pooled(
        &self,
        input: &Blocks,
        output: &mut Blocks,
        pooled: &mut Blocks,
    ) -> Result<()> {
        let [_, _, height, width] = input.shape();
        let padding = self.padding([height, width]);
        match &self.kernel {
            Kernel::Winograd(winograds) => winograds.with(
                || self.pack(),
                |winograd| winograd.forward_pooled(input, padding, output, pooled),
            ),
            _ => Err(Error::Engine("this kernel does not pool".to_owned())),
        }
    }

    /// Whether it can write a part of wider blocks, and keeps the positions of its input.
    pub(super) fn writes_in_place(&self) -> bool {
        let Convolution { kernel, stride, padding, output, .. } = self.filters.convolution;
        matches!(self.kernel, Kernel::Winograd(_) | Kernel::Direct(_))
            && stride == 1
            && padding == Padding::Each(kernel / 2)
            && output.is_multiple_of(LANES)
    }

    /// As [`forward`](Self::forward), into the channels from `first` on of blocks that have their
    /// shape.
    pub(crate) fn forward_into(
        &self,
        input: &Blocks,
        output: &mut Blocks,
        first: usize,
    ) -> Result<()> {
        let [_, _, height, width] = input.shape();
        let padding = self.padding([height, width]);
        match &self.kernel {
            Kernel::Winograd(winograds) => winograds.with(
                || self.pack(),
                |winograd| winograd.forward_into(input, padding, output, first),
            )?,
            Kernel::Direct(direct) => direct.forward_into(input, padding, output, first)?,
            Kernel::First(_) | Kernel::Depthwise(_) => {
                return Err(Error::Engine("this kernel writes whole blocks".to_owned()));
            }
        }
        Ok(())
    }

    /// The derivative with respect to the input, of the derivative with respect to the sums before the
    /// activation.
    pub(super) fn backward(
        &self,
        upstream: &Blocks,
        input_size: [usize; 2],
        gradient: &mut Blocks,
    ) -> Result<()> {
        self.backward_through(upstream, input_size, None, gradient)
    }

    /// The same with respect to what an activation took, where the input is what it `gave`.
    pub(super) fn backward_through(
        &self,
        upstream: &Blocks,
        input_size: [usize; 2],
        gave: Option<(Activation, &Blocks)>,
        gradient: &mut Blocks,
    ) -> Result<()> {
        let padding = self.padding(input_size);
        match &self.kernel {
            Kernel::First(first) => {
                let [batch, ..] = upstream.shape();
                let shape = [batch, self.filters.convolution.input, input_size[0], input_size[1]];
                let mut planes = vec![0.0; shape.iter().product()];
                first.input_gradient(upstream, padding, input_size, &mut planes)?;
                gradient.read_planes(shape, &planes)?;
            }
            Kernel::Direct(direct) => {
                direct.input_gradient(upstream, padding, input_size, gradient)?;
            }
            Kernel::Depthwise(depthwise) => {
                depthwise.input_gradient(upstream, padding, input_size, gradient)?;
            }
            Kernel::Winograd(_) => {
                // How far a window reaches beyond what it stands on.
                let reach = self.filters.convolution.kernel - 1;
                let around = |[before, after]: [usize; 2]| [reach - before, reach - after];
                let padding = kernels::Padding {
                    rows: around(padding.rows),
                    columns: around(padding.columns),
                };
                let pack = || Winograd::transposed(self.processor, &filters_of(&self.filters));
                return self.back.with(pack, |winograd| match gave {
                    Some((activation, given)) => {
                        winograd.forward_masked(upstream, padding, gradient, activation, given)
                    }
                    None => winograd.forward(upstream, padding, gradient),
                });
            }
        }
        if let Some((activation, given)) = gave {
            kernels::mask(self.processor, activation, given, gradient)?;
        }
        Ok(())
    }

    /// The derivatives with respect to filters and bias, of the derivative with respect to the sums
    /// before the activation and what was read.
    pub(super) fn filter_gradient(
        &self,
        shape: [usize; 4],
        input: &[f32],
        upstream: &Blocks,
    ) -> Result<FilterGradient> {
        let Filters { weight, bias, convolution } = &*self.filters;
        if convolution.groups > 1 || convolution.normalisation.is_some() {
            return Err(Error::NoKernel("derivatives of grouped or normalised filters"));
        }
        let [_, _, height, width] = shape;
        let of = kernels::PlaneConvolution {
            input: shape,
            outputs: convolution.output,
            kernel: [convolution.kernel; 2],
            stride: convolution.stride,
            padding: self.padding([height, width]),
        };
        let (mut by_weight, mut by_bias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
        let upstream = upstream.to_planes();
        kernels::weight_gradient(
            self.processor,
            &of,
            input,
            &upstream,
            &mut by_weight,
            &mut by_bias,
        )?;
        Ok(FilterGradient { path: convolution.path.clone(), weight: by_weight, bias: by_bias })
    }

    /// As [`backward`](Self::backward), for the convolution that reads the input of the network.
    pub(super) fn backward_planes(
        &self,
        upstream: &Blocks,
        input_size: [usize; 2],
    ) -> Result<Vec<f32>> {
        if let Kernel::First(first) = &self.kernel {
            let [batch, ..] = upstream.shape();
            let [height, width] = input_size;
            let mut planes = vec![0.0; batch * self.filters.convolution.input * height * width];
            first.input_gradient(upstream, self.padding(input_size), input_size, &mut planes)?;
            return Ok(planes);
        }
        let mut gradient = Blocks::new();
        self.backward(upstream, input_size, &mut gradient)?;
        Ok(gradient.to_planes())
    }
}
