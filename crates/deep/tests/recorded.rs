//! LPIPS against recorded values of the Python package `lpips` 0.1.4, which lie outside the repository
//! (`../shared/reference/lpips`); without them these tests say so and check nothing.
//!
//! The recorded networks have seeded parameters, the heads are the published ones; one file holds
//! values of AlexNet as trained on ImageNet.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../../nn/tests/agreement/mod.rs"]
mod agreement;

use std::path::Path;
use std::sync::Arc;

use agreement::Row;

use lookalike_core::{Channels, Picture, Want};
use lookalike_deep::{
    Distance, Head, Loaded, Lpips, Net, SampleRange, Version, WeightSource, metric_from,
};
use lookalike_nn::{Backbone, NamedTensors, Planes, Precision, Seeded, Trunk, processor};
use safetensors::SafeTensors;

fn file(name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/lpips");
    let path = folder.join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: {} is absent", path.display());
    }
    bytes
}

/// A file of tensors.
struct Recorded(Vec<u8>);

impl Recorded {
    fn open(name: &str) -> Option<Self> {
        file(name).map(Self)
    }

    fn shape(&self, name: &str) -> Vec<usize> {
        SafeTensors::deserialize(&self.0).unwrap().tensor(name).unwrap().shape().to_vec()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        SafeTensors::deserialize(&self.0).unwrap().tensor(name).unwrap().data().to_vec()
    }

    fn f32(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    fn f64(&self, name: &str) -> Vec<f64> {
        let bytes = self.bytes(name);
        bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
    }

    fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.names().into_iter().map(str::to_owned).collect()
    }

    fn planes(&self, name: &str) -> Planes {
        Planes::new(self.shape(name).try_into().unwrap(), self.f32(name)).unwrap()
    }

    fn named(&self) -> NamedTensors {
        let mut tensors = NamedTensors::new();
        for name in self.names() {
            tensors.insert(name.clone(), &self.shape(&name), self.f32(&name));
        }
        tensors
    }
}

/// The published heads, as `lin0`, `lin1`, … of one network and version.
fn head(net: Net, version: Version) -> Option<NamedTensors> {
    let heads = Recorded::open("lpips_lin_weights.safetensors")?;
    let prefix = format!("v{}.{}.", version.as_str(), net.as_str());
    let mut tensors = NamedTensors::new();
    for name in heads.names() {
        if let Some(tap) = name.strip_prefix(&prefix) {
            tensors.insert(tap, &heads.shape(&name), heads.f32(&name));
        }
    }
    Some(tensors)
}

fn lpips(net: Net, version: Version, trunk: &Arc<Trunk>, learned: bool) -> Lpips {
    let head = if learned {
        Head::load(net, &head(net, version).unwrap()).unwrap()
    } else {
        Head::Uniform
    };
    Lpips::new(net, version, trunk.clone(), head).unwrap()
}

/// Networks and heads as they were when the values were recorded.
struct RecordedWeights;

impl WeightSource for RecordedWeights {
    fn load(&self, name: &str) -> lookalike_deep::Result<Loaded> {
        let parameters: Box<dyn lookalike_nn::Parameters> = match name {
            "alexnet" => Box::new(Seeded::new("alex")),
            "vgg16" => Box::new(Seeded::new("vgg")),
            "squeezenet1_1" => Box::new(Seeded::new("squeeze")),
            head_name => {
                let (net, version) = head_name["lpips-head-".len()..].rsplit_once('-').unwrap();
                let net = Net::ALL.into_iter().find(|n| n.as_str() == net).unwrap();
                let versions = [Version::V0_0, Version::V0_1];
                let version = versions.into_iter().find(|v| v.as_str() == version).unwrap();
                Box::new(head(net, version).unwrap())
            }
        };
        Ok(Loaded { parameters, provenance: None })
    }
}

/// The same, with networks on the tensor engine.
struct OnEngine;

impl WeightSource for OnEngine {
    fn load(&self, name: &str) -> lookalike_deep::Result<Loaded> {
        RecordedWeights.load(name)
    }

    fn trunk_in(
        &self,
        backbone: Backbone,
        _: Precision,
    ) -> lookalike_deep::Result<(Arc<Trunk>, Option<String>)> {
        let parameters = self.load(backbone.weights())?.parameters;
        Ok((Arc::new(Trunk::on_engine(backbone, parameters.as_ref(), &processor())?), None))
    }
}

/// AlexNet as trained on ImageNet.
struct TrainedWeights;

impl WeightSource for TrainedWeights {
    fn load(&self, name: &str) -> lookalike_deep::Result<Loaded> {
        if name != "alexnet" {
            return RecordedWeights.load(name);
        }
        let trunk = Recorded::open("alexnet_features_real.safetensors").unwrap();
        Ok(Loaded { parameters: Box::new(trunk.named()), provenance: None })
    }
}

const PACKAGE: &str = "`lpips` 0.1.4 on PyTorch, seeded networks, published heads";

const VALUES: Row = Row {
    what: "LPIPS: three networks, versions 0.1 and 0.0, with and without learned weights, relative",
    with: PACKAGE,
    allowed: 2e-6,
};
const EXACT: Row = Row { what: "the same in double precision", with: PACKAGE, allowed: 2e-6 };
const TAPS: Row = Row { what: "shares of the taps, relative", with: PACKAGE, allowed: 2e-5 };
const UNIT: Row =
    Row { what: "values of samples in 0…1, relative", with: PACKAGE, allowed: 2e-5 };
const MAPS: Row = Row { what: "maps, of their largest value", with: PACKAGE, allowed: 1e-5 };
const GRADIENTS: Row = Row {
    what: "gradients of AlexNet and SqueezeNet, of their norm",
    with: PACKAGE,
    allowed: 1e-4,
};
const VGG_GRADIENTS: Row =
    Row { what: "gradients of VGG-16, of their norm", with: PACKAGE, allowed: 1e-2 };
const ENGINE_GRADIENTS: Row =
    Row { what: "gradients by the tensor engine, of their norm", with: PACKAGE, allowed: 1e-4 };
const TRAINED: Row = Row {
    what: "AlexNet as trained, the authors' example pairs, relative",
    with: "`lpips` 0.1.4 on PyTorch in double precision",
    allowed: 2e-6,
};

fn check(row: Row, what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs();
    row.check(error, &format!("{what}: {found} against {expected}"));
}

/// A picture of signed planes, without loss: double precision holds what single precision does.
fn picture(planes: &Planes, index: usize) -> Picture {
    let area = planes.height() * planes.width();
    let numbers = planes.picture(index);
    let samples = (0..area)
        .flat_map(|at| (0..3).map(move |c| 0.5 * (f64::from(numbers[c * area + at]) + 1.0)));
    Picture::from_f64(planes.width(), planes.height(), Channels::Rgb, samples.collect()).unwrap()
}

/// All values of one recorded file.
fn values(net: Net, size: &str) {
    let Some(recorded) = Recorded::open(&format!("lpips_ref_{}_{size}.safetensors", net.as_str()))
    else {
        return;
    };
    let trunk = Trunk::new(net.backbone(), &Seeded::new(net.as_str())).unwrap();
    let trunk = Arc::new(trunk);
    let (a, b) = (recorded.planes("in0"), recorded.planes("in1"));
    let range = SampleRange::MinusOneToOne;
    let what = |name: &str| format!("lpips:{} {size} {name}", net.as_str());
    let distances =
        |version, learned| lpips(net, version, &trunk, learned).distances(&a, &b, range).unwrap();
    let compare = |name: &str, found: &[Distance]| {
        for (found, expected) in found.iter().zip(recorded.f32(name)) {
            check(VALUES, &what(name), found.value, f64::from(expected));
        }
    };
    let learned = distances(Version::V0_1, true);
    let uniform = distances(Version::V0_1, false);
    compare("d_v0.1", &learned);
    compare("d_v0.0", &distances(Version::V0_0, true));
    compare("d_baseline_v0.1", &uniform);
    compare("d_baseline_v0.0", &distances(Version::V0_0, false));
    let metric = lpips(net, Version::V0_1, &trunk, true);
    compare("d_v0.1_swapped", &metric.distances(&b, &a, range).unwrap());
    for (found, expected) in learned.iter().zip(recorded.f64("d_v0.1_f64")) {
        check(EXACT, &what("d_v0.1_f64"), found.value, expected);
    }
    for (name, found) in [("per_layer_v0.1", &learned), ("per_layer_baseline_v0.1", &uniform)] {
        let found = found.iter().flat_map(|distance| &distance.taps);
        for (found, expected) in found.zip(recorded.f32(name)) {
            check(TAPS, &what(name), *found, f64::from(expected));
        }
    }
    // Samples in 0…1 lose what the subtraction of 1 rounds off.
    let unit = |planes: &Planes| {
        let data = planes.data().iter().map(|v| (v + 1.0) / 2.0).collect();
        Planes::new(planes.shape(), data).unwrap()
    };
    let found = metric.distances(&unit(&a), &unit(&b), SampleRange::ZeroToOne).unwrap();
    for (found, expected) in found.iter().zip(recorded.f32("d_v0.1_normalize_flag")) {
        check(UNIT, &what("d_v0.1_normalize_flag"), found.value, f64::from(expected));
    }
    map_and_gradients(net, &recorded, &a, &b, &what);
}

fn map_and_gradients(
    net: Net,
    recorded: &Recorded,
    a: &Planes,
    b: &Planes,
    what: &dyn Fn(&str) -> String,
) {
    let id = format!("lpips:{}", net.as_str());
    let metric = metric_from(&id, &RecordedWeights).unwrap();
    let map_of = |index: usize| {
        let want = Want { map: true };
        metric.compare(&picture(a, index), &picture(b, index), want).unwrap().map.unwrap()
    };
    let map = map_of(0);
    let expected = recorded.f32("spatial_v0.1");
    let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let pairs = map.values.iter().zip(&expected);
    let error = pairs.fold(0.0_f32, |m, (f, e)| m.max((f - e).abs())) / largest;
    assert_eq!(map.values.len(), expected.len());
    MAPS.check(f64::from(error), &what("map"));
    for (index, expected) in recorded.f32("spatial_v0.1_mean").into_iter().enumerate() {
        let map = map_of(index);
        let mean = map.values.iter().map(|&v| f64::from(v)).sum::<f64>() / map.values.len() as f64;
        check(MAPS, &what("spatial_v0.1_mean"), mean, f64::from(expected));
    }
    let (a, b) = (picture(a, 0), picture(b, 0));
    // A unit of which the sum is within rounding of 0 lets derivatives through or not. One such unit in
    // a deep layer of VGG-16 changes the gradient by some thousandths, and single precision of other
    // order or transforms finds some of them on the other side; the engine's order happens to agree.
    let row = if net == Net::Vgg { VGG_GRADIENTS } else { GRADIENTS };
    let on_engine = metric_from(&id, &OnEngine).unwrap();
    for (metric, by, row) in [(&metric, "kernels", row), (&on_engine, "engine", ENGINE_GRADIENTS)] {
        for (name, reference, candidate) in [("grad_in1", &a, &b), ("grad_in0", &b, &a)] {
            let found = metric.prepare(reference).unwrap().gradient(candidate).unwrap();
            let expected = recorded.f32(name);
            assert_eq!(found.samples.len(), expected.len());
            // Recorded with respect to −1…1, which is twice as wide as 0…1.
            let (mut difference, mut size) = (0.0, 0.0);
            for (found, &expected) in found.samples.iter().zip(&expected) {
                difference += (found / 2.0 - f64::from(expected)).powi(2);
                size += f64::from(expected).powi(2);
            }
            row.check((difference / size).sqrt(), &format!("{} by {by}", what(name)));
        }
    }
}

#[test]
fn alexnet_gives_the_recorded_values() {
    values(Net::Alex, "64x64");
    values(Net::Alex, "75x101");
}

#[test]
fn squeezenet_gives_the_recorded_values() {
    values(Net::Squeeze, "64x64");
    values(Net::Squeeze, "75x101");
}

#[test]
fn vgg_gives_the_recorded_values_of_64x64() {
    values(Net::Vgg, "64x64");
}

#[test]
fn vgg_gives_the_recorded_values_of_75x101() {
    values(Net::Vgg, "75x101");
}

#[test]
fn published_heads_are_read_as_they_are() {
    let sums: [(Net, Version, &[f64]); 6] = [
        (Net::Alex, Version::V0_1, &[2.3495, 16.1430, 39.2684, 27.1972, 20.3172]),
        (Net::Vgg, Version::V0_1, &[6.9260, 8.8583, 17.5150, 51.5213, 47.0349]),
        (
            Net::Squeeze,
            Version::V0_1,
            &[5.6901, 1.1853, 16.3266, 71.0126, 37.3707, 24.2629, 17.5906],
        ),
        (Net::Alex, Version::V0_0, &[2.5659, 10.2574, 22.4343, 16.3139, 13.9345]),
        (Net::Vgg, Version::V0_0, &[3.6416, 1.9601, 1.1231, 20.1063, 25.6896]),
        (
            Net::Squeeze,
            Version::V0_0,
            &[5.3018, 1.1452, 8.8851, 38.1125, 22.9905, 15.4387, 13.0548],
        ),
    ];
    for (net, version, sums) in sums {
        let Some(head) = head(net, version) else { return };
        let Head::Learned(weights) = Head::load(net, &head).unwrap() else { panic!("no weights") };
        for (weights, expected) in weights.iter().zip(sums) {
            let sum: f64 = weights.iter().map(|&w| f64::from(w)).sum();
            assert!((sum - expected).abs() < 6e-5, "{net:?} {version:?}: {sum} {expected}");
        }
    }
}

/// The published examples, extended by reflection to the recorded size where it is larger.
fn example(recorded: &Recorded, name: &str, (height, width): (usize, usize)) -> Picture {
    let planes = recorded.bytes(name);
    let fold = |at: usize| if at < 64 { at } else { 126 - at };
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            samples.extend((0..3).map(|c| planes[(c * 64 + fold(y)) * 64 + fold(x)]));
        }
    }
    Picture::from_u8(width, height, Channels::Rgb, samples).unwrap()
}

#[test]
fn trained_alexnet_gives_the_published_distances() {
    let Some(recorded) = Recorded::open("lpips_real_golden_alex.safetensors") else { return };
    let Some(json) = file("lpips_real_golden_alex.json") else { return };
    if file("alexnet_features_real.safetensors").is_none() {
        return;
    }
    let expected: serde_json::Value = serde_json::from_slice(&json).unwrap();
    for (profile, key) in
        [("0.1", "v0.1/lpips"), ("0.0", "v0.0/lpips"), ("baseline", "v0.1/baseline")]
    {
        let metric = metric_from(&format!("lpips:alex@{profile}"), &TrainedWeights).unwrap();
        for (size, name) in [((64, 64), "64x64"), ((75, 101), "75x101")] {
            let reference = example(&recorded, "ex_ref", size);
            for candidate in ["ex_p0", "ex_p1"] {
                let entry = &expected[&format!("alex/{name}/{key}/{candidate}")];
                let other = example(&recorded, candidate, size);
                let score = metric.compare(&reference, &other, Want::default()).unwrap();
                let d = entry["d_f64"].as_f64().unwrap();
                check(TRAINED, &format!("{key} {name} {candidate}"), score.value, d);
                let taps = entry["per_layer"].as_array().unwrap();
                for (part, tap) in score.parts.iter().zip(taps) {
                    let expected = tap.as_f64().unwrap();
                    let error = (part.value - expected).abs() / expected;
                    assert!(error <= 2e-5, "{}: {error:.1e}", part.name);
                }
            }
        }
    }
    let metric = metric_from("lpips:alex@0.1", &TrainedWeights).unwrap();
    let reference = example(&recorded, "ex_ref", (64, 64));
    let [p0, p1] = ["ex_p0", "ex_p1"].map(|name| example(&recorded, name, (64, 64)));
    let value =
        |candidate: &Picture| metric.compare(&reference, candidate, Want::default()).unwrap().value;
    assert_eq!(format!("{:.3} {:.3}", value(&p0), value(&p1)), "0.722 0.138");
    assert!((value(&p0) - 0.721_880_7).abs() <= 1e-5 && (value(&p1) - 0.137_565_6).abs() <= 1e-5);
    let map = metric.compare(&reference, &p0, Want { map: true }).unwrap().map.unwrap();
    let errors = map.values.iter().zip(recorded.f32("alex/spatial_ref_p0"));
    assert!(errors.fold(0.0_f32, |m, (f, e)| m.max((f - e).abs())) <= 2e-5);
    // Recorded with respect to the candidate in −1…1.
    let gradient = metric.prepare(&reference).unwrap().gradient(&p0).unwrap();
    let (mut difference, mut size) = (0.0, 0.0);
    for (found, expected) in gradient.samples.iter().zip(recorded.f32("alex/grad_p0")) {
        difference += (found / 2.0 - f64::from(expected)).powi(2);
        size += f64::from(expected).powi(2);
    }
    assert!((difference / size).sqrt() <= 1e-4, "{}", (difference / size).sqrt());
    let flat =
        |level: u8| Picture::from_u8(64, 64, Channels::Rgb, vec![level; 64 * 64 * 3]).unwrap();
    let black_white = metric.compare(&flat(0), &flat(255), Want::default()).unwrap().value;
    assert!((black_white - 0.813_954_4).abs() <= 1e-5, "{black_white}");
}

#[test]
fn the_network_must_be_the_one_of_the_metric() {
    let trunk = Trunk::new(Backbone::AlexNet, &Seeded::new("alex")).unwrap();
    let message = Lpips::new(Net::Vgg, Version::V0_1, Arc::new(trunk), Head::Uniform);
    assert!(message.unwrap_err().to_string().contains("VGG-16, found AlexNet"));
}
