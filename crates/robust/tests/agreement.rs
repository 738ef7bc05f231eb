//! Certificates and attacks against recorded ones in double precision, which lie outside the repository
//! (`../shared/reference/lipsim`); without them these tests say so and check nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../../nn/tests/recorded_tensors/mod.rs"]
mod recorded_tensors;

use lookalike_deep::lipsim::{Head, LipSim};
use lookalike_robust::attack::{
    Attack, Ball, FlipDecision, Loss, Method, Norm, Shape, apgd, mim, pgd,
};
use lookalike_robust::certificate::{
    compat_radius, distance_to_flip, jointly_stable, value_interval,
};
use lookalike_weights::read_bytes;
use recorded_tensors::{read, recorded};
use safetensors::SafeTensors;

/// The recorded network.
fn network(all: &SafeTensors<'_>) -> LipSim {
    let tensors = all.tensors().into_iter().filter(|(name, _)| name.starts_with("module."));
    let bytes = safetensors::serialize(tensors, None).unwrap();
    LipSim::from_checkpoint("lipsim@f+outputs=20", read_bytes(bytes, "tiny").unwrap()).unwrap()
}

#[track_caller]
fn close(found: f64, expected: f64, relative: f64, absolute: f64) {
    assert!((found - expected).abs() <= absolute + relative * expected.abs(), "{found} {expected}");
}

#[test]
fn certificates_are_as_recorded() {
    let Some(bytes) = recorded("tiny_lipsim.safetensors") else { return };
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let embeddings = ["ref", "left", "right"].map(|side| {
        read(&all, &format!("emb.{side}")).chunks_exact(20).map(<[f64]>::to_vec).collect::<Vec<_>>()
    });
    let [references, lefts, rights] = &embeddings;
    for (i, x) in references.iter().enumerate() {
        let (left, right) = (lefts[i].as_slice(), rights[i].as_slice());
        for (prefix, head) in [("cert", Head::Cosine), ("cert.append1", Head::Appended)] {
            let recorded = |name: &str| read(&all, &format!("{prefix}.{name}"))[i];
            let plane = distance_to_flip(head, x, left, right);
            close(plane.abs(), recorded("radius_plane"), 1e-9, 0.0);
            assert_eq!(plane > 0.0, recorded("d0") < recorded("d1"));
            let published = compat_radius(head, x, left, right).unwrap();
            close(published, recorded("radius_lipsim"), 1e-9, 0.0);
        }
        for step in [36, 72, 108] {
            let eps = f64::from(step) / 255.0;
            let recorded = |name: &str| read(&all, &format!("cert.{step}.{name}"))[i];
            let found = value_interval(Head::Cosine, (x, eps), (left, 0.0));
            close(found.low, recorded("d0_lo"), 1e-9, 1e-12);
            close(found.high, recorded("d0_hi"), 1e-9, 1e-12);
            let own = value_interval(Head::Cosine, (x, eps), (x, 0.0));
            close(own.high, recorded("dself_hi"), 1e-9, 1e-12);
            let stable = jointly_stable(Head::Cosine, (x, eps), (left, eps), (right, eps));
            assert_eq!(stable, recorded("joint_stable") == 1.0, "{i} {step}");
        }
    }
}

#[test]
fn attacks_are_as_recorded() {
    let (Some(bytes), Some(attacks)) =
        (recorded("tiny_lipsim.safetensors"), recorded("attacks.safetensors"))
    else {
        return;
    };
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let attacks = SafeTensors::deserialize(&attacks).unwrap();
    let metric = network(&all);
    let pictures = read(&all, "in.ref");
    let sides = ["left", "right"].map(|side| read(&all, &format!("emb.{side}")));
    let labels = read(&all, "label_by_metric");
    let noise = read(&attacks, "start");
    let far =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let losses = read(&attacks, "pgd.loss");
    let (mut ours, mut theirs) = (0, 0);
    for i in 0..12 {
        let picture = &pictures[i * 3072..(i + 1) * 3072];
        let noise = &noise[i * 3072..(i + 1) * 3072];
        let side = |right: bool| &sides[usize::from(right)][i * 20..(i + 1) * 20];
        let right = labels[i] == 1.0;
        let target = FlipDecision {
            network: metric.network(),
            head: Head::Cosine,
            chosen: side(right),
            other: side(!right),
            loss: Loss::CrossEntropy,
        };
        let l2 = Ball { centre: picture, norm: Norm::L2, eps: 1.0 };
        let length = noise.iter().map(|n| n * n).sum::<f64>().sqrt();
        let start: Vec<f64> = picture.iter().zip(noise).map(|(x, n)| x + n / length).collect();
        let recorded = |name: &str| read(&attacks, name)[i * 3072..(i + 1) * 3072].to_vec();
        let nearby: Vec<f64> =
            picture.iter().zip(noise).map(|(x, n)| x + 0.1 * n / length).collect();
        let found = pgd(&target, &l2, nearby, 0.1, 25).unwrap();
        for (step, loss) in found.losses.iter().enumerate() {
            close(*loss, losses[step * 12 + i], 1e-9, 0.0);
        }
        assert!(far(&found.last, &recorded("pgd.x")) < 1e-9, "{i}");
        let found = mim(&target, &l2, picture.to_vec(), 0.05, 20, 1.0).unwrap();
        assert!(far(&found.last, &recorded("mim_l2.x")) < 1e-9, "{i}");
        let linf = Ball { centre: picture, norm: Norm::Linf, eps: 0.03 };
        let found = mim(&target, &linf, picture.to_vec(), 0.01, 10, 1.0).unwrap();
        assert!(far(&found.last, &recorded("mim_linf.x")) < 1e-9, "{i}");
        let found = apgd(&target, &l2, start, 30).unwrap();
        let highest = found.losses.iter().copied().fold(f64::MIN, f64::max);
        close(highest, read(&attacks, "apgd.loss_best")[i], 1e-9, 0.0);
        assert!(far(&found.last, &recorded("apgd.x_best")) < 1e-9, "{i}");
        ours += usize::from(found.succeeded);
        theirs += usize::from(read(&attacks, "apgd.acc")[i] == 0.0);
    }
    assert!(ours >= theirs, "{ours} of ours, {theirs} recorded");
}

/// Under its name, with the margin as its loss and a start of its own, at as many steps.
#[test]
fn apgd_succeeds_as_often_as_the_recorded_one() {
    let (Some(bytes), Some(attacks)) =
        (recorded("tiny_lipsim.safetensors"), recorded("attacks.safetensors"))
    else {
        return;
    };
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let attacks = SafeTensors::deserialize(&attacks).unwrap();
    let metric = network(&all);
    let pictures = read(&all, "in.ref");
    let sides = ["left", "right"].map(|side| read(&all, &format!("emb.{side}")));
    let labels = read(&all, "label_by_metric");
    let theirs = read(&attacks, "apgd.acc").iter().filter(|acc| **acc == 0.0).count();
    let shape = Shape { channels: 3, height: 32, width: 32 };
    for seed in 1..4 {
        let attack = Attack {
            method: Method::Apgd,
            norm: Norm::L2,
            eps: 1.0,
            steps: 30,
            restarts: 1,
            queries: 0,
            seed,
        };
        let mut ours = 0;
        for i in 0..12 {
            let side = |right: bool| &sides[usize::from(right)][i * 20..(i + 1) * 20];
            let right = labels[i] == 1.0;
            let target = FlipDecision {
                network: metric.network(),
                head: Head::Cosine,
                chosen: side(right),
                other: side(!right),
                loss: Loss::Margin,
            };
            let found = attack.run(&target, &pictures[i * 3072..(i + 1) * 3072], shape).unwrap();
            ours += usize::from(found.succeeded);
        }
        println!("seed {seed}: {ours} of 12, recorded {theirs}");
        assert!(ours >= theirs, "{ours} of ours, {theirs} recorded");
    }
}
