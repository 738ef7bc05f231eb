//! No attack within a certified radius changes what was certified.
//!
//! By default some dozen decisions of small random networks of the published kind, for which `LOOKALIKE_SOUNDNESS=N`
//! asks for N, and two thousand of tiny ones under every attack by name.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use lookalike_core::{Channels, Picture};
use lookalike_deep::lipsim::{Architecture, Head, LipSim, Plan, initial_file, initial_file_of};
use lookalike_robust::attack::{
    Attack, Ball, FlipDecision, Loss, Method, MetricDecision, Norm, Shape, Target, apgd, fgsm, mim,
    pgd,
};
use lookalike_robust::{Certifier, Pixels};
use lookalike_weights::read_bytes;

const SMALL: Architecture = Architecture {
    channels: 6,
    depth: 2,
    inner: 4,
    dense: 2,
    dense_inner: 10,
    image: 16,
    outputs: 6,
};

fn certifier(seed: u64, head: Head) -> Certifier {
    let file = read_bytes(initial_file(SMALL, seed).unwrap(), "small").unwrap();
    let id = format!("lipsim@f+head={}", head.as_str());
    Certifier::new(LipSim::from_checkpoint(&id, file).unwrap())
}

/// Noise between two levels, the same for a seed.
fn picture(side: usize, channels: Channels, seed: u64, levels: [f64; 2]) -> Picture {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let count = side * side * channels.count();
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let samples = (0..count).map(|_| levels[0] + (levels[1] - levels[0]) * next()).collect();
    Picture::from_f64(side, side, channels, samples).unwrap()
}

fn triplet(seed: u64, levels: [f64; 2]) -> [Picture; 3] {
    [0, 1, 2].map(|i| {
        // The candidates are shades of the reference, so that neither is far from it.
        let tone = levels[1] * (0.2 + 0.2 * ((seed + i) % 4) as f64);
        picture(16, Channels::Rgb, 3 * seed + i, [levels[0], tone.max(levels[0])])
    })
}

/// Whether any attack flips a decision within a radius as the network sees it.
fn flips(
    certifier: &Certifier,
    pictures: &[Picture; 3],
    left: bool,
    eps: f64,
    steps: usize,
) -> bool {
    let metric = certifier.metric();
    let [_, a, b] = pictures.each_ref().map(|p| metric.embed::<f64>(p).unwrap());
    let (chosen, other) = if left { (&a, &b) } else { (&b, &a) };
    let centre = metric.planes(&pictures[0]).unwrap();
    let (network, head) = (metric.network(), metric.head());
    let target = FlipDecision { network, head, chosen, other, loss: Loss::Margin };
    let ball = Ball { centre: &centre, norm: Norm::L2, eps };
    let noise = picture(16, Channels::Rgb, 99, [-0.0, 1.0]);
    let noise: Vec<f64> = (0..3).flat_map(|c| noise.plane(c, 1.0)).collect();
    let start: Vec<f64> =
        centre.iter().zip(&noise).map(|(x, n)| x + eps * (n - 0.5) / 9.0).collect();
    let attacks = [
        fgsm(&target, &ball),
        pgd(&target, &ball, centre.clone(), eps / 5.0, steps),
        mim(&target, &ball, centre.clone(), eps / 5.0, steps, 1.0),
        apgd(&target, &ball, start, steps),
    ];
    attacks.into_iter().any(|attacked| {
        let attacked = attacked.unwrap();
        assert!(ball.distance(&attacked.planes) <= eps * (1.0 + 1e-12));
        attacked.succeeded
    })
}

#[test]
fn no_attack_flips_a_certified_decision() {
    let wanted: usize =
        std::env::var("LOOKALIKE_SOUNDNESS").ok().map_or(60, |n| n.parse().unwrap());
    let heads = [Head::Cosine, Head::Appended, Head::Euclidean];
    let (mut certified, mut beyond, mut network) = (0, 0, 0);
    while certified < wanted {
        let head = heads[network as usize % 3];
        let certifier = certifier(network, head);
        for item in 0..20 {
            // A quarter of them dark, where embeddings are short.
            let levels = if item % 4 == 0 { [0.0, 0.05] } else { [0.0, 1.0] };
            let pictures = triplet(1000 * network + item, levels);
            let [x, a, b] = pictures.each_ref().map(|p| certifier.embed(p).unwrap());
            let decision = certifier.decide(&x, &a, &b);
            let radius = decision.radius.network;
            let (Some(left), true) = (decision.left, radius > 0.0 && radius.is_finite()) else {
                continue;
            };
            certified += 1;
            assert!(!flips(&certifier, &pictures, left, 0.999 * radius, 20), "{network} {item}");
            // The same attacks are strong enough to flip decisions further out.
            beyond += usize::from(flips(&certifier, &pictures, left, 3.0 * radius, 20));
        }
        network += 1;
    }
    println!("{certified} certified, none flipped; {beyond} flipped at 3 times the radius");
    assert!(3 * beyond > certified, "the attacks are too weak to say anything: {beyond}");
}

#[test]
fn two_thousand_decisions_withstand_every_attack() {
    const SIDE: usize = 8;
    let plan = "depth 2, channels 14, convolution 4, window 2, dense 6, dense 5";
    let plan = Plan::parse(SIDE, Some(24), plan).unwrap();
    let shape = Shape { channels: 3, height: SIDE, width: SIDE };
    let heads = [Head::Cosine, Head::Appended, Head::Euclidean];
    let (mut certified, mut beyond, mut network) = (0, 0, 0_u64);
    while certified < 2000 {
        let file = read_bytes(initial_file_of(&plan, network).unwrap(), "tiny").unwrap();
        let head = heads[network as usize % 3];
        let id = format!("lipsim@f+head={}", head.as_str());
        let certifier = Certifier::new(LipSim::from_checkpoint(&id, file).unwrap());
        let metric = certifier.metric();
        for item in 0..50 {
            let levels = if item % 4 == 0 { [0.0, 0.05] } else { [0.0, 1.0] };
            let seed = 3 * (1000 * network + item);
            let pictures =
                [0, 1, 2].map(|i| picture(SIDE, Channels::Rgb, seed + i, [levels[0], levels[1]]));
            let [x, a, b] = pictures.each_ref().map(|p| certifier.embed(p).unwrap());
            let decision = certifier.decide(&x, &a, &b);
            let radius = decision.radius.network;
            let (Some(left), true) = (decision.left, radius > 0.0 && radius.is_finite()) else {
                continue;
            };
            certified += 1;
            let [_, f0, f1] = pictures.each_ref().map(|p| metric.embed::<f64>(p).unwrap());
            let [near, far] = if left { [1, 2] } else { [2, 1] };
            let double = FlipDecision {
                network: metric.network(),
                head,
                chosen: if left { &f0 } else { &f1 },
                other: if left { &f1 } else { &f0 },
                loss: Loss::Margin,
            };
            // As `compare` computes it, in single precision and in the picture's own samples, which are the network's.
            let single =
                MetricDecision::new(metric, &pictures[0], &pictures[near], &pictures[far]).unwrap();
            let target: &dyn Target = if item % 2 == 0 { &double } else { &single };
            let centre = metric.planes(&pictures[0]).unwrap();
            let attack = |method: Method, norm: Norm, share: f64| {
                let inscribed = match norm {
                    Norm::L2 => 1.0,
                    Norm::Linf => (shape.numbers() as f64).sqrt(),
                };
                let eps = share * radius / inscribed;
                let attack = Attack { method, norm, eps, steps: 8, restarts: 1, queries: 8, seed };
                attack.run(target, &centre, shape).unwrap().succeeded
            };
            for method in Method::ALL {
                let norm = if certified % 8 == 0 { Norm::Linf } else { Norm::L2 };
                assert!(!attack(method, norm, 0.999), "{network} {item} {}", method.as_str());
            }
            beyond += usize::from(attack(Method::Apgd, Norm::L2, 3.0));
        }
        network += 1;
    }
    println!("{certified} certified, none flipped; {beyond} flipped at 3 times the radius");
    assert!(4 * beyond > certified, "the attacks are too weak to say anything: {beyond}");
}

#[test]
fn the_published_radius_fails_where_embeddings_are_short_and_says_so() {
    let (mut flipped, mut all, mut held) = (0, 0, 0);
    for network in 0..8 {
        let certifier = certifier(network, Head::Cosine);
        for item in 0..6 {
            let pictures = triplet(1000 * network + item, [0.0, 0.02]);
            let [x, a, b] = pictures.each_ref().map(|p| certifier.embed(p).unwrap());
            let decision = certifier.decide(&x, &a, &b);
            let (Some(left), Some(compat)) = (decision.left, decision.compat) else { continue };
            all += 1;
            let within = flips(&certifier, &pictures, left, 0.99 * compat.radius, 40);
            flipped += usize::from(within);
            held += usize::from(compat.holds);
            assert!(!(within && compat.holds), "{network} {item}");
        }
    }
    println!(
        "{flipped} of {all} flipped within the published radius, {held} of which it holds for"
    );
    assert!(flipped > 0, "none of {all}");
}

#[test]
fn certificates_reach_the_samples_of_pictures_of_other_sizes() {
    let certifier = certifier(3, Head::Cosine);
    for (side, channels) in [(16, Channels::Grey), (40, Channels::Rgb), (9, Channels::Grey)] {
        let [x, a, b] = [5, 6, 7].map(|seed| picture(side, channels, seed, [0.2, 0.8]));
        let known = [&x, &a, &b].map(|p| certifier.embed(p).unwrap());
        let decision = certifier.decide(&known[0], &known[1], &known[2]);
        let Pixels::Radius(pixels) = decision.radius.pixels else { panic!() };
        let left = decision.left.unwrap();
        // Along the embedding's own gradient, through the resize.
        let toward = if left { &b } else { &a };
        let metric = certifier.metric();
        use lookalike_core::{Metric, Want};
        let slopes = metric.prepare(toward).unwrap().gradient(&x).unwrap().samples;
        let length = slopes.iter().map(|s| s * s).sum::<f64>().sqrt();
        let count = channels.count();
        let mut samples = vec![0.0; side * side * count];
        for channel in 0..count {
            for (i, value) in x.plane(channel, 1.0).into_iter().enumerate() {
                let step = 0.999 * pixels * slopes[channel * side * side + i] / length;
                samples[i * count + channel] = (value - step).clamp(0.0, 1.0);
            }
        }
        let moved = Picture::from_f64(side, side, channels, samples).unwrap();
        let distance = |p: &Picture| metric.compare(p, &moved, Want::default()).unwrap().value;
        assert_eq!(distance(&a) < distance(&b), left, "{side}");
        // Values of one changed picture stay in their interval.
        let value = certifier.value(&known[1], &known[0], [0.0, pixels]);
        let interval = value.interval.unwrap();
        let found = distance(&a);
        assert!(
            (interval.low - 1e-7..=interval.high + 1e-7).contains(&found),
            "{interval:?} {found}"
        );
    }
}

#[test]
fn retrieval_withstands_attacks_within_its_radius() {
    for head in [Head::Cosine, Head::Euclidean] {
        let certifier = certifier(5, head);
        let query = picture(16, Channels::Rgb, 1, [0.0, 1.0]);
        let gallery: Vec<Picture> = (0..8)
            .map(|i| picture(16, Channels::Rgb, 10 + i, [0.0, 0.3 + 0.09 * i as f64]))
            .collect();
        let known: Vec<_> = gallery.iter().map(|p| certifier.embed(p).unwrap()).collect();
        let found = certifier.retrieve(&certifier.embed(&query).unwrap(), &known, 3).unwrap();
        assert_eq!(found.results.len(), 3);
        assert!(found.results.windows(2).all(|two| two[0].distance <= two[1].distance));
        let set = found.set.network;
        assert!(found.results.iter().all(|one| one.radius.network >= set * (1.0 - 1e-9)));
        let first = &gallery[found.results[0].index];
        for (index, other) in gallery.iter().enumerate() {
            if index != found.results[0].index && found.first.network > 0.0 {
                let triplet = [query.clone(), first.clone(), other.clone()];
                assert!(!flips(&certifier, &triplet, true, 0.999 * found.first.network, 20));
            }
        }
        assert!(certifier.retrieve(&known[0], &known, 0).is_err());
        let whole = certifier.retrieve(&known[0], &known, 9).unwrap();
        assert_eq!((whole.results.len(), whole.set.network), (8, f64::INFINITY));
        assert_eq!(whole.results[0].index, 0, "a picture is nearest to itself");
    }
}

#[test]
fn three_pictures_may_change_at_once() {
    let certifier = certifier(7, Head::Euclidean);
    let [x, a, b] = triplet(4, [0.0, 1.0]).map(|p| certifier.embed(&p).unwrap());
    let stable = |eps: f64| certifier.jointly_stable([&x, &a, &b], [eps; 3]).unwrap();
    assert!(stable(0.0) && !stable(1000.0));
}
