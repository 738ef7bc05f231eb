//! Speed of the convolutions without a transform, layer by layer, on one thread:
//! `cargo run --release -p lookalike-kernels --example direct_speed [threads]`.

use std::time::Instant;

use lookalike_kernels::{
    Activation, Blocks, Depthwise, Direct, Filters, First, MaxPool, Padding, Processor, add,
    hanning_pool, hanning_pool_gradient, mask,
};

/// Name, inputs, outputs, kernel, stride, padding, batch, height and width.
type Layer = (&'static str, usize, usize, usize, usize, usize, usize, usize);

const LAYERS: [Layer; 22] = [
    ("alex conv2 256", 64, 192, 5, 1, 2, 1, 31),
    ("alex conv2 16x64", 64, 192, 5, 1, 2, 16, 7),
    ("squeeze fire3 squeeze", 64, 16, 1, 1, 0, 1, 63),
    ("squeeze fire3 expand", 16, 64, 1, 1, 0, 1, 63),
    ("squeeze fire7 squeeze", 256, 32, 1, 1, 0, 1, 31),
    ("squeeze fire7 expand", 32, 128, 1, 1, 0, 1, 31),
    ("squeeze fire10 squeeze", 384, 48, 1, 1, 0, 1, 15),
    ("squeeze fire10 expand", 48, 192, 1, 1, 0, 1, 15),
    ("squeeze fire12 squeeze", 512, 64, 1, 1, 0, 1, 15),
    ("squeeze fire12 expand", 64, 256, 1, 1, 0, 1, 15),
    ("squeeze fire12 squeeze 16x64", 512, 64, 1, 1, 0, 16, 3),
    ("resnet50 256->64", 256, 64, 1, 1, 0, 1, 64),
    ("resnet50 64->256", 64, 256, 1, 1, 0, 1, 64),
    ("resnet50 512->128", 512, 128, 1, 1, 0, 1, 32),
    ("resnet50 1024->256", 1024, 256, 1, 1, 0, 1, 16),
    ("resnet50 512->2048", 512, 2048, 1, 1, 0, 1, 8),
    ("resnet 3x3 s2 64->128", 64, 128, 3, 2, 1, 1, 64),
    ("resnet 3x3 s2 256->512", 256, 512, 3, 2, 1, 1, 16),
    ("resnet 3x3 s2 512->512", 512, 512, 3, 2, 1, 1, 16),
    ("resnet 1x1 s2 256->512", 256, 512, 1, 2, 0, 1, 64),
    ("mobile 24->144", 24, 144, 1, 1, 0, 1, 64),
    ("mobile 144->24", 144, 24, 1, 1, 0, 1, 64),
];

const FIRST: [Layer; 7] = [
    ("alex 11x11 s4", 3, 64, 11, 4, 2, 1, 256),
    ("alex 11x11 s4 16x64", 3, 64, 11, 4, 2, 16, 64),
    ("squeeze 3x3 s2", 3, 64, 3, 2, 0, 1, 256),
    ("squeeze 3x3 s2 16x64", 3, 64, 3, 2, 0, 16, 64),
    ("vgg 3x3", 3, 64, 3, 1, 1, 1, 256),
    ("resnet 7x7 s2", 3, 64, 7, 2, 3, 1, 256),
    ("mobile 3x3 s2", 3, 32, 3, 2, 1, 1, 256),
];

fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|n| ((n * 7919) % 1009) as f32 / 504.5 - 1.0).collect()
}

fn least(mut act: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut least = f64::INFINITY;
    let mut runs = 0;
    while runs < 3 || start.elapsed().as_secs_f64() < 0.4 {
        let one = Instant::now();
        act();
        least = least.min(one.elapsed().as_secs_f64());
        runs += 1;
    }
    least
}

#[allow(clippy::print_stdout, clippy::unwrap_used)]
fn main() {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        for (name, inputs, outputs, kernel, stride, padding, batch, side) in LAYERS {
            let weights = noise(inputs * outputs * kernel * kernel);
            let bias = noise(outputs);
            let filters = Filters {
                weights: &weights,
                bias: &bias,
                inputs,
                outputs,
                kernel: [kernel; 2],
                groups: 1,
            };
            let direct =
                Direct::new(Processor::best(), &filters, stride, Activation::Relu).unwrap();
            let mut input = Blocks::new();
            let shape = [batch, inputs, side, side];
            input.read_planes(shape, &noise(shape.iter().product())).unwrap();
            let (mut output, mut gradient) = (Blocks::new(), Blocks::new());
            let padding = Padding::each(padding);
            let forward = least(|| direct.forward(&input, padding, &mut output).unwrap());
            let backward = least(|| {
                direct.input_gradient(&output, padding, [side; 2], &mut gradient).unwrap();
            });
            let [_, _, height, width] = output.shape();
            let work = 2e-9 * (batch * inputs * outputs * kernel * kernel * height * width) as f64;
            println!(
                "{name:30} {:8.3} ms {:6.1} GF/s   derivative {:8.3} ms {:6.1} GF/s",
                forward * 1e3,
                work / forward,
                backward * 1e3,
                work / backward
            );
        }
        depthwise();
        first();
        pools();
    });
}

#[allow(clippy::print_stdout, clippy::unwrap_used)]
fn first() {
    for (name, inputs, outputs, kernel, stride, padding, batch, side) in FIRST {
        let weights = noise(inputs * outputs * kernel * kernel);
        let bias = noise(outputs);
        let filters = Filters {
            weights: &weights,
            bias: &bias,
            inputs,
            outputs,
            kernel: [kernel; 2],
            groups: 1,
        };
        let first = First::new(Processor::best(), &filters, stride, Activation::Relu).unwrap();
        let shape = [batch, inputs, side, side];
        let planes = noise(shape.iter().product());
        let mut output = Blocks::new();
        let padding = Padding::each(padding);
        let forward = least(|| first.forward(shape, &planes, padding, &mut output).unwrap());
        let [_, _, height, width] = output.shape();
        let work = 2e-9 * (batch * inputs * outputs * kernel * kernel * height * width) as f64;
        let mut gradient = vec![0.0; planes.len()];
        let backward = least(|| {
            first.input_gradient(&output, padding, [side; 2], &mut gradient).unwrap();
        });
        println!(
            "{name:30} {:8.3} ms {:6.1} GF/s   derivative {:8.3} ms {:6.1} GF/s",
            forward * 1e3,
            work / forward,
            backward * 1e3,
            work / backward
        );
    }
}

#[allow(clippy::print_stdout, clippy::unwrap_used)]
fn depthwise() {
    let padding = Padding::each(1);
    for (channels, side, stride) in
        [(32, 128, 1), (96, 128, 2), (144, 64, 1), (384, 16, 1), (576, 16, 2)]
    {
        let (weights, bias) = (noise(channels * 9), noise(channels));
        let filters = Filters {
            weights: &weights,
            bias: &bias,
            inputs: channels,
            outputs: channels,
            kernel: [3, 3],
            groups: channels,
        };
        let depthwise =
            Depthwise::new(Processor::best(), &filters, stride, Activation::Relu6).unwrap();
        let mut input = Blocks::new();
        let shape = [1, channels, side, side];
        input.read_planes(shape, &noise(shape.iter().product())).unwrap();
        let (mut output, mut gradient) = (Blocks::new(), Blocks::new());
        let forward = least(|| depthwise.forward(&input, padding, &mut output).unwrap());
        let backward = least(|| {
            depthwise.input_gradient(&output, padding, [side; 2], &mut gradient).unwrap();
        });
        let work = 18e-9 * (channels * output.area()) as f64;
        println!(
            "depthwise {channels:4} x {side:3} s{stride}           {:8.3} ms {:6.1} GF/s   derivative {:8.3} ms {:6.1} GF/s",
            forward * 1e3,
            work / forward,
            backward * 1e3,
            work / backward
        );
    }
}

#[allow(clippy::print_stdout, clippy::unwrap_used)]
fn pools() {
    let processor = Processor::best();
    for (kernel, side) in [(2, 256), (3, 256), (3, 63)] {
        let pool = MaxPool { kernel, stride: 2, padding: 0, ceil: false };
        let shape = [1, 64, side, side];
        let mut input = Blocks::new();
        input.read_planes(shape, &noise(shape.iter().product())).unwrap();
        let (mut output, mut gradient) = (Blocks::new(), Blocks::new());
        let forward = least(|| pool.forward(processor, &input, &mut output).unwrap());
        let backward = least(|| pool.gradient(processor, &input, &output, &mut gradient).unwrap());
        let (forward, backward) = (forward * 1e3, backward * 1e3);
        println!(
            "pool {kernel}x{kernel} 64x{side}: {forward:8.3} ms, derivative {backward:8.3} ms"
        );
        let mut roots = Blocks::new();
        let forward = least(|| hanning_pool(processor, &input, &mut roots).unwrap());
        let backward = least(|| {
            hanning_pool_gradient(processor, &input, &roots, &roots, &mut gradient).unwrap();
        });
        let (forward, backward) = (forward * 1e3, backward * 1e3);
        println!("hanning 64x{side}: {forward:8.3} ms, derivative {backward:8.3} ms");
        let other = input.clone();
        let added = least(|| add(processor, &mut input, &other, Activation::Relu).unwrap());
        let masked = least(|| mask(processor, Activation::Relu, &other, &mut input).unwrap());
        println!("sum 64x{side}: {:8.3} ms, mask {:8.3} ms", added * 1e3, masked * 1e3);
    }
}
