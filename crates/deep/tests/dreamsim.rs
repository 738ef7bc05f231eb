//! DreamSim against recorded values in double precision, which lie outside the repository
//! (`../shared/reference/lipsim`; without them those tests say so and check nothing), and on random networks.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../../nn/tests/recorded_tensors/mod.rs"]
mod recorded_tensors;

use std::path::Path;

use lookalike_core::{Channels, Metric, Picture, Want};
use lookalike_deep::dreamsim::{Adapter, Branch, Network, one_piece};
use lookalike_nn::{Parameters, Seeded};
use lookalike_weights::{Checkpoint, read_bytes};
use recorded_tensors::{read, recorded};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

const HEADS: usize = 4;
const PARTS: [(Branch, &str); 3] =
    [(Branch::Dino, "dino"), (Branch::Clip, "clip"), (Branch::OpenClip, "open_clip")];

/// A file of named tensors.
fn file(tensors: Vec<(String, Vec<usize>, Vec<f32>)>) -> Checkpoint {
    let bytes: Vec<_> = tensors
        .iter()
        .map(|(name, shape, numbers)| {
            let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            (name.clone(), shape.clone(), data)
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, data)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap())
    });
    read_bytes(safetensors::serialize(views, None).unwrap(), "file").unwrap()
}

/// The networks as recorded before fine-tuning, and what it added.
fn published(all: &SafeTensors<'_>) -> (Vec<(Branch, Checkpoint)>, Adapter) {
    let numbers = |name: &str| read(all, name).into_iter().map(|x| x as f32).collect::<Vec<f32>>();
    let mut added = Vec::new();
    let mut branches = Vec::new();
    for (index, (branch, name)) in PARTS.into_iter().enumerate() {
        let mut tensors = Vec::new();
        for (full, tensor) in all.tensors() {
            let Some(rest) = full.strip_prefix(&format!("{name}.")) else { continue };
            let shape = tensor.shape().to_vec();
            if let Some(factor) = rest.strip_prefix("lora.") {
                let (block, which) = factor.split_once('.').unwrap();
                added.push((
                    format!("base_model.model.extractor_list.{index}.model.blocks.{block}.attn.qkv.lora_{which}.weight"),
                    shape,
                    numbers(&full),
                ));
            } else if tensor.dtype() == Dtype::F32 {
                tensors.push((rest.to_owned(), shape, numbers(&full)));
            }
        }
        branches.push((branch, file(tensors)));
    }
    (branches, Adapter { file: file(added), scale: 2.0 })
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= absolute + relative * e.abs(), "{f} {e}");
    }
}

#[test]
fn features_embeddings_and_distances_are_as_recorded() {
    let Some(bytes) = recorded("tiny_dreamsim.safetensors") else { return };
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let pictures = read(&all, "in");
    let size = pictures.len() / 3;
    let (branches, adapter) = published(&all);
    let whole = one_piece(branches, Some(adapter), false, Some(HEADS)).unwrap();
    let network = Network::read(read_bytes(whole.clone(), "whole").unwrap()).unwrap();
    let features: Vec<Vec<f64>> =
        pictures.chunks(size).map(|picture| network.features(picture).unwrap()).collect();
    let mut first = 0;
    for (_, name) in PARTS {
        let expected = read(&all, &format!("{name}.feat"));
        let width = expected.len() / 3;
        let found: Vec<f64> =
            features.iter().flat_map(|f| f[first..first + width].to_vec()).collect();
        close(&found, &expected, 2e-5, 2e-6);
        first += width;
    }
    let embeddings: Vec<f64> =
        pictures.chunks(size).flat_map(|picture| network.embedding(picture).unwrap()).collect();
    close(&embeddings, &read(&all, "embed"), 2e-5, 2e-6);

    // Before fine-tuning.
    let (branches, _) = published(&all);
    let before = one_piece(branches, None, false, Some(HEADS)).unwrap();
    let before = Network::read(read_bytes(before, "before").unwrap()).unwrap();
    let found: Vec<f64> = pictures
        .chunks(size)
        .flat_map(|picture| before.features(picture).unwrap()[..24].to_vec())
        .collect();
    close(&found, &read(&all, "dino.cls_pre_norm_nolora"), 2e-5, 2e-6);

    let folder = tempfile(&whole);
    let metric = metric(&folder, "dreamsim@");
    let picture = |index: usize| of_planes(&pictures[index * size..][..size]);
    for (other, name) in [(1, "dist_01"), (2, "dist_02")] {
        let score = metric.compare(&picture(0), &picture(other), Want::default()).unwrap();
        close(&[score.value], &read(&all, name), 0.0, 2e-7);
    }
}

fn of_planes(planes: &[f64]) -> Picture {
    let area = planes.len() / 3;
    let side = area.isqrt();
    let samples = (0..planes.len()).map(|at| planes[at % 3 * area + at / 3] as f32).collect();
    Picture::from_f32(side, side, Channels::Rgb, samples).unwrap()
}

fn tempfile(bytes: &[u8]) -> std::path::PathBuf {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path =
        std::env::temp_dir().join(format!("dreamsim-{}-{number}.safetensors", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn metric(path: &Path, id: &str) -> Box<dyn Metric> {
    lookalike_deep::metric(&format!("{id}{}", path.display())).unwrap()
}

/// A network of random parameters, small.
fn random(branch: Branch) -> Checkpoint {
    let (width, hidden, patch, tokens) = (16, 32, 4, 10);
    let clip = matches!(branch, Branch::Clip | Branch::OpenClip);
    let mut shapes = vec![
        ("cls_token".to_owned(), vec![1, 1, width]),
        ("pos_embed".to_owned(), vec![1, tokens, width]),
        ("patch_embed.proj.weight".to_owned(), vec![width, 3, patch, patch]),
        ("norm.weight".to_owned(), vec![width]),
        ("norm.bias".to_owned(), vec![width]),
    ];
    if clip {
        shapes.push(("pos_drop.weight".to_owned(), vec![width]));
        shapes.push(("pos_drop.bias".to_owned(), vec![width]));
        shapes.push(("proj".to_owned(), vec![width, 6]));
    } else {
        shapes.push(("patch_embed.proj.bias".to_owned(), vec![width]));
    }
    for block in 0..2 {
        for (name, shape) in [
            ("norm1.weight", vec![width]),
            ("norm1.bias", vec![width]),
            ("norm2.weight", vec![width]),
            ("norm2.bias", vec![width]),
            ("attn.qkv.weight", vec![3 * width, width]),
            ("attn.qkv.bias", vec![3 * width]),
            ("attn.proj.weight", vec![width, width]),
            ("attn.proj.bias", vec![width]),
            ("mlp.fc1.weight", vec![hidden, width]),
            ("mlp.fc1.bias", vec![hidden]),
            ("mlp.fc2.weight", vec![width, hidden]),
            ("mlp.fc2.bias", vec![width]),
        ] {
            shapes.push((format!("blocks.{block}.{name}"), shape));
        }
        if branch == Branch::DinoV2 {
            shapes.push((format!("blocks.{block}.ls1.gamma"), vec![width]));
            shapes.push((format!("blocks.{block}.ls2.gamma"), vec![width]));
        }
    }
    let seeded = Seeded::new(format!("dreamsim/{}", branch.as_str()));
    let tensors = shapes.into_iter().map(|(name, shape)| {
        let mut numbers = seeded.f32(&format!("{name}.u"), &shape).unwrap();
        let one = name.contains("norm") && name.ends_with("weight");
        numbers.iter_mut().for_each(|x| *x = 6.0 * *x + f32::from(u8::from(one)));
        (name, shape, numbers)
    });
    file(tensors.collect())
}

fn picture(step: usize) -> Picture {
    let samples = (0..12 * 12 * 3).map(|i| (i * step % 251) as f32 / 300.0 + 0.08).collect();
    Picture::from_f32(12, 12, Channels::Rgb, samples).unwrap()
}

#[test]
fn gradients_are_the_slopes_of_the_distance() {
    for (branches, patches) in [
        (vec![Branch::Dino, Branch::Clip], false),
        (vec![Branch::DinoV2], true),
        (vec![Branch::OpenClip], false),
    ] {
        let networks = branches.iter().map(|&branch| (branch, random(branch))).collect();
        let path = tempfile(&one_piece(networks, None, patches, Some(2)).unwrap());
        let metric = metric(&path, "dreamsim@");
        let (a, b) = (picture(7), picture(11));
        let gradient = metric.prepare(&a).unwrap().gradient(&b).unwrap();
        let value = metric.compare(&a, &b, Want::default()).unwrap().value;
        assert!((gradient.value - value).abs() < 1e-7 && value > 1e-3, "{value}");
        // Along the gradient the distance grows by its length.
        let length = gradient.samples.iter().map(|g| g * g).sum::<f64>().sqrt();
        let moved = |step: f64| {
            let samples = (0..12 * 12 * 3).map(|at| {
                let slope = gradient.samples[at % 3 * 144 + at / 3];
                b.samples().get(at) + step * slope / length
            });
            let moved = Picture::from_f64(12, 12, Channels::Rgb, samples.collect()).unwrap();
            metric.compare(&a, &moved, Want::default()).unwrap().value
        };
        let step = 0.02;
        let slope = (moved(step) - moved(-step)) / (2.0 * step);
        assert!((slope / length - 1.0).abs() < 0.02, "{branches:?}: {slope} {length}");
    }
}

#[test]
fn a_picture_has_the_same_bits_in_any_company_and_order_does_not_matter() {
    let networks =
        [Branch::Dino, Branch::Clip].map(|branch| (branch, random(branch))).into_iter().collect();
    let path = tempfile(&one_piece(networks, None, false, Some(2)).unwrap());
    let metric = metric(&path, "dreamsim@");
    let (a, b) = (picture(3), picture(5));
    let value = |x: &Picture, y: &Picture| metric.compare(x, y, Want::default()).unwrap().value;
    let expected = value(&a, &b);
    assert_eq!(value(&a, &a), 0.0);
    assert_eq!(value(&b, &a), expected);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| value(&a, &b)), expected);
    }
}

#[test]
fn what_does_not_belong_is_refused() {
    let one = |branch| one_piece(vec![(branch, random(branch))], None, false, Some(2)).unwrap();
    let refusal = |id: &str, bytes: &[u8]| {
        let path = tempfile(bytes);
        let made = lookalike_deep::metric(&format!("{id}{}", path.display()));
        made.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let message = refusal("dreamsim:ensemble@", &one(Branch::Dino));
    assert!(message.contains("expected the networks of ensemble, found dino"), "{message}");
    // 16 features are not shared out among heads of 64.
    let heads = one_piece(vec![(Branch::Dino, random(Branch::Dino))], None, false, None).unwrap();
    assert!(refusal("dreamsim@", &heads).contains("heads"));
    let plain = std::fs::read(tempfile(&one(Branch::Dino))).unwrap();
    let cut = &plain[..plain.len() - 8];
    assert!(!refusal("dreamsim@", cut).is_empty());
    assert!(
        refusal("dreamsim@", b"nothing").contains("nothing")
            || !refusal("dreamsim@", b"x").is_empty()
    );

    let factor = |name: &str, shape: Vec<usize>| {
        let numbers = vec![0.5; shape.iter().product()];
        (format!("extractor_list.0.model.blocks.{name}.weight"), shape, numbers)
    };
    let merged = |factors: Vec<(String, Vec<usize>, Vec<f32>)>| {
        let adapter = Adapter { file: file(factors), scale: 2.0 };
        let branches = vec![(Branch::Dino, random(Branch::Dino))];
        one_piece(branches, Some(adapter), false, Some(2)).map_err(|error| error.to_string())
    };
    let (a, b) =
        (factor("0.attn.qkv.lora_A", vec![2, 16]), factor("0.attn.qkv.lora_B", vec![48, 2]));
    assert!(merged(vec![a.clone(), b.clone()]).is_ok());
    assert!(merged(vec![a.clone()]).unwrap_err().contains("one of them"));
    let wrong = factor("0.attn.qkv.lora_B", vec![48, 3]);
    assert!(merged(vec![a, wrong]).unwrap_err().contains("as a product"));
    let (a, b) =
        (factor("9.attn.qkv.lora_A", vec![2, 16]), factor("9.attn.qkv.lora_B", vec![48, 2]));
    assert!(merged(vec![a, b]).unwrap_err().contains("block 9"));
    let fc = factor("0.mlp.fc1.lora_A", vec![2, 16]);
    assert!(merged(vec![fc]).unwrap_err().contains("belongs to no matrix"));
}
