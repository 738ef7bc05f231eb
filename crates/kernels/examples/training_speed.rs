//! Times the operations of training: least milliseconds of many repeats, on one thread.
//!
//! ```text
//! cargo run --release -p lookalike-kernels --example training_speed -- [group …]
//! ```
//!
//! The environment variable `ONLY` names a part of what is to be timed.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lookalike_kernels as kernels;
use lookalike_kernels::{
    Adam, Corners, Decay, Interpolation, LayerNorm, LayerNormGradients, Padding, PlaneConvolution,
    Pool, Processor, Resize,
};

fn numbers(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next() + next() + next()).collect()
}

fn time(name: &str, mut act: impl FnMut()) {
    if std::env::var("ONLY").is_ok_and(|part| !name.contains(&part)) {
        return;
    }
    act();
    let (mut least, end) = (Duration::MAX, Instant::now() + Duration::from_millis(600));
    let mut repeats = 0;
    while repeats < 12 || Instant::now() < end {
        let start = Instant::now();
        act();
        least = least.min(start.elapsed());
        repeats += 1;
    }
    println!("{name:40} {:9.3}", least.as_secs_f64() * 1e3);
}

fn elementwise(processor: Processor) {
    let count = 8 * 197 * 1536;
    let (x, g, mut to) = (numbers(count), numbers(count), vec![0.0; count]);
    time("gelu", || kernels::gelu(processor, black_box(&x), &mut to).unwrap());
    time("gelu backward", || kernels::gelu_backward(processor, &x, &g, &mut to).unwrap());
    let count = 8 * 6 * 197 * 197;
    let (x, g, mut y, mut to) =
        (numbers(count), numbers(count), vec![0.0; count], vec![0.0; count]);
    time("softmax", || kernels::softmax(processor, 197, &x, &mut y).unwrap());
    time("softmax backward", || {
        kernels::softmax_backward(processor, 197, &y, &g, &mut to).unwrap();
    });
    let (rows, length) = (8 * 197, 384);
    let (x, g, w, b) =
        (numbers(rows * length), numbers(rows * length), numbers(length), numbers(length));
    let (mut y, mut to, mut by_w, mut by_b) =
        (vec![0.0; rows * length], vec![0.0; rows * length], vec![0.0; length], vec![0.0; length]);
    let mut statistics = vec![[0.0; 2]; rows];
    let norm = LayerNorm { weight: &w, bias: &b, epsilon: 1e-5 };
    time("layer_norm", || {
        kernels::layer_norm(processor, norm, &x, &mut y, &mut statistics).unwrap();
    });
    time("layer_norm backward", || {
        let to = LayerNormGradients { input: &mut to, weight: &mut by_w, bias: &mut by_b };
        kernels::layer_norm_backward(processor, &w, &x, &statistics, &g, to).unwrap();
    });
}

fn weight(processor: Processor) {
    for (name, [batch, inputs, size, outputs, kernel, stride, padding]) in [
        ("256x32->256", [1, 256, 32, 256, 3, 1, 1]),
        ("64x128->128", [1, 64, 128, 128, 3, 1, 1]),
        ("64*32x32->64 s2", [64, 32, 32, 64, 3, 2, 1]),
        ("64*64x32->64", [64, 64, 32, 64, 3, 1, 1]),
        ("64*64x16->128 s2", [64, 64, 16, 128, 3, 2, 1]),
        ("64*128x16->64", [64, 128, 16, 64, 3, 1, 1]),
        ("64*64x32->32", [64, 64, 32, 32, 3, 1, 1]),
        ("64*3x32->32", [64, 3, 32, 32, 3, 1, 1]),
        ("64*32x32->3", [64, 32, 32, 3, 3, 1, 1]),
        ("3x256->64", [1, 3, 256, 64, 3, 1, 1]),
        ("4*64x31->192 5x5", [4, 64, 31, 192, 5, 1, 2]),
        ("3x256->64 11x11 s4", [1, 3, 256, 64, 11, 4, 2]),
    ] {
        let convolution = PlaneConvolution {
            input: [batch, inputs, size, size],
            outputs,
            kernel: [kernel; 2],
            stride,
            padding: Padding::each(padding),
        };
        let x = numbers(batch * inputs * size * size);
        let g = numbers(convolution.output().unwrap().iter().product());
        let (mut w, mut b) = (vec![0.0; outputs * inputs * kernel * kernel], vec![0.0; outputs]);
        time(&format!("weight {name}"), || {
            kernels::weight_gradient(processor, &convolution, &x, &g, &mut w, &mut b).unwrap();
        });
    }
}

fn adam(processor: Processor) {
    let count = 10_500_000;
    let (mut p, g) = (numbers(count), numbers(count));
    let (mut m, mut v, mut step) = (vec![0.0; count], vec![0.0; count], 0);
    for (name, decay) in [("adam 10.5M", Decay::None), ("adamw 10.5M", Decay::Parameter(0.01))] {
        let adam = Adam { decay, ..Adam::default() };
        time(name, || {
            step += 1;
            adam.step(processor, step, &mut p, &g, &mut m, &mut v).unwrap();
        });
    }
}

fn resize(processor: Processor) {
    let free = Interpolation::Bilinear(Corners::Free);
    let aligned = Interpolation::Bilinear(Corners::Aligned);
    for (name, interpolation, input, output) in [
        ("bilinear x2 64x128 half", free, [64, 128, 128], [256, 256]),
        ("bilinear x2 64x128 corners", aligned, [64, 128, 128], [256, 256]),
        ("bilinear 256->100x75", free, [64, 256, 256], [100, 75]),
        ("nearest x2 64x64x16", Interpolation::Nearest, [4096, 16, 16], [32, 32]),
        ("bilinear x2 64x64x16", free, [4096, 16, 16], [32, 32]),
    ] {
        let resize = Resize { interpolation, input, output, scale: None };
        let mut x = numbers(input.iter().product());
        let mut y = numbers(input[0] * output[0] * output[1]);
        time(name, || resize.run(processor, &x, &mut y).unwrap());
        time(&format!("{name} backward"), || resize.backward(processor, &y, &mut x).unwrap());
    }
}

fn pool(processor: Processor) {
    let shape = [64, 256, 256];
    let (x, g) = (numbers(64 * 256 * 256), numbers(64 * 128 * 128));
    let (mut y, mut to) = (vec![0.0; g.len()], vec![0.0; x.len()]);
    for (name, pool) in [("max", Pool::Largest), ("average", Pool::Mean)] {
        time(&format!("{name} pool 64x256"), || {
            kernels::pool_planes(processor, pool, shape, &x, &mut y).unwrap();
        });
        time(&format!("{name} pool 64x256 backward"), || {
            kernels::pool_planes_backward(processor, pool, shape, &x, &g, &mut to).unwrap();
        });
    }
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |group: &str| asked.is_empty() || asked.iter().any(|name| name == group);
    let processor = Processor::best();
    let threads = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    threads.install(|| {
        if wanted("elementwise") {
            elementwise(processor);
        }
        if wanted("adam") {
            adam(processor);
        }
        if wanted("resize") {
            resize(processor);
        }
        if wanted("pool") {
            pool(processor);
        }
        if wanted("weight") {
            weight(processor);
        }
    });
}
