//! What holds for learned metrics whatever their weights: batches, zeros, singular places, sizes.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use lookalike_core::{Channels, Error as CoreError, Metric, Picture, Want};
use lookalike_deep::{
    Error, Head, Lpips, Net, SampleRange, SeededWeights, Version, definitions, metric_from,
};
use lookalike_kernels::Processor;
use lookalike_nn::{NamedTensors, Parameters, Planes, Seeded, Trunk, geometry};

fn planes(batch: usize, height: usize, width: usize, seed: &str) -> Planes {
    let shape = [batch, 3, height, width];
    Planes::new(shape, Seeded::new(seed).f32("lin", &shape).unwrap()).unwrap()
}

fn lpips_with(net: Net, parameters: &dyn Parameters) -> Lpips {
    let trunk = Trunk::new(net.backbone(), parameters).unwrap();
    let head = Head::load(net, &Seeded::new("head")).unwrap();
    Lpips::new(net, Version::V0_1, Arc::new(trunk), head).unwrap()
}

fn lpips(net: Net) -> Lpips {
    lpips_with(net, &Seeded::new(net.as_str()))
}

fn one(planes: &Planes, index: usize) -> Planes {
    let [_, channels, height, width] = planes.shape();
    Planes::new([1, channels, height, width], planes.picture(index).to_vec()).unwrap()
}

const RANGE: SampleRange = SampleRange::ZeroToOne;

#[test]
fn batches_give_the_bits_of_single_pairs() {
    for net in Net::ALL {
        let lpips = lpips(net);
        let (a, b) = (planes(3, 33, 39, "a"), planes(3, 33, 39, "b"));
        let pairs = lpips.distances(&a, &b, RANGE).unwrap();
        let first = one(&a, 0);
        let against_first = lpips.distances(&first, &b, RANGE).unwrap();
        for index in 0..3 {
            let b = one(&b, index);
            assert_eq!(lpips.distances(&one(&a, index), &b, RANGE).unwrap(), pairs[index..=index]);
            assert_eq!(lpips.distances(&first, &b, RANGE).unwrap(), against_first[index..=index]);
        }
        let swapped = lpips.distances(&b, &a, RANGE).unwrap();
        for (pair, swapped) in pairs.iter().zip(swapped) {
            assert!((pair.value - swapped.value).abs() <= 1e-12 * pair.value);
            assert!(pair.value > 0.0 && pair.taps.iter().all(|&tap| tap >= 0.0));
            assert_eq!(pair.value, pair.taps.iter().sum::<f64>());
        }
        assert!(lpips.distances(&a, &a, RANGE).unwrap().iter().all(|same| same.value == 0.0));
    }
}

#[test]
fn products_in_bfloat16_are_near_and_another_metric() {
    if !Processor::best().has_bfloat16() {
        println!("skipped: this processor does not multiply in bfloat16");
        return;
    }
    let picture = |seed| {
        let samples = planes(1, 64, 64, seed).data().iter().map(|v| v.abs().min(1.0)).collect();
        Picture::from_f32(64, 64, Channels::Rgb, samples).unwrap()
    };
    let (a, b) = (picture("a"), picture("b"));
    for net in Net::ALL {
        let single = metric_from(&format!("lpips:{}", net.as_str()), &SeededWeights).unwrap();
        let name = format!("lpips:{}@0.1+precision=bf16", net.as_str());
        let metric = metric_from(&name, &SeededWeights).unwrap();
        assert_eq!(metric.id().to_string(), name);
        let value = |metric: &dyn Metric| metric.compare(&a, &b, Want::default()).unwrap().value;
        let (expected, found) = (value(&*single), value(&*metric));
        let error = (found / expected - 1.0).abs();
        println!("{name}: {error:e}");
        assert!(error < 2e-3 && error > 1e-7, "{name}: {found} {expected}");
        assert_eq!(metric.prepare(&a).unwrap().compare(&b, Want::default()).unwrap().value, found);
        assert_eq!(metric.compare(&a, &a, Want::default()).unwrap().value, 0.0);
        // Where two activations of a window are near to each other, the other one may be the largest now.
        let [expected, found] =
            [&single, &metric].map(|m| m.prepare(&a).unwrap().gradient(&b).unwrap());
        let length = |samples: &[f64]| samples.iter().map(|s| s * s).sum::<f64>().sqrt();
        let apart: Vec<f64> =
            expected.samples.iter().zip(&found.samples).map(|(e, f)| e - f).collect();
        let error = length(&apart) / length(&expected.samples);
        println!("{name}, gradient: {error:e}");
        assert!(error < 0.4, "{name}: {error}");
    }
    let refused = |id: &str| metric_from(id, &SeededWeights).err().unwrap().to_string();
    assert!(refused("lpips:vgg+precision=f16").contains("takes bf16"));
    assert!(refused("dists+precision=bf16").contains("precision"));
}

#[test]
fn gradients_of_batches_are_those_of_single_pairs() {
    for net in Net::ALL {
        let lpips = lpips(net);
        let (a, b) = (planes(3, 33, 39, "a"), planes(3, 33, 39, "b"));
        let distances = lpips.distances(&a, &b, RANGE).unwrap();
        let together = lpips.gradients(&a, &b, RANGE).unwrap();
        let first = one(&a, 0);
        let against_first = lpips.gradients(&first, &b, RANGE).unwrap();
        assert_eq!(together[0], against_first[0]);
        for index in 0..3 {
            assert_eq!(together[index].value, distances[index].value);
            let (a, b) = (one(&a, index), one(&b, index));
            assert_eq!(lpips.gradients(&a, &b, RANGE).unwrap(), together[index..=index]);
            assert_eq!(lpips.gradients(&first, &b, RANGE).unwrap(), against_first[index..=index]);
        }
    }
}

#[test]
fn features_that_were_kept_give_the_bits_of_the_pair() {
    let picture = |seed: &str| {
        let samples = Seeded::new(seed).f32("lin", &[40, 37, 3]).unwrap();
        Picture::from_f32(37, 40, Channels::Rgb, samples).unwrap()
    };
    let (a, b) = (picture("a"), picture("b"));
    let want = Want { map: true };
    for id in ["lpips:alex", "lpips:squeeze@0.0", "dists"] {
        let metric = metric_from(id, &SeededWeights).unwrap();
        assert!(metric.keeps_features());
        let [fa, fb] = [&a, &b].map(|picture| metric.features(picture).unwrap().unwrap());
        assert!(fa.bytes() > 10_000);
        let kept = metric.compare_features(&fa, &fb, want).unwrap().unwrap();
        assert_eq!(kept, metric.compare(&a, &b, want).unwrap(), "{id}");
        let other = metric_from("lpips:alex@0.0", &SeededWeights).unwrap();
        assert!(other.compare_features(&fa, &fb, want).is_none(), "features of {id}");
        let smaller = metric.features(&a.crop(0, 0, 36, 36).unwrap()).unwrap().unwrap();
        let error = metric.compare_features(&fa, &smaller, want).unwrap().unwrap_err();
        assert!(matches!(error, CoreError::SizeMismatch { candidate: (36, 36), .. }), "{error}");
    }
}

#[test]
fn batches_that_do_not_belong_together_are_refused() {
    let lpips = lpips(Net::Squeeze);
    let refused = |a: &Planes, b: &Planes| lpips.distances(a, b, RANGE).unwrap_err();
    let pair = planes(2, 20, 20, "a");
    let error = refused(&pair, &planes(3, 20, 20, "b"));
    assert!(matches!(error, Error::Batches { references: 2, candidates: 3 }), "{error}");
    let error = refused(&pair, &planes(2, 20, 21, "b"));
    assert!(error.to_string().contains("20x20 against 21x20"), "{error}");
    let error = refused(&planes(1, 16, 30, "a"), &planes(1, 16, 30, "b"));
    assert!(error.to_string().contains("at least 17 pixels"), "{error}");
    let grey = Planes::zeros([1, 1, 20, 20]);
    assert!(refused(&grey, &grey).to_string().contains("3 channels, found 1"));
}

/// Seeded parameters of AlexNet whose first layer sees nothing in dark places.
fn blind_in_the_dark() -> NamedTensors {
    let seeded = Seeded::new("alex");
    let mut parameters = NamedTensors::new();
    for convolution in geometry::convolutions(&Net::Alex.backbone().layers()) {
        let c = convolution;
        let shape = [c.output, c.input, c.kernel, c.kernel];
        let weight = format!("{}.weight", c.path);
        parameters.insert(weight.clone(), &shape, seeded.f32(&weight, &shape).unwrap());
        let bias = format!("{}.bias", c.path);
        let numbers = match c.path.as_str() {
            "features.0" => vec![-1.0; c.output],
            _ => seeded.f32(&bias, &[c.output]).unwrap(),
        };
        parameters.insert(bias, &[c.output], numbers);
    }
    parameters
}

/// Whether some position of the first tap has no activation at all.
fn has_dead_positions(parameters: &dyn Parameters, input: &Planes) -> bool {
    let trunk = Trunk::new(Net::Alex.backbone(), parameters).unwrap();
    let tap = trunk.taps(input).unwrap().remove(0);
    let area = tap.height() * tap.width();
    (0..area).any(|at| tap.data().chunks(area).all(|plane| plane[at] == 0.0))
}

#[test]
fn gradients_are_finite_where_there_are_no_activations() {
    let parameters = blind_in_the_dark();
    // In the middle the network reads 0, so only the bias is left there.
    let mut input = planes(1, 64, 64, "a");
    let mean = [0.485, 0.456, 0.406];
    for (channel, plane) in input.data_mut().chunks_mut(64 * 64).enumerate() {
        for (y, row) in plane.chunks_mut(64).enumerate() {
            if (16..48).contains(&y) {
                row[16..48].fill(mean[channel]);
            }
        }
    }
    assert!(has_dead_positions(&parameters, &Planes::zeros([1, 3, 64, 64])));
    let source = Fixed(parameters);
    let metric = metric_from("lpips:alex", &source).unwrap();
    let samples = |planes: &Planes| -> Vec<f64> {
        let numbers = planes.data();
        let pixels = (0..64 * 64).flat_map(|at| (0..3).map(move |c| c * 64 * 64 + at));
        pixels.map(|at| f64::from(numbers[at])).collect()
    };
    let picture =
        |planes: &Planes| Picture::from_f64(64, 64, Channels::Rgb, samples(planes)).unwrap();
    let (dead, other) = (picture(&input), picture(&planes(1, 64, 64, "b")));
    for (reference, candidate) in [(&dead, &other), (&other, &dead), (&dead, &dead)] {
        let gradient = metric.prepare(reference).unwrap().gradient(candidate).unwrap();
        assert!(gradient.samples.iter().all(|sample| sample.is_finite()));
        assert!(gradient.value.is_finite());
    }
}

struct Fixed(NamedTensors);

impl lookalike_deep::WeightSource for Fixed {
    fn load(&self, name: &str) -> lookalike_deep::Result<lookalike_deep::Loaded> {
        if name == "alexnet" {
            let parameters = Box::new(self.0.clone());
            return Ok(lookalike_deep::Loaded { parameters, provenance: None });
        }
        SeededWeights.load(name)
    }
}

fn flat(side: usize, level: u8) -> Picture {
    Picture::from_u8(side, side, Channels::Rgb, vec![level; side * side * 3]).unwrap()
}

fn check_extremes(metric: &dyn Metric) {
    let id = metric.id();
    let side = metric.card().minimum_side.max(4);
    for (a, b) in [(0, 255), (255, 0), (0, 0), (128, 128), (128, 129)] {
        let (a, b) = (flat(side, a), flat(side, b));
        let score = metric.compare(&a, &b, Want { map: true }).unwrap();
        assert!(score.value.is_finite() && score.value >= 0.0, "{id}: {}", score.value);
        assert_eq!(score.value == 0.0, a == b, "{id}: {}", score.value);
        assert_eq!(score.map.is_some(), metric.card().map.is_some(), "{id}");
        let gradient = metric.prepare(&a).unwrap().gradient(&b).unwrap();
        assert!(gradient.samples.iter().all(|sample| sample.is_finite()), "{id}");
    }
}

#[test]
fn flat_black_and_white_pictures_give_numbers() {
    for definition in definitions() {
        check_extremes(metric_from(definition.card.id, &SeededWeights).unwrap().as_ref());
    }
}

#[test]
fn least_sides_are_accepted_and_one_less_is_refused() {
    for definition in definitions() {
        let card = definition.card;
        let metric = metric_from(card.id, &SeededWeights).unwrap();
        let accepted = flat(card.minimum_side, 7);
        assert_eq!(metric.compare(&accepted, &accepted, Want::default()).unwrap().value, 0.0);
        if card.minimum_side > 1 {
            let refused = flat(card.minimum_side - 1, 7);
            let error = metric.compare(&refused, &refused, Want::default()).unwrap_err();
            let least = card.minimum_side;
            assert!(matches!(error, CoreError::TooSmall { minimum, .. } if minimum == least));
        }
    }
}

#[test]
fn grey_counts_as_colour_and_its_gradient_is_the_sum_of_three() {
    let side = 20;
    let samples: Vec<u8> = (0..side * side).map(|i| (i * 37 % 251) as u8).collect();
    let grey = Picture::from_u8(side, side, Channels::Grey, samples).unwrap();
    let other = grey.with_samples(
        Channels::Grey,
        lookalike_core::Samples::U8((0..side * side).map(|i| (i * 53 % 241) as u8).collect()),
        lookalike_core::Encoding::Srgb,
    );
    let other = other.unwrap();
    let metric = metric_from("lpips:squeeze", &SeededWeights).unwrap();
    let value = |a: &Picture, b: &Picture| metric.compare(a, b, Want::default()).unwrap().value;
    assert_eq!(value(&grey, &other), value(&grey.to_rgb(), &other.to_rgb()));
    assert_eq!(value(&grey, &other), value(&grey, &other.to_rgb()));
    let prepared = metric.prepare(&grey).unwrap();
    let (one, three) =
        (prepared.gradient(&other).unwrap(), prepared.gradient(&other.to_rgb()).unwrap());
    assert_eq!((one.channels, three.channels), (1, 3));
    let area = side * side;
    for at in 0..area {
        let sum: f64 = (0..3).map(|c| three.samples[c * area + at]).sum();
        assert_eq!(one.samples[at], sum);
    }
}

#[test]
fn scores_say_where_their_weights_come_from() {
    let metric = metric_from("lpips:alex", &SeededWeights).unwrap();
    let score = metric.compare(&flat(31, 1), &flat(31, 2), Want::default()).unwrap();
    let weights = score.provenance.weights.unwrap();
    assert_eq!(weights, "alexnet:seeded lpips-head-alex-0.1:seeded");
    assert!(score.provenance.software.starts_with("lookalike-deep "));
    let names: Vec<&str> = score.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["tap_1", "tap_2", "tap_3", "tap_4", "tap_5"]);
}
