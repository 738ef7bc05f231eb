//! Single convolutions with the ReLU behind them, on numbers that all sides make for themselves.
//!
//! A layer is named `NAME:INPUTS-OUTPUTS-KERNEL-STRIDE-PADDING`, its input `COUNTxHEIGHTxWIDTH`. Three
//! inputs stand for the first layer of a network, which reads planes; others read and write what goes
//! from layer to layer. The kernel is the one that networks take for the shape.

use lookalike_kernels::{
    Activation, Blocks, Direct, Filters, First, LANES, Padding, Processor, Winograd,
};

use crate::text;

/// Number `index` of a sequence in −½…½.
pub fn number(seed: u32, index: usize) -> f32 {
    let bits = (index as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) ^ 0x5bd1_e995;
    let bits = bits.wrapping_mul(1_540_483_477) >> 8;
    bits as f32 / (1 << 24) as f32 - 0.5
}

/// A layer and its input.
pub struct Layer {
    kernel: Kernel,
    shape: [usize; 4],
    planes: Vec<f32>,
    input: Blocks,
    padding: Padding,
    output: Blocks,
}

enum Kernel {
    First(First),
    Winograd(Winograd),
    Direct(Direct),
}

impl Layer {
    pub fn new(name: &str, input: &str) -> Result<Self, String> {
        let numbers = |text: &str, separator| -> Option<Vec<usize>> {
            text.split(separator).map(|part| part.parse().ok()).collect()
        };
        let shape = name.split_once(':').and_then(|(_, shape)| numbers(shape, '-'));
        let Some(&[inputs, outputs, side, stride, padding]) = shape.as_deref() else {
            return Err(format!("{name}: expected NAME:INPUTS-OUTPUTS-KERNEL-STRIDE-PADDING"));
        };
        let Some(&[count, height, width]) = numbers(input, 'x').as_deref() else {
            return Err(format!("{input}: expected COUNTxHEIGHTxWIDTH"));
        };
        let shape = [count, inputs, height, width];
        let planes: Vec<f32> = (0..shape.iter().product()).map(|i| number(1, i)).collect();
        let scale = ((inputs * side * side) as f32).sqrt().recip();
        let weights: Vec<f32> =
            (0..outputs * inputs * side * side).map(|i| scale * number(2, i)).collect();
        let bias: Vec<f32> = (0..outputs).map(|i| scale * number(3, i)).collect();
        let filters = Filters {
            weights: &weights,
            bias: &bias,
            inputs,
            outputs,
            kernel: [side; 2],
            groups: 1,
        };
        let processor = Processor::best();
        let kernel = if inputs == 3 {
            Kernel::First(First::new(processor, &filters, stride, Activation::Relu).map_err(text)?)
        } else if matches!(side, 3 | 5) && stride == 1 && inputs.min(outputs) >= LANES {
            Kernel::Winograd(Winograd::new(processor, &filters, Activation::Relu).map_err(text)?)
        } else {
            let direct = Direct::new(processor, &filters, stride, Activation::Relu);
            Kernel::Direct(direct.map_err(text)?)
        };
        let mut blocks = Blocks::new();
        blocks.read_planes(shape, &planes).map_err(text)?;
        let padding = Padding { rows: [padding; 2], columns: [padding; 2] };
        Ok(Self { kernel, shape, planes, input: blocks, padding, output: Blocks::new() })
    }

    /// Runs it.
    pub fn run(&mut self) -> Result<(), String> {
        let Self { kernel, shape, planes, input, padding, output } = self;
        let done = match kernel {
            Kernel::First(first) => first.forward(*shape, planes, *padding, output),
            Kernel::Winograd(winograd) => winograd.forward(input, *padding, output),
            Kernel::Direct(direct) => direct.forward(input, *padding, output),
        };
        done.map_err(text)
    }

    /// The mean of its squared outputs.
    pub fn mean_square(&self) -> f64 {
        let planes = self.output.to_planes();
        planes.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / planes.len() as f64
    }
}
