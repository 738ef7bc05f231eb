//! The generator: a U-Net from a source to its picture.
//!
//! Down: dᵢ = ReLU(4×4 filters of stride 2 on N(dᵢ₋₁)), with w, 2w, 4w, 4w, … channels, until one position is left. Up: uᵢ
//! = ReLU(3×3 filters on the doubled N([uᵢ₊₁, dᵢ])), from the innermost level, which has only d, with as many channels as
//! dᵢ₋₁ and at last w; 3×3 filters on N(u₀) and a sigmoid give the picture. N brings every plane to mean 0 and variance 1;
//! the source, and the innermost level with its one position, are read as they are.
//!
//! Source: Isola et al. 2017, section 3.2.1 and appendix 6.1.1; Ronneberger et al. 2015. What is otherwise is said at
//! the head of the module.
//!
//! Choices: the innermost layer has 2×2 filters, since of 4×4 ones with zeros around 2×2 positions only the middle
//! meets anything but zeros: twelve of sixteen weights would be counted and never learned. Planes are normalised where
//! they are read, not before the rectifier, so that no bias is cancelled. Without N, pictures that are mostly white
//! become white altogether within some steps: the sigmoid has no slope left there, and nothing is learned any more.
//!
//! Every stage is a [`Network`] of its own, as these are rows of layers without branches.

use lookalike_train::network::{Layer, Network};

use super::concatenation::{concatenate, split};
use super::stage::{Stage, StageTrace};
use super::{CHANNELS, WIDEST, check_sizes, expect, pictures};
use crate::{Error, Result};

/// The samples that sources have.
const RANGE: [f32; 2] = [-1.0, 1.0];
/// Pictures whose activations are in memory together when they are only drawn.
const TOGETHER: usize = 64;

/// A generator; its parameters are kept elsewhere.
#[derive(Clone, Debug)]
pub struct Unet {
    side: usize,
    /// From the source inwards.
    down: Vec<Stage>,
    /// From the innermost level outwards.
    up: Vec<Stage>,
    last: Stage,
    count: usize,
}

/// What a way forward leaves for the way back.
pub struct Trace {
    down: Vec<StageTrace>,
    up: Vec<StageTrace>,
    last: StageTrace,
}

impl Trace {
    /// The pictures: each three planes of side × side samples in 0…1.
    pub fn output(&self) -> &[f32] {
        self.last.output()
    }
}

fn convolution(outputs: usize, kernel: usize, stride: usize, padding: usize) -> Layer {
    Layer::Convolution { outputs, kernel, stride, padding }
}

impl Unet {
    /// A generator of pictures of `side` × `side`, a power of two from 16 to 1024, whose first layer has `width`
    /// channels, from 1 to 1024.
    ///
    /// # Errors
    /// [`Error::Refused`] for other sizes.
    pub fn new(side: usize, width: usize) -> Result<Self> {
        check_sizes("a U-Net", side, width)?;
        let levels = side.ilog2() as usize;
        let widths: Vec<usize> = (0..levels).map(|level| width << level.min(2)).collect();
        let mut count = 0;
        let mut stage = |name: &str, input: [usize; 3], skip: usize, layers: &[Layer]| {
            let network = Network::new(&format!("generator.{name}"), input, layers)?;
            let start = count;
            count += network.count();
            let reads = [input.iter().product::<usize>() - skip, skip];
            let normalises = start > 0 && input[1] > 1;
            Ok::<Stage, Error>(Stage { network, place: start..count, reads, normalises })
        };
        let (mut down, mut shape) = (Vec::new(), [CHANNELS, side, side]);
        for (level, &outputs) in widths.iter().enumerate() {
            let (kernel, padding) = if shape[1] == 2 { (2, 0) } else { (4, 1) };
            let layers = [convolution(outputs, kernel, 2, padding), Layer::Relu];
            let next = stage(&format!("down.{level}"), shape, 0, &layers)?;
            shape = next.network.output();
            down.push(next);
        }
        let mut up = Vec::new();
        for (level, &skip) in widths.iter().enumerate().rev() {
            let [channels, height, across] = shape;
            // The innermost level is itself what is read.
            let skip = if up.is_empty() { 0 } else { skip };
            let outputs = if level > 0 { widths[level - 1] } else { width };
            let layers = [Layer::Double, convolution(outputs, 3, 1, 1), Layer::Relu];
            let input = [channels + skip, height, across];
            let next = stage(&format!("up.{level}"), input, skip * height * across, &layers)?;
            shape = next.network.output();
            up.push(next);
        }
        let last = stage("last", shape, 0, &[convolution(CHANNELS, 3, 1, 1), Layer::Sigmoid])?;
        Ok(Self { side, down, up, last, count })
    }

    /// The width with which a generator for pictures of `side` has as nearly `count` parameters as any; of two as
    /// near, the smaller.
    ///
    /// # Errors
    /// [`Error::Refused`] for sides that cannot be, and for counts that the narrowest network exceeds or the widest
    /// falls short of.
    pub fn width_for(side: usize, count: usize) -> Result<usize> {
        let of = |width: usize| Self::new(side, width).map(|unet| unet.count());
        let [least, most] = [of(1)?, of(WIDEST)?];
        if !(least..=most).contains(&count) {
            return Err(Error::Refused(format!(
                "a U-Net of side {side}: expected from {least} to {most} parameters, found {count}"
            )));
        }
        // The narrower has no more than the count, the wider no fewer.
        let (mut narrower, mut wider) = (1, WIDEST);
        while wider - narrower > 1 {
            let middle = narrower.midpoint(wider);
            if of(middle)? <= count {
                narrower = middle;
            } else {
                wider = middle;
            }
        }
        let nearer = of(wider)?.abs_diff(count) < of(narrower)?.abs_diff(count);
        Ok(if nearer { wider } else { narrower })
    }

    /// Height and width of sources and pictures.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Numbers of a source, and of a picture.
    pub fn size(&self) -> usize {
        CHANNELS * self.side * self.side
    }

    /// Parameters.
    pub fn count(&self) -> usize {
        self.count
    }

    fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.down.iter().chain(&self.up).chain([&self.last])
    }

    /// Names and shapes of all tensors, in the order of the parameters.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        self.stages().flat_map(|stage| stage.network.tensors()).collect()
    }

    /// Parameters to start from: weights normal, with the variances of He et al. 2015, and biases 0.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let (mut numbers, mut tensors) = (Vec::with_capacity(self.count), 0);
        for stage in self.stages() {
            numbers.extend(stage.network.initial(seed, tensors));
            tensors += stage.network.tensors().len() as u64;
        }
        numbers
    }

    /// The pictures of sources, each three planes of side × side samples, in −1…1 for sources and 0…1 for pictures.
    ///
    /// # Errors
    /// [`Error::Refused`] where these are no whole sources, a sample is NaN or outside its range, or the parameters
    /// are of another network; [`Error::Train`].
    pub fn run(&self, parameters: &[f32], sources: &[f32]) -> Result<Vec<f32>> {
        pictures("sources", sources, self.size(), RANGE)?;
        let mut drawn = Vec::with_capacity(sources.len());
        for sources in sources.chunks(TOGETHER * self.size()) {
            drawn.extend_from_slice(self.trace(parameters, sources)?.output());
        }
        Ok(drawn)
    }

    /// The same, with what the way back needs.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn trace(&self, parameters: &[f32], sources: &[f32]) -> Result<Trace> {
        expect("parameters of the generator", self.count, parameters.len())?;
        pictures("sources", sources, self.size(), RANGE)?;
        let mut down: Vec<StageTrace> = Vec::with_capacity(self.down.len());
        for stage in &self.down {
            let input = down.last().map_or(sources, StageTrace::output);
            down.push(stage.trace(parameters, input)?);
        }
        let mut up: Vec<StageTrace> = Vec::with_capacity(self.up.len());
        for (stage, level) in self.up.iter().zip(down.iter().rev()) {
            up.push(match up.last() {
                Some(below) => {
                    let input = concatenate([below.output(), level.output()], stage.reads);
                    stage.trace(parameters, &input)?
                }
                None => stage.trace(parameters, level.output())?,
            });
        }
        let outermost = up.last().map_or(sources, StageTrace::output);
        let last = self.last.trace(parameters, outermost)?;
        Ok(Trace { down, up, last })
    }

    /// Derivatives of a number with respect to the parameters, which replace what is in `gradient`, and to the
    /// sources where they are `wanted`, given those with respect to the pictures.
    ///
    /// # Errors
    /// [`Error::Refused`] where parameters or derivatives are not as many as they should be; [`Error::Train`].
    pub fn backward(
        &self,
        parameters: &[f32],
        trace: &Trace,
        upstream: Vec<f32>,
        gradient: &mut [f32],
        wanted: bool,
    ) -> Result<Option<Vec<f32>>> {
        expect("parameters of the generator", self.count, parameters.len())?;
        expect("derivatives of the generator's parameters", self.count, gradient.len())?;
        let found = self.last.backward(parameters, &trace.last, upstream, gradient, true)?;
        let mut slopes = found.unwrap_or_default();
        // From the outermost level inwards, the innermost has none.
        let mut of_skips = Vec::with_capacity(self.up.len());
        for (stage, trace) in self.up.iter().zip(&trace.up).rev() {
            let found = stage.backward(parameters, trace, slopes, gradient, true)?;
            let [of_below, of_skip] = split(&found.unwrap_or_default(), stage.reads);
            slopes = of_below;
            of_skips.push(of_skip);
        }
        for (level, (stage, trace)) in self.down.iter().zip(&trace.down).enumerate().rev() {
            let of_skip = of_skips.pop().unwrap_or_default();
            slopes.iter_mut().zip(of_skip).for_each(|(slope, more)| *slope += more);
            let below = wanted || level > 0;
            match stage.backward(parameters, trace, slopes, gradient, below)? {
                Some(next) => slopes = next,
                None => return Ok(None),
            }
        }
        Ok(Some(slopes))
    }
}
