//! Attacks on metrics of all kinds, and answers that are natural, attacked and certified.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use lookalike_core::procedural::{Distortion, scene};
use lookalike_core::{Channels, Metric, Picture, Want};
use lookalike_robust::attack::{
    Attack, Ball, Method, MetricDecision, MetricDistance, MetricRetrieval, Norm, Target, picture,
    planes, shape,
};
use lookalike_robust::{DecisionCertifier, Robustness, Threat};

fn metric(id: &str) -> Box<dyn Metric> {
    match lookalike_metrics::metric(id) {
        Ok(metric) => metric,
        Err(_) => lookalike_deep::metric(id).unwrap(),
    }
}

/// A scene, a little noise and a little more.
fn triplet(seed: u64) -> [Picture; 3] {
    let reference = scene(seed, 24, 20);
    let noisy = |strength, seed| Distortion::Noise.apply(&reference, strength, seed).unwrap();
    let (left, right) = (noisy(0.10, seed), noisy(0.14, seed + 100));
    [reference, left, right]
}

fn attack(method: Method, norm: Norm, eps: f64) -> Attack {
    Attack { method, norm, eps, steps: 20, restarts: 1, queries: 200, seed: 7 }
}

#[test]
fn planes_come_back_as_pictures() {
    for channels in [Channels::Grey, Channels::Rgb] {
        let samples = (0..6 * channels.count()).map(|i| (i * 13 % 256) as u8).collect();
        let one = Picture::from_u8(3, 2, channels, samples).unwrap();
        let back = picture(&planes(&one), &one).unwrap();
        assert_eq!(planes(&back), planes(&one));
        assert!(picture(&[0.0], &one).is_err());
    }
}

#[test]
fn every_method_raises_the_loss_within_the_ball() {
    let [reference, left, right] = triplet(3);
    for id in ["mse", "ssim", "pixel-cosine", "sight"] {
        let metric = metric(id);
        let sign = if metric.card().equal > 0.0 { -1.0 } else { 1.0 };
        let d = |side| sign * metric.compare(&reference, side, Want::default()).unwrap().value;
        let (near, far) = if d(&left) < d(&right) { (&left, &right) } else { (&right, &left) };
        let target = MetricDecision::new(metric.as_ref(), &reference, near, far).unwrap();
        let centre = planes(&reference);
        let (before, given) = target.value(&centre).unwrap();
        assert!(before < 0.0 && !given, "{id}");
        for method in Method::ALL {
            for (norm, eps) in [(Norm::L2, 0.2), (Norm::Linf, 0.005)] {
                let found =
                    attack(method, norm, eps).run(&target, &centre, shape(&reference)).unwrap();
                let ball = Ball { centre: &centre, norm, eps };
                assert!(ball.distance(&found.planes) <= eps * (1.0 + 1e-12));
                assert!(found.planes.iter().all(|x| (0.0..=1.0).contains(x)));
                assert!(found.loss > before, "{id} {}: {before} {}", method.as_str(), found.loss);
                let (again, _) = target.value(&found.planes).unwrap();
                assert!((again - found.loss).abs() < 1e-6 * before.abs().max(1e-3), "{id}");
            }
        }
        assert!(target.queries() > 12);
    }
}

#[test]
fn gradients_of_targets_are_slopes() {
    let [reference, left, right] = triplet(5);
    let metric = metric("pixel-cosine");
    let decision = MetricDecision::new(metric.as_ref(), &reference, &left, &right).unwrap();
    let gallery = [left.clone(), right.clone(), scene(9, 24, 20)];
    let retrieval = MetricRetrieval::new(metric.as_ref(), &reference, &gallery).unwrap();
    let distance = MetricDistance::new(metric.as_ref(), &left).unwrap();
    let at: Vec<f64> = planes(&reference).iter().map(|x| x.clamp(0.01, 0.99)).collect();
    let targets: [&dyn Target; 3] = [&decision, &retrieval, &distance];
    for target in targets {
        let found = target.evaluate(&at).unwrap();
        for place in (0..at.len()).step_by(211) {
            let moved = |step: f64| {
                let mut moved = at.clone();
                moved[place] += step;
                target.value(&moved).unwrap().0
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope - found.gradient[place]).abs() < 1e-6, "{slope}");
        }
    }
    assert!(MetricRetrieval::new(metric.as_ref(), &reference, &gallery[..1]).is_err());
}

#[test]
fn a_distance_grows_and_a_neighbour_changes() {
    let metric = metric("sight");
    let one = scene(4, 32, 32);
    let target = MetricDistance::new(metric.as_ref(), &one).unwrap();
    let found =
        attack(Method::Apgd, Norm::L2, 1.0).run(&target, &planes(&one), shape(&one)).unwrap();
    let noise = attack(Method::Apgd, Norm::L2, 1.0);
    let random = Attack { steps: 0, ..noise }.run(&target, &planes(&one), shape(&one)).unwrap();
    assert!(found.loss > 2.0 * random.loss, "{} {}", found.loss, random.loss);
    let near = Distortion::Blur.apply(&one, 0.3, 0).unwrap();
    let gallery = [Distortion::Noise.apply(&one, 0.1, 2).unwrap(), near, scene(8, 32, 32)];
    let target = MetricRetrieval::new(metric.as_ref(), &one, &gallery).unwrap();
    let found =
        attack(Method::Apgd, Norm::L2, 2.0).run(&target, &planes(&one), shape(&one)).unwrap();
    assert!(found.succeeded);
    let changed = picture(&found.planes, &one).unwrap();
    assert_ne!(target.nearest(&changed).unwrap().0, target.first());
}

#[test]
fn natural_is_at_least_empirical_and_that_at_least_certified() {
    let threats = [
        Threat::parse_list("l2:0.05,0.3").unwrap(),
        Threat::parse_list("linf:0.0005,0.01").unwrap(),
    ]
    .concat();
    for id in ["mse", "psnr", "pixel-cosine", "ssim", "haarpsi"] {
        let metric = metric(id);
        let robustness =
            Robustness::new(metric.as_ref(), attack(Method::Apgd, Norm::L2, 1.0)).unwrap();
        let certified = ["mse", "psnr", "pixel-cosine"].contains(&id);
        assert_eq!(robustness.is_certified(), certified, "{id}");
        // PSNR has no derivative.
        let square = robustness.attack().method == Method::Square;
        assert_eq!(square, !metric.card().gradient, "{id}");
        let mut counts = [0; 3];
        for seed in 0..6 {
            let [reference, left, right] = triplet(seed);
            for label in [false, true] {
                let pictures = [&reference, &left, &right];
                let found = robustness.answer(pictures, label, &threats).unwrap();
                counts[0] += usize::from(found.natural);
                for one in &found.withstood {
                    assert!(found.natural || !one.attacked);
                    assert!(one.attacked || one.certified != Some(true), "{id} {seed} {label}");
                    assert_eq!(one.certified.is_some(), certified);
                    counts[1] += usize::from(one.attacked);
                    counts[2] += usize::from(one.certified == Some(true));
                }
            }
            let tie = robustness.answer([&reference, &left, &left], false, &threats).unwrap();
            assert!(!tie.natural, "ties are wrong");
        }
        println!("{id}: natural, attacked, certified {counts:?}");
        // One of the two labels is right.
        assert_eq!(counts[0], 6, "{id}");
        assert!(!certified || counts[2] > 0, "{id}");
    }
}

#[test]
fn pixel_certificates_are_exact_up_to_the_edges_of_the_range() {
    let [reference, left, right] = triplet(1);
    // Away from 0 and 1, so that nothing is cut off.
    let inner = |one: &Picture| {
        let at: Vec<f64> = planes(one).iter().map(|x| 0.25 + 0.5 * x).collect();
        picture(&at, one).unwrap()
    };
    let [reference, left, right] = [inner(&reference), inner(&left), inner(&right)];
    for id in ["mse", "pixel-cosine"] {
        let metric = metric(id);
        let certifier = DecisionCertifier::of(metric.id()).unwrap().unwrap();
        let decision = certifier.decide([&reference, &left, &right]).unwrap();
        let nearer = decision.left.unwrap();
        let (near, far) = if nearer { (&left, &right) } else { (&right, &left) };
        let target = MetricDecision::new(metric.as_ref(), &reference, near, far).unwrap();
        let flips = |share: f64| {
            let eps = share * decision.radius;
            let attack = Attack { steps: 60, ..attack(Method::Apgd, Norm::L2, eps) };
            attack.run(&target, &planes(&reference), shape(&reference)).unwrap().succeeded
        };
        assert!(!flips(0.999) && flips(1.01), "{id}: {}", decision.radius);
    }
    let with_options = "psnr+shave=2".parse().unwrap();
    assert!(DecisionCertifier::of(&with_options).unwrap().is_none());
}
