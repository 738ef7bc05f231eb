use lookalike_core::Samples;
use rayon::prelude::*;

use super::*;

fn bytes(picture: &Picture) -> Vec<u8> {
    let Samples::U8(samples) = picture.samples() else { panic!("8 bits") };
    samples.clone()
}

/// FNV-1a, 64 bits.
fn hash(shoes: &[ShoePair]) -> u64 {
    let all = shoes
        .iter()
        .flat_map(|shoe| [bytes(&shoe.source), bytes(&shoe.target), shoe.regions.clone()].concat());
    all.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn a_seed_gives_one_shoe_whatever_the_threads() {
    let drawn = |threads: usize| -> Vec<ShoePair> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (0..12).into_par_iter().map(|seed| shoe(seed, 32).unwrap()).collect())
    };
    let (one, three) = (drawn(1), drawn(3));
    assert_eq!(one, three);
    for (at, shoe) in one.iter().enumerate() {
        assert!(!one[..at].iter().any(|other| other.target == shoe.target));
    }
    assert_eq!(hash(&one), 0x54f1_17e8_dee6_0838, "{:#018x}", hash(&one));
}

#[test]
fn every_kind_has_its_parts_on_white() {
    let mut kinds = [0; 4];
    for seed in 0..80 {
        let shoe = shoe(seed, 64).unwrap();
        kinds[shoe.footwear as usize] += 1;
        let parts = Part::ALL.iter().filter(|&&part| shoe.regions.contains(&(part as u8))).count();
        assert!((4..=11).contains(&parts), "{seed}: {parts}");
        let (lines, colours) = (bytes(&shoe.source), bytes(&shoe.target));
        // White around it, in both.
        for at in
            (0..64 * 64).filter(|at| [0, 63].contains(&(at % 64)) || [0, 63].contains(&(at / 64)))
        {
            assert_eq!((lines[at], &colours[3 * at..3 * at + 3]), (255, &[255; 3][..]), "{seed}");
            assert_eq!(shoe.regions[at], Part::Background as u8);
        }
        let share = |count: usize| count as f64 / 4096.0;
        let shown = share(shoe.regions.iter().filter(|&&region| region != 0).count());
        assert!((0.1..0.65).contains(&shown), "{seed}: {shown}");
        let ink = share(lines.iter().filter(|&&line| line < 128).count());
        assert!((0.03..0.3).contains(&ink), "{seed}: {ink}");
    }
    assert!(kinds.iter().all(|&count| count > 8), "{kinds:?}");
}

#[test]
fn colours_depend_on_the_shape_in_part() {
    // The soles of sneakers are alike, their uppers are not.
    let mut means = [Vec::new(), Vec::new()];
    for seed in 0..120 {
        let shoe = shoe(seed, 48).unwrap();
        if shoe.footwear != Footwear::Boot {
            continue;
        }
        let colours = bytes(&shoe.target);
        for (part, to) in [Part::Sole, Part::Upper].into_iter().zip(&mut means) {
            let places: Vec<usize> =
                (0..48 * 48).filter(|&at| shoe.regions[at] == part as u8).collect();
            if places.len() > 20 {
                let mean = |channel: usize| {
                    let all = places.iter().map(|&at| f64::from(colours[3 * at + channel]));
                    all.sum::<f64>() / places.len() as f64
                };
                to.push([0, 1, 2].map(mean));
            }
        }
    }
    let spread = |means: &[[f64; 3]]| {
        let count = means.len() as f64;
        let middle =
            [0, 1, 2].map(|channel| means.iter().map(|mean| mean[channel]).sum::<f64>() / count);
        let squares = means
            .iter()
            .map(|mean| mean.iter().zip(middle).map(|(a, b)| (a - b) * (a - b)).sum::<f64>());
        (squares.sum::<f64>() / count).sqrt()
    };
    let [soles, uppers] = means.each_ref().map(|means| spread(means));
    assert!(means[0].len() > 15 && uppers > 3.0 * soles, "{soles} {uppers}");
}

#[test]
fn sizes_have_limits() {
    assert!(shoe(1, 0).is_err() && shoe(1, 1025).is_err());
    assert_eq!(shoe(1, 1).unwrap().regions.len(), 1);
    // Small and large are the same shoe.
    let (small, large) = (shoe(5, 32).unwrap(), shoe(5, 64).unwrap());
    let same = (0..1024)
        .filter(|&at| small.regions[at] == large.regions[(at / 32 * 2 + 1) * 64 + at % 32 * 2 + 1]);
    let same = same.count();
    assert!(same > 850, "{same}");
}
