//! CLIP's image tower against recorded values, which lie outside the repository (`../shared/reference/dit`;
//! without them those tests say so and check nothing), and on random towers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use lookalike_core::{Channels, Picture, Want};
use lookalike_deep::clip::{Activation, Clip, Crop, Input};
use lookalike_nn::{Parameters, Seeded};
use lookalike_weights::{Checkpoint, read_bytes, read_file};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

const LINEAR: Input = Input { crop: Crop::OpenAi, linear: true };

fn recorded(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/dit");
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

fn numbers(all: &SafeTensors<'_>, name: &str) -> Vec<f64> {
    let tensor = all.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), Dtype::F32);
    tensor.data().as_chunks::<4>().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= absolute + relative * e.abs(), "{f} {e}");
    }
}

fn file(tensors: Vec<(String, Vec<usize>, Vec<u8>)>) -> Checkpoint {
    let views = tensors.iter().map(|(name, shape, data)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap())
    });
    read_bytes(safetensors::serialize(views, None).unwrap(), "file").unwrap()
}

/// What the recorded towers read is scaled already.
fn unscaled(planes: &[f64]) -> Vec<f64> {
    let area = planes.len() / 3;
    let mean = [0.481_454_66, 0.457_827_5, 0.408_210_73];
    let deviation = [0.268_629_54, 0.261_302_58, 0.275_777_11];
    let scaled = planes.iter().enumerate();
    scaled.map(|(at, x)| x * deviation[at / area] + mean[at / area]).collect()
}

#[test]
fn embeddings_and_derivatives_are_as_recorded_under_both_names() {
    let (Some(tiny), Some(hugging_face)) =
        (recorded("clip_tiny.safetensors"), recorded("hf_clip_vision_tiny/model.safetensors"))
    else {
        return;
    };
    let bytes = std::fs::read(tiny).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let openai = all.tensors().into_iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("openai.")?.to_owned();
        Some((name, tensor.shape().to_vec(), tensor.data().to_vec()))
    });
    let openai = file(openai.collect());
    let pictures = numbers(&all, "pixel_values");
    let size = pictures.len() / 2;
    for weights in [openai, read_file(&hugging_face).unwrap()] {
        let clip = Clip::read(weights, Some(4), Activation::QuickGelu, LINEAR).unwrap();
        assert_eq!((clip.side(), clip.patch(), clip.width()), (32, 8, 32));
        let (mut embeddings, mut slopes) = (Vec::new(), Vec::new());
        let cotangent = numbers(&all, "cotangent");
        for (index, picture) in pictures.chunks(size).enumerate() {
            let planes = unscaled(picture);
            embeddings.extend(clip.features(&planes).unwrap());
            let upstream = &cotangent[index * 24..][..24];
            let pulled = clip.pull_features(&planes, upstream).unwrap();
            // Recorded with respect to what is scaled.
            let deviation = [0.268_629_54, 0.261_302_58, 0.275_777_11];
            let pulled = pulled.iter().enumerate();
            slopes.extend(pulled.map(|(at, g)| g * deviation[at / (size / 3)]));
        }
        close(&embeddings, &numbers(&all, "image_embeds"), 2e-5, 2e-6);
        close(&slopes, &numbers(&all, "grad.pixel_values"), 1e-4, 2e-6);
    }
}

#[test]
fn pictures_are_prepared_as_recorded() {
    let Some(path) = recorded("clip_preprocess.safetensors") else { return };
    let bytes = std::fs::read(path).unwrap();
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let deviation = [0.268_629_54, 0.261_302_58, 0.275_777_11];
    let mean = [0.481_454_66, 0.457_827_5, 0.408_210_73];
    for name in ["100x41", "20x24", "37x50", "50x37", "64x64"] {
        let tensor = all.tensor(&format!("{name}.rgb_u8")).unwrap();
        let [height, width] = [tensor.shape()[0], tensor.shape()[1]];
        let picture =
            Picture::from_u8(width, height, Channels::Rgb, tensor.data().to_vec()).unwrap();
        let expected = numbers(&all, &format!("{name}.pixel_values"));
        let crops = [Crop::OpenAi, Crop::HuggingFace];
        let found = crops.map(|crop| Input { crop, linear: false }.planes(&picture, 32).unwrap());
        let errors = found.map(|planes| {
            let scaled = planes.iter().enumerate();
            let scaled = scaled.map(|(at, x)| (x - mean[at / 1024]) / deviation[at / 1024]);
            scaled.zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max)
        });
        assert!(errors[0] < 1e-6, "{name}: {errors:?}");
    }
}

/// A tower of random parameters with Hugging Face's names: 64 features, patches of 8, pictures of 16.
fn random(part: Option<&str>) -> Checkpoint {
    let width = 64;
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("vision_model.embeddings.class_embedding".to_owned(), vec![width]),
        ("vision_model.embeddings.position_embedding.weight".to_owned(), vec![5, width]),
        ("vision_model.embeddings.patch_embedding.weight".to_owned(), vec![width, 3, 8, 8]),
        ("visual_projection.weight".to_owned(), vec![7, width]),
        ("text_model.final_layer_norm.weight".to_owned(), vec![3]),
    ];
    for name in ["pre_layrnorm", "post_layernorm"] {
        for last in ["weight", "bias"] {
            tensors.push((format!("vision_model.{name}.{last}"), vec![width]));
        }
    }
    for (name, outputs, inputs) in [
        ("self_attn.q_proj", width, width),
        ("self_attn.k_proj", width, width),
        ("self_attn.v_proj", width, width),
        ("self_attn.out_proj", width, width),
        ("mlp.fc1", 32, width),
        ("mlp.fc2", width, 32),
    ] {
        tensors
            .push((format!("vision_model.encoder.layers.0.{name}.weight"), vec![outputs, inputs]));
        tensors.push((format!("vision_model.encoder.layers.0.{name}.bias"), vec![outputs]));
    }
    for name in ["layer_norm1", "layer_norm2"] {
        for last in ["weight", "bias"] {
            tensors.push((format!("vision_model.encoder.layers.0.{name}.{last}"), vec![width]));
        }
    }
    let seeded = Seeded::new("clip");
    let kept = tensors.into_iter().filter(|(name, _)| part.is_none_or(|part| !name.contains(part)));
    let tensors = kept.map(|(name, shape)| {
        let one = f32::from(u8::from(name.contains("norm") && name.ends_with("weight")));
        let numbers = seeded.f32(&format!("{name}.u"), &shape).unwrap();
        let data = numbers.iter().flat_map(|x| (4.0 * x + one).to_le_bytes()).collect();
        (name, shape, data)
    });
    file(tensors.collect())
}

fn picture(width: usize, height: usize, step: usize) -> Picture {
    let samples = (0..width * height * 3).map(|i| (i * step % 251) as f32 / 300.0 + 0.08).collect();
    Picture::from_f32(width, height, Channels::Rgb, samples).unwrap()
}

#[test]
fn gradients_are_the_slopes_of_the_distance_through_resizing_and_crop() {
    let path = std::env::temp_dir().join(format!("clip-{}.safetensors", std::process::id()));
    random(None).write_safetensors(&path).unwrap();
    let metric = lookalike_deep::metric(&format!("clip@{}+resize=linear", path.display())).unwrap();
    let (width, height) = (23, 19);
    let (a, b) = (picture(width, height, 7), picture(width, height, 11));
    let value = |x: &Picture| metric.compare(&a, x, Want::default()).unwrap().value;
    assert_eq!(value(&a), 0.0);
    let gradient = metric.prepare(&a).unwrap().gradient(&b).unwrap();
    assert!((gradient.value - value(&b)).abs() < 1e-9 && gradient.value > 1e-4);
    let length = gradient.samples.iter().map(|g| g * g).sum::<f64>().sqrt();
    let area = width * height;
    let moved = |step: f64| {
        let samples = (0..3 * area).map(|at| {
            b.samples().get(at) + step * gradient.samples[at % 3 * area + at / 3] / length
        });
        value(&Picture::from_f64(width, height, Channels::Rgb, samples.collect()).unwrap())
    };
    let slope = (moved(0.02) - moved(-0.02)) / 0.04;
    assert!((slope / length - 1.0).abs() < 0.03, "{slope} {length}");

    let codes = (0..3 * area).map(|i| (i * 11 % 251) as u8).collect();
    let codes = Picture::from_u8(width, height, Channels::Rgb, codes).unwrap();
    let rounded = lookalike_deep::metric(&format!("clip@{}", path.display())).unwrap();
    let refused = rounded.compare(&a, &a, Want::default()).unwrap_err().to_string();
    assert!(refused.contains("resize=linear"), "{refused}");
    assert_eq!(rounded.compare(&codes, &codes, Want::default()).unwrap().value, 0.0);
    let named = lookalike_deep::metric(&format!("clip:b32@{}", path.display()));
    let message = named.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("expected the tower b32"), "{message}");
}

#[test]
fn missing_and_foreign_tensors_are_refused() {
    let refusal = |weights: Checkpoint| {
        let read = Clip::read(weights, None, Activation::Gelu, LINEAR);
        read.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refusal(random(None)), "");
    assert!(refusal(random(Some("k_proj.weight"))).contains("queries, keys and values"));
    assert!(refusal(random(Some("class_embedding"))).contains("found none"));
    assert!(refusal(random(Some("fc2.bias"))).contains("blocks.0.mlp.fc2.bias"));
    let foreign = file(vec![("encoder.weight".to_owned(), vec![1], vec![0; 4])]);
    assert!(refusal(foreign).contains("belongs to no tower"));
}

/// The small ConvNeXt of timm's, under OpenCLIP's names, without tensors whose name holds `without`.
fn conv_next(without: &str, more: Option<(&str, Vec<usize>)>) -> Checkpoint {
    let bytes = include_bytes!("../../nn/tests/goldens/conv_next.safetensors");
    let all = SafeTensors::deserialize(bytes).unwrap();
    let mut tensors = Vec::new();
    for (name, tensor) in all.tensors() {
        if name.starts_with("recorded.") || (!without.is_empty() && name.contains(without)) {
            continue;
        }
        let name = match name.as_str() {
            "proj.weight" => "visual.head.proj.weight".to_owned(),
            name => format!("visual.trunk.{name}"),
        };
        tensors.push((name, tensor.shape().to_vec(), tensor.data().to_vec()));
    }
    if let Some((name, shape)) = more {
        let count = shape.iter().product::<usize>();
        tensors.push((name.to_owned(), shape, vec![0; 4 * count]));
    }
    file(tensors)
}

#[test]
fn a_conv_next_is_a_tower_as_well() {
    let bytes = include_bytes!("../../nn/tests/goldens/conv_next.safetensors");
    let all = SafeTensors::deserialize(bytes).unwrap();
    let text = Some(("text.transformer.resblocks.0.ln_1.weight", vec![8]));
    let text = conv_next("", text);
    let clip = Clip::read_conv_next(text, 64, LINEAR).unwrap();
    assert_eq!((clip.side(), clip.width()), (64, 24));
    let planes = unscaled(&numbers(&all, "recorded.picture"));
    close(&clip.features(&planes).unwrap(), &numbers(&all, "recorded.embedding"), 2e-4, 2e-5);
    let slopes = clip.pull_features(&planes, &numbers(&all, "recorded.cotangent")).unwrap();
    let deviation = [0.268_629_54, 0.261_302_58, 0.275_777_11];
    let slopes: Vec<f64> =
        slopes.iter().enumerate().map(|(at, g)| g * deviation[at / (64 * 64)]).collect();
    close(&slopes, &numbers(&all, "recorded.gradient"), 1e-3, 2e-4);
    let refused = |file: Checkpoint, side: usize| {
        Clip::read_conv_next(file, side, LINEAR).unwrap_err().to_string()
    };
    assert!(refused(conv_next("", None), 65).contains("multiples of 32"));
    assert!(refused(conv_next("gamma", None), 64).contains("gamma"));
    assert!(refused(conv_next("stages.2", None), 64).contains("stage 2"));
    let beyond = Some(("visual.trunk.stages.1.blocks.3.gamma", vec![12]));
    assert!(refused(conv_next("", beyond), 64).contains("follows nothing"));
    let other = Some(("visual.conv1.weight", vec![1]));
    assert!(refused(conv_next("", other), 64).contains("belongs to no ConvNeXt"));
}
