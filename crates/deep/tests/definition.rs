//! Whole metrics against their definitions written out in double precision, on tiny pictures, with
//! gradients against differences of these definitions.

#![allow(clippy::unwrap_used, clippy::panic)]

// The networks in double precision, shared with the tests of the networks.
#[path = "../../nn/tests/definition/mod.rs"]
mod definition;

#[path = "../../nn/tests/agreement/mod.rs"]
mod agreement;

use agreement::Row;
use definition::{Definition, Grid, hanning_pool, max_pool};
use lookalike_core::{Channels, Metric, Picture, Want};
use lookalike_deep::{SeededWeights, metric_from};
use lookalike_nn::{Parameters as _, Seeded};

/// A picture of seeded samples in 0…1, in double precision so that steps are not rounded away.
fn picture(height: usize, width: usize, seed: &str) -> Picture {
    let samples = Seeded::new(seed).f32("lin", &[height, width, 3]).unwrap();
    let samples = samples.into_iter().map(|v| 0.1 + 0.8 * f64::from(v)).collect();
    Picture::from_f64(width, height, Channels::Rgb, samples).unwrap()
}

/// Samples less a mean, divided by a deviation.
fn scaled(picture: &Picture, mean: [f64; 3], deviation: [f64; 3]) -> Grid {
    let data = (0..3)
        .flat_map(|c| picture.plane(c, 1.0).into_iter().map(move |v| (v - mean[c]) / deviation[c]));
    let data = data.collect();
    Grid { channels: 3, height: picture.height(), width: picture.width(), data }
}

const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

fn taps(net: &str, x: &Grid) -> Vec<Grid> {
    let parameters = Seeded::new(net);
    let definition = Definition(&parameters);
    match net {
        "alex" => definition.alexnet(x),
        "squeeze" => definition.squeezenet(x),
        _ => definition.vgg16(x, |x| max_pool(x, 2, false)),
    }
}

fn lpips(net: &str, profile: &str, a: &Picture, b: &Picture) -> f64 {
    let (mean, deviation) = if profile == "0.0" { ([0.5; 3], [0.5; 3]) } else { IMAGENET };
    let [a, b] = [a, b].map(|picture| taps(net, &scaled(picture, mean, deviation)));
    let head = Seeded::new(format!("lpips-head-{net}-{profile}"));
    let shares = a.iter().zip(&b).enumerate().map(|(tap, (a, b))| {
        let weights = match profile {
            "baseline" => vec![1.0; a.channels],
            _ => head.f32(&format!("lin{tap}"), &[a.channels]).unwrap(),
        };
        let mut sum = 0.0;
        for y in 0..a.height {
            for x in 0..a.width {
                let length = |grid: &Grid| {
                    let squares = (0..grid.channels).map(|c| grid.at(c, y, x).powi(2));
                    squares.sum::<f64>().sqrt() + 1e-10
                };
                let (la, lb) = (length(a), length(b));
                for (c, &weight) in weights.iter().enumerate() {
                    let difference = a.at(c, y, x) / la - b.at(c, y, x) / lb;
                    sum += f64::from(weight) * difference.powi(2);
                }
            }
        }
        sum / (a.height * a.width) as f64
    });
    shares.sum()
}

fn dists(a: &Picture, b: &Picture) -> f64 {
    let parameters = Seeded::new("vgg");
    let features = |picture: &Picture| {
        let mut all = vec![scaled(picture, [0.0; 3], [1.0; 3])];
        let x = scaled(picture, IMAGENET.0, IMAGENET.1);
        all.extend(Definition(&parameters).vgg16(&x, hanning_pool));
        all
    };
    let (a, b) = (features(a), features(b));
    let weights = Seeded::new("dists");
    let [alpha, beta] = ["alpha", "beta"].map(|name| weights.f32(name, &[1475]).unwrap());
    let total: f64 = alpha.iter().chain(&beta).map(|&w| f64::from(w)).sum();
    let (mut similarity, mut index) = (0.0, 0);
    for (a, b) in a.iter().zip(&b) {
        let area = a.height * a.width;
        for (x, y) in a.data.chunks(area).zip(b.data.chunks(area)) {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / area as f64;
            let (mx, my) = (mean(x), mean(y));
            let moment = |x: &[f64], mx: f64, y: &[f64], my: f64| {
                x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / area as f64
            };
            let (vx, vy, cov) = (moment(x, mx, x, mx), moment(y, my, y, my), moment(x, mx, y, my));
            let texture = (2.0 * mx * my + 1e-6) / (mx * mx + my * my + 1e-6);
            let structure = (2.0 * cov + 1e-6) / (vx + vy + 1e-6);
            similarity += f64::from(alpha[index]) * texture + f64::from(beta[index]) * structure;
            index += 1;
        }
    }
    1.0 - similarity / total
}

fn metric(id: &str) -> Box<dyn Metric> {
    metric_from(id, &SeededWeights).unwrap()
}

fn value(metric: &dyn Metric, a: &Picture, b: &Picture) -> f64 {
    metric.compare(a, b, Want::default()).unwrap().value
}

const LPIPS: Row = Row {
    what: "LPIPS on small pictures, relative",
    with: "its definition written out in double precision, seeded networks",
    allowed: 2e-6,
};
const DISTS: Row = Row {
    what: "DISTS on small pictures, relative",
    with: "its definition written out in double precision, seeded network",
    allowed: 2e-6,
};
const AUTHORS: Row = Row {
    what: "DISTS, relative",
    with: "the authors' PyTorch code in double precision, seeded network",
    allowed: 2e-6,
};

#[test]
fn lpips_is_its_definition() {
    for (net, size) in [("alex", (31, 43)), ("squeeze", (17, 26)), ("vgg", (16, 18))] {
        let (a, b) = (picture(size.0, size.1, "a"), picture(size.0, size.1, "b"));
        for profile in ["0.1", "0.0", "baseline"] {
            let id = format!("lpips:{net}@{profile}");
            let (found, expected) =
                (value(metric(&id).as_ref(), &a, &b), lpips(net, profile, &a, &b));
            LPIPS.check((found - expected).abs() / expected, &id);
        }
    }
}

#[test]
fn dists_is_its_definition() {
    let (a, b) = (picture(17, 20, "a"), picture(17, 20, "b"));
    let (found, expected) = (value(metric("dists").as_ref(), &a, &b), dists(&a, &b));
    DISTS.check((found - expected).abs() / expected, "17×20");
}

/// Computed by the authors' PyTorch code in double precision on the same pictures and parameters.
#[test]
fn dists_is_what_its_authors_compute() {
    for (height, width, expected) in
        [(17, 20, 0.079_124_799_991_403_98), (64, 51, 0.082_391_873_269_662_02)]
    {
        let (a, b) = (picture(height, width, "a"), picture(height, width, "b"));
        let found = value(metric("dists").as_ref(), &a, &b);
        AUTHORS.check((found - expected).abs() / expected, "DISTS");
    }
}

/// The slope of `definition` along a direction against that of the metric's gradient.
fn check_slope(id: &str, size: (usize, usize), definition: impl Fn(&Picture, &Picture) -> f64) {
    let (a, b) = (picture(size.0, size.1, "a"), picture(size.0, size.1, "b"));
    let gradient = metric(id).prepare(&a).unwrap().gradient(&b).unwrap();
    let area = size.0 * size.1;
    let direction = Seeded::new("direction").f32("d", &[area, 3]).unwrap();
    let step = 1e-4;
    let moved = |sign: f64| {
        let samples = (0..area * 3).map(|at| {
            let sample = b.plane(at % 3, 1.0)[at / 3];
            sample + sign * step * f64::from(direction[at])
        });
        let moved = Picture::from_f64(size.1, size.0, Channels::Rgb, samples.collect()).unwrap();
        definition(&a, &moved)
    };
    let expected = (moved(1.0) - moved(-1.0)) / (2.0 * step);
    let found: f64 = (0..area * 3)
        .map(|at| gradient.samples[at % 3 * area + at / 3] * f64::from(direction[at]))
        .sum();
    // Slopes jump where a rectifier or a largest value changes, within the step of some.
    let size = gradient.samples.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!((found - expected).abs() <= 2e-3 * size, "{id}: {found} against {expected} of {size}");
    let found = gradient.value;
    assert!((found - definition(&a, &b)).abs() <= 2e-6 * found, "{id}: value beside the gradient");
}

#[test]
fn gradients_are_slopes_of_the_definition() {
    check_slope("lpips:alex", (31, 33), |a, b| lpips("alex", "0.1", a, b));
    check_slope("lpips:squeeze@0.0", (17, 19), |a, b| lpips("squeeze", "0.0", a, b));
    check_slope("lpips:vgg@baseline", (16, 17), |a, b| lpips("vgg", "baseline", a, b));
    check_slope("dists", (15, 16), dists);
}
