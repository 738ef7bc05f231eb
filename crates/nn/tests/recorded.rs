//! Activations against recorded ones of PyTorch and TensorFlow, which lie outside the repository
//! (`../shared/reference`); without them these tests say so and check nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod agreement;

use std::path::{Path, PathBuf};

use agreement::Row;

use lookalike_nn::{Backbone, NamedTensors, Planes, Seeded, Trunk};
use safetensors::SafeTensors;

const PYTORCH: Row = Row {
    what: "activations of AlexNet, SqueezeNet and VGG-16, of the largest value",
    with: "torchvision's layers on PyTorch, seeded networks",
    allowed: 1e-5,
};
const TENSORFLOW: Row = Row {
    what: "embedding of MobileNetV2 as trained, of the largest value",
    with: "TensorFlow",
    allowed: 1e-5,
};

fn reference(file: &str) -> Option<(PathBuf, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some((path, bytes)),
        Err(_) => {
            println!("skipped: {} is absent", path.display());
            None
        }
    }
}

fn f32s(file: &SafeTensors<'_>, name: &str) -> (Vec<usize>, Vec<f32>) {
    let tensor = file.tensor(name).unwrap();
    let numbers = tensor.data().chunks_exact(4);
    let numbers = numbers.map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    (tensor.shape().to_vec(), numbers)
}

/// Largest difference as a share of the largest value.
fn error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let differences = found.iter().zip(expected).map(|(f, e)| f64::from(f - e).abs());
    differences.fold(0.0, f64::max) / f64::from(largest)
}

#[test]
fn activations_are_those_of_pytorch() {
    for (net, backbone) in [
        ("alex", Backbone::AlexNet),
        ("squeeze", Backbone::SqueezeNet1_1),
        ("vgg", Backbone::Vgg16),
    ] {
        let trunk = Trunk::new(backbone, &Seeded::new(net)).unwrap();
        for size in ["64x64", "75x101"] {
            let name = format!("lpips/lpips_ref_{net}_{size}.safetensors");
            let Some((_, bytes)) = reference(&name) else { return };
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let (shape, input) = f32s(&file, "in0");
            let (shift, scale) = ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]);
            let plane = shape[2] * shape[3];
            let scaled = input.iter().enumerate().map(|(i, &v)| {
                let channel = i / plane % 3;
                ((f64::from(v) - shift[channel]) / scale[channel]) as f32
            });
            let shape: [usize; 4] = shape.try_into().unwrap();
            let input = Planes::new(shape, scaled.collect()).unwrap();
            for (tap, found) in trunk.taps(&input).unwrap().iter().enumerate() {
                let found = found.picture(0);
                let whole = format!("feat{tap}_img0");
                let share = if file.tensor(&whole).is_ok() {
                    error(found, &f32s(&file, &whole).1)
                } else {
                    let sample: Vec<f32> = found.iter().copied().step_by(17).collect();
                    error(&sample, &f32s(&file, &format!("{whole}_every17")).1)
                };
                PYTORCH.check(share, &format!("{net} {size} tap {tap}"));
            }
        }
    }
}

/// Names of MobileNetV2's convolutions in the order in which the published file numbers them; the
/// additions of residual blocks take a number as well.
fn mobilenet(file: &SafeTensors<'_>) -> NamedTensors {
    let layers = Backbone::MobileNetV2.layers();
    let convolutions = lookalike_nn::geometry::convolutions(&layers);
    let numbers = (1..=62).filter(|op| file.tensor(&format!("op{op:02}.weight")).is_ok());
    let mut tensors = NamedTensors::new();
    for (convolution, op) in convolutions.iter().zip(numbers) {
        for kind in ["weight", "bias"] {
            let (shape, numbers) = f32s(file, &format!("op{op:02}.{kind}"));
            tensors.insert(format!("{}.{kind}", convolution.path), &shape, numbers);
        }
    }
    tensors
}

#[test]
fn the_embedding_of_mobilenet_is_that_of_tensorflow() {
    let Some((_, weights)) = reference("mobilenet_v2/mobilenet_v2_1.0_224_f32.safetensors") else {
        return;
    };
    let Some((_, golden)) = reference("mobilenet_v2/golden.safetensors") else { return };
    let weights = SafeTensors::deserialize(&weights).unwrap();
    let golden = SafeTensors::deserialize(&golden).unwrap();
    let trunk = Trunk::new(Backbone::MobileNetV2, &mobilenet(&weights)).unwrap();
    let pictures = golden.tensor("input_u8").unwrap();
    let scaled = pictures.data().iter().map(|&v| f32::from(v) / 127.5 - 1.0).collect();
    let input = Planes::new([4, 3, 224, 224], scaled).unwrap();
    let taps = trunk.taps(&input).unwrap();
    let last = taps.last().unwrap();
    let area = last.height() * last.width();
    let pooled = last.data().chunks_exact(area);
    let pooled: Vec<f32> = pooled
        .map(|plane| (plane.iter().map(|&v| f64::from(v)).sum::<f64>() / area as f64) as f32)
        .collect();
    TENSORFLOW.check(error(&pooled, &f32s(&golden, "pooled").1), "pooled");
}
