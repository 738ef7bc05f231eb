//! LipSim against recorded values in double precision, which lie outside the repository
//! (`../shared/reference/lipsim`; without them those tests say so and check nothing), and on random networks.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../../nn/tests/recorded_tensors/mod.rs"]
mod recorded_tensors;

use std::collections::HashMap;

use lookalike_core::{Channels, Metric, Picture, Want};
use lookalike_deep::lipsim::{Architecture, Head, LipSim, Scale, initial_file};
use lookalike_nn::lipschitz::spectral_norm;
use lookalike_weights::{Checkpoint, read_bytes};
use recorded_tensors::{read, recorded};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

const TINY: Architecture = Architecture {
    channels: 8,
    depth: 3,
    inner: 5,
    dense: 2,
    dense_inner: 16,
    image: 32,
    outputs: 20,
};

fn tiny(id: &str) -> LipSim {
    let file = read_bytes(initial_file(TINY, 1).unwrap(), "tiny").unwrap();
    LipSim::from_checkpoint(id, file).unwrap()
}

fn picture(width: usize, height: usize, channels: Channels, step: usize) -> Picture {
    let count = width * height * channels.count();
    let samples = (0..count).map(|i| (i * step % 251) as f32 / 250.0).collect();
    Picture::from_f32(width, height, channels, samples).unwrap()
}

/// A file of the tensors whose names `rename` keeps.
fn file(
    all: &SafeTensors<'_>,
    header: &[(&str, &str)],
    rename: impl Fn(&str) -> Vec<String>,
) -> Checkpoint {
    let mut kept: Vec<(String, TensorView<'_>)> = Vec::new();
    for (name, tensor) in all.tensors() {
        for name in rename(&name) {
            kept.push((name, tensor.clone()));
        }
    }
    let header: HashMap<String, String> =
        header.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    read_bytes(safetensors::serialize(kept, Some(header)).unwrap(), "file").unwrap()
}

fn published(all: &SafeTensors<'_>) -> Checkpoint {
    file(all, &[], |name| {
        // As in the published files, everything is there twice.
        let repeated =
            name.replace("model.convs.", "model.base.1.").replace("model.linear.", "model.base.2.");
        if name.starts_with("module.model.") { vec![name.to_owned(), repeated] } else { vec![] }
    })
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= absolute + relative * e.abs(), "{f} {e}");
    }
}

#[test]
fn embeddings_and_distances_are_as_recorded() {
    let Some(bytes) = recorded("tiny_lipsim.safetensors") else { return };
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let metric = LipSim::from_checkpoint("lipsim@f+outputs=20", published(&all)).unwrap();
    assert_eq!(metric.network().bound().value, 1.0);
    let mut embeddings = Vec::new();
    for side in ["ref", "left", "right"] {
        let pictures = read(&all, &format!("in.{side}"));
        let expected = read(&all, &format!("emb.{side}"));
        let double = metric.network().embed(&pictures).unwrap();
        close(&double, &expected, 1e-11, 1e-12);
        let single: Vec<f32> = pictures.iter().map(|&x| x as f32).collect();
        let single = metric.network().embed(&single).unwrap();
        let single: Vec<f64> = single.into_iter().map(f64::from).collect();
        close(&single, &expected, 2e-5, 2e-6);
        embeddings.push(single);
    }
    let [reference, left, right] = <[Vec<f64>; 3]>::try_from(embeddings).unwrap();
    for (prefix, head) in [("cert", Head::Cosine), ("cert.append1", Head::Appended)] {
        for (name, other) in [("d0", &left), ("d1", &right)] {
            let pairs = reference.chunks_exact(20).zip(other.chunks_exact(20));
            let found: Vec<f64> = pairs.map(|(a, b)| head.distance(a, b)).collect();
            close(&found, &read(&all, &format!("{prefix}.{name}")), 0.0, 2e-7);
        }
    }
    // The Jacobian at three pictures.
    let pictures = read(&all, "in.ref");
    for (picture, expected) in pictures.chunks_exact(3072).zip(read(&all, "jac_norm")) {
        let (_, trace) = metric.network().trace(picture).unwrap();
        let row = |i: usize| {
            let mut upstream = vec![0.0; 20];
            upstream[i] = 1.0;
            metric.network().pull(&trace, &upstream).unwrap()
        };
        let jacobian: Vec<f64> = (0..20).flat_map(row).collect();
        let found = spectral_norm(&jacobian, 3072).unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn the_corrected_layers_are_those_of_our_own_layout() {
    let Some(bytes) = recorded("tiny_lipsim.safetensors") else { return };
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let rename = |name: &str| -> Vec<String> {
        let Some(name) = name.strip_prefix("module.model.") else { return vec![] };
        let name = name.replace("convs.", "conv.");
        let dense = (1..=3).find(|i| name.starts_with(&format!("linear.{i}.")));
        vec![match dense {
            Some(i) => name.replace(&format!("linear.{i}"), &format!("dense.{}", i - 1)),
            None => name,
        }]
    };
    let expected = read(&all, "emb.ref.corrected");
    let own = file(&all, &[("q_mode", "exp"), ("outputs", "20")], rename);
    let metric = LipSim::from_checkpoint("lipsim@f", own).unwrap();
    close(&metric.network().embed(&read(&all, "in.ref")).unwrap(), &expected, 1e-11, 1e-12);
    let silent = LipSim::from_checkpoint("lipsim@f", file(&all, &[], rename));
    let message = silent.err().unwrap().to_string();
    assert!(message.contains("q_mode"), "{message}");
}

#[test]
fn our_own_network_is_in_the_program_and_certified() {
    for id in ["lipsim", "lipsim:mini"] {
        let metric = LipSim::by_id(id).unwrap();
        assert_eq!(metric.id().to_string(), "lipsim:mini");
        assert_eq!(metric.network().bound().value, 1.0);
        assert!(metric.weights().unwrap().starts_with("lipsim:mini:"));
        let made = lookalike_deep::metric(id).unwrap();
        assert_eq!((made.id(), made.weights()), (metric.id(), metric.weights()));
        let (a, b) = (picture(40, 30, Channels::Rgb, 7), picture(40, 30, Channels::Rgb, 31));
        let value = |x, y| made.compare(x, y, Want::default()).unwrap().value;
        assert_eq!(value(&a, &a), 0.0);
        assert!(value(&a, &b) > 0.0 && value(&a, &b) == value(&b, &a));
        let embedding = made.embedding(&a).unwrap().unwrap();
        assert_eq!(embedding.len(), metric.network().plan().outputs);
    }
    let other = LipSim::by_id("lipsim+head=euclidean").unwrap();
    assert_eq!(other.id().to_string(), "lipsim:mini+head=euclidean");
    assert!(LipSim::by_id("lipsim:small").is_err() && LipSim::by_id("lipsim:no").is_err());
    let size = include_bytes!("../weights/lipsim-mini.safetensors").len();
    assert!(size <= 4 << 20, "{size} bytes");
}

#[test]
fn embeddings_of_activations_bound_the_metric_from_below() {
    let metric = lookalike_deep::metric("sight").unwrap();
    let (a, b) = (picture(32, 32, Channels::Rgb, 7), picture(32, 32, Channels::Rgb, 31));
    let [x, y] = [&a, &b].map(|picture| metric.embedding(picture).unwrap().unwrap());
    let squares: f64 = x.iter().zip(&y).map(|(x, y)| (x - y) * (x - y)).sum();
    let value = metric.compare(&a, &b, Want::default()).unwrap().value;
    assert!(squares > 0.0 && squares <= value * (1.0 + 1e-5), "{squares} {value}");
}

#[test]
fn files_are_read_strictly() {
    let bytes = initial_file(TINY, 1).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let header = [("q_mode", "exp"), ("outputs", "20")];
    let refused = |header: &[(&str, &str)], rename: &dyn Fn(&str) -> Vec<String>, id: &str| {
        LipSim::from_checkpoint(id, file(&all, header, rename)).err().unwrap().to_string()
    };
    let keep = |name: &str| vec![name.to_owned()];
    let without = |lost: &'static str| {
        move |name: &str| -> Vec<String> {
            if name == lost { vec![] } else { vec![name.to_owned()] }
        }
    };
    let message = refused(&header, &without("conv.1.q"), "lipsim@f");
    assert!(message.contains("q of convolution 1 is missing"), "{message}");
    let message = refused(&header, &without("dense.0.weight"), "lipsim@f");
    assert!(message.contains("first dense layer"), "{message}");
    let unknown = |name: &str| vec![name.replace("conv.2.q", "head.weight")];
    assert!(refused(&header, &unknown, "lipsim@f").contains("'head.weight' is unknown"));
    let further = |name: &str| vec![name.replace("conv.2.q", "conv.7.q")];
    assert!(refused(&header, &further, "lipsim@f").contains("q of convolution 2 is missing"));
    let repeated = |name: &str| match name {
        "conv.0.bias" => vec![name.to_owned(), "base.1.1.bias".to_owned()],
        _ => vec![name.to_owned()],
    };
    assert!(refused(&header, &repeated, "lipsim@f").contains("differs from the tensor"));
    let message = refused(&header, &keep, "lipsim:small@f");
    assert!(message.contains("expected the size small"), "{message}");
    let outputs = [("q_mode", "exp"), ("outputs", "33")];
    assert!(refused(&outputs, &keep, "lipsim@f").contains("1 to 32 outputs"));
    for id in ["lipsim@f+head=cos", "lipsim@f+resize=no", "lipsim@f+outputs=x", "ssim"] {
        assert!(!refused(&header, &keep, id).is_empty(), "{id}");
    }
}

#[test]
fn it_keeps_the_contract_of_metrics() {
    for id in ["lipsim@f", "lipsim@f+head=appended", "lipsim@f+head=euclidean"] {
        let metric = tiny(id);
        let [a, b] = [7, 31].map(|step| picture(40, 30, Channels::Rgb, step));
        let value = |a: &Picture, b: &Picture| metric.compare(a, b, Want::default()).unwrap().value;
        assert_eq!(value(&a, &a), 0.0);
        assert!(value(&a, &b) > 0.0);
        assert_eq!(value(&a, &b), value(&b, &a));
        let [x, y] = [&a, &b].map(|picture| metric.features(picture).unwrap().unwrap());
        let kept = metric.compare_features(&x, &y, Want::default()).unwrap().unwrap();
        assert_eq!(kept.value, value(&a, &b));
        let other = picture(30, 40, Channels::Rgb, 7);
        assert!(metric.compare(&a, &other, Want::default()).is_err());
        let other = metric.features(&other).unwrap().unwrap();
        assert!(metric.compare_features(&x, &other, Want::default()).unwrap().is_err());
        // A picture alone has the bits that it has in a batch.
        let planes: Vec<f64> = [&a, &b].iter().flat_map(|p| metric.planes(p).unwrap()).collect();
        let batch = metric.network().embed(&planes).unwrap();
        assert_eq!(batch[20..], metric.embed::<f64>(&b).unwrap());
    }
}

#[test]
fn gradients_reach_the_samples_of_the_picture() {
    for (channels, size) in [(Channels::Rgb, 32), (Channels::Rgb, 45), (Channels::Grey, 20)] {
        for id in ["lipsim@f", "lipsim@f+head=euclidean"] {
            let metric = tiny(id);
            // Away from the ends of the range, where samples would be cut off.
            let [a, b] = [7, 31].map(|step| {
                let wide = picture(size, size, channels, step);
                let count = wide.samples().len();
                let inner = (0..count).map(|i| 0.1 + 0.8 * wide.samples().get(i) as f32);
                Picture::from_f32(size, size, channels, inner.collect()).unwrap()
            });
            let gradient = metric.prepare(&a).unwrap().gradient(&b).unwrap();
            assert_eq!(gradient.value, metric.compare(&a, &b, Want::default()).unwrap().value);
            assert_eq!(gradient.samples.len(), size * size * channels.count());
            let reference = metric.embed::<f64>(&a).unwrap();
            let direction: Vec<f64> =
                (0..gradient.samples.len()).map(|i| (i * 13 % 17) as f64 / 8.0 - 1.0).collect();
            let at = |step: f64| {
                let area = size * size;
                let count = channels.count();
                let mut samples: Vec<f64> = vec![0.0; area * count];
                for channel in 0..count {
                    for (i, x) in b.plane(channel, 1.0).into_iter().enumerate() {
                        let moved = x + step * direction[channel * area + i];
                        samples[i * count + channel] = moved.clamp(0.0, 1.0);
                    }
                }
                let moved = Picture::from_f64(size, size, channels, samples).unwrap();
                metric.head().distance(&reference, &metric.embed::<f64>(&moved).unwrap())
            };
            let slope: f64 = gradient.samples.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let found = (at(1e-5) - at(-1e-5)) / 2e-5;
            let allowed = 1e-3 * slope.abs() + 1e-6;
            assert!((found - slope).abs() < allowed, "{id}: {found} {slope}");
        }
    }
}

#[test]
fn resizing_says_how_far_apart_pictures_can_come() {
    let metric = tiny("lipsim@f");
    let factor = |metric: &LipSim, picture: &Picture| match metric.scale(picture).unwrap() {
        Scale::Factor(factor) => factor,
        Scale::Unbounded(reason) => panic!("{reason}"),
    };
    assert_eq!(factor(&metric, &picture(32, 32, Channels::Rgb, 7)), 1.0);
    let grey = factor(&metric, &picture(32, 32, Channels::Grey, 7));
    assert!(grey >= 3_f64.sqrt() && grey < 1.7321, "{grey}");
    // Pairs are never further apart than the factor says.
    for (width, height) in [(64, 96), (11, 13)] {
        let [a, b] = [7, 31].map(|step| picture(width, height, Channels::Rgb, step));
        let apart = |x: &[f64], y: &[f64]| {
            x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
        };
        let own = |p: &Picture| (0..3).flat_map(|c| p.plane(c, 1.0)).collect::<Vec<f64>>();
        let before = apart(&own(&a), &own(&b));
        let after = apart(&metric.planes(&a).unwrap(), &metric.planes(&b).unwrap());
        assert!(after <= factor(&metric, &a) * before, "{after} {before}");
    }
    let rounded = tiny("lipsim@f+resize=pil-u8");
    let codes = (0..40 * 40 * 3).map(|i| (i % 256) as u8).collect();
    let codes = Picture::from_u8(40, 40, Channels::Rgb, codes).unwrap();
    assert!(matches!(rounded.scale(&codes).unwrap(), Scale::Unbounded(_)));
    assert!(rounded.compare(&codes, &codes, Want::default()).is_ok());
    assert!(rounded.planes(&picture(40, 40, Channels::Rgb, 7)).is_err(), "no 8 bits");
}

#[test]
fn rounding_is_bounded() {
    let metric = tiny("lipsim@f");
    let a = picture(32, 32, Channels::Rgb, 7);
    let (single, double) = (metric.embed::<f32>(&a).unwrap(), metric.embed::<f64>(&a).unwrap());
    let found: f64 = single.iter().zip(&double).map(|(s, d)| (s - d) * (s - d)).sum::<f64>().sqrt();
    let proved = metric.network().rounding::<f32>();
    assert!(found > 0.0 && found < proved, "{found} {proved}");
    assert!(metric.network().rounding::<f64>() < 1e-9);
    println!("rounding in single precision: {found:.1e} found, {proved:.1e} proved");
}
