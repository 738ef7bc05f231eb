//! ConvNeXt against a small network of timm's (`tools/goldens/conv_next.py`).

#![allow(clippy::unwrap_used)]

use lookalike_nn::conv_next::{Architecture, ConvNext};
use lookalike_nn::{NamedTensors, Parameters};
use safetensors::SafeTensors;

fn architecture() -> Architecture {
    let (depths, widths) = ([1, 2, 1, 1], [8, 12, 18, 24]);
    Architecture { depths, widths, epsilon: 1e-6, projection: Some(10) }
}

fn tensors() -> NamedTensors {
    let bytes = include_bytes!("goldens/conv_next.safetensors");
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut named = NamedTensors::default();
    for (name, tensor) in file.tensors() {
        let numbers = tensor.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b));
        named.insert(name, tensor.shape(), numbers.collect());
    }
    named
}

fn error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |most, e| most.max(e.abs()));
    let off = found.iter().zip(expected).map(|(f, e)| (f - e).abs());
    off.fold(0.0, f32::max) / largest
}

#[test]
fn embedding_and_derivatives_are_those_of_timm() {
    let tensors = tensors();
    let recorded =
        |name: &str, shape: &[usize]| tensors.f32(&format!("recorded.{name}"), shape).unwrap();
    let network = ConvNext::new(architecture(), &tensors).unwrap();
    let picture = recorded("picture", &[3, 64, 64]);
    let (found, trace) = network.trace(&picture).unwrap();
    assert!(error(&found, &recorded("embedding", &[10])) < 2e-5);
    let slopes = network.pull(&trace, &recorded("cotangent", &[10])).unwrap();
    assert!(error(&slopes, &recorded("gradient", &[3, 64, 64])) < 2e-5);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| network.features(&picture)).unwrap(), found);
}

#[test]
fn what_does_not_fit_is_refused() {
    let tensors = tensors();
    let network = ConvNext::new(architecture(), &tensors).unwrap();
    assert!(network.features(&[0.0; 3 * 40 * 40]).is_err());
    assert!(network.features(&[0.0; 100]).is_err());
    let wider = Architecture { widths: [9, 12, 18, 24], ..architecture() };
    let message = ConvNext::new(wider, &tensors).unwrap_err().to_string();
    assert!(message.contains("stem.0.weight"), "{message}");
    let none = Architecture { depths: [1, 0, 1, 1], ..architecture() };
    assert!(ConvNext::new(none, &tensors).is_err());
}
