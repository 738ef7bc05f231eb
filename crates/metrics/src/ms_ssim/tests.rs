//! Behaviour of the profiles through the registry, and of the definition on planes.

use lookalike_core::{Channels, Error, Picture, Want};

use super::profiles::DEFINITIONS;
use super::*;
use crate::metric;
use crate::test_pictures::value;

/// A coarse structure that survives halving, under noise that depends on the seed.
fn structured(width: usize, height: usize, channels: Channels, seed: usize) -> Picture {
    let count = channels.count();
    let noise = |i: usize| (i * i * (seed + 3) + 31 * i) % 61;
    let samples = (0..width * height * count)
        .map(|i| {
            let (x, y) = (i / count % width, i / count / width);
            (100 + (x * y / 9) % 90 + noise(i)) as u8
        })
        .collect();
    Picture::from_u8(width, height, channels, samples).unwrap()
}

fn inverted(picture: &Picture) -> Picture {
    let samples = (0..picture.samples().len()).map(|i| 255 - picture.samples().get(i) as u8);
    let (width, height) = (picture.width(), picture.height());
    Picture::from_u8(width, height, picture.channels(), samples.collect()).unwrap()
}

#[test]
fn every_profile_starts_at_its_minimum_side() {
    for definition in DEFINITIONS {
        let (id, side) = (definition.card.id, definition.card.minimum_side);
        let a = structured(side, side + 5, Channels::Grey, 1);
        let b = structured(side, side + 5, Channels::Grey, 2);
        assert_eq!(value(id, &a, &a), 1.0, "{id}");
        let between = value(id, &a, &b);
        assert!(between > 0.0 && between < 1.0, "{id}: {between}");
        assert_eq!(between, value(id, &b, &a), "{id} is symmetric");
        let small = structured(side + 5, side - 1, Channels::Rgb, 1);
        let error = metric(id).unwrap().compare(&small, &small, Want::default()).unwrap_err();
        assert!(matches!(error, Error::TooSmall { minimum, .. } if minimum == side), "{id}");
    }
}

#[test]
fn small_pictures_are_refused_with_advice() {
    let small = structured(160, 200, Channels::Grey, 1);
    let error = metric("ms-ssim").unwrap().compare(&small, &small, Want::default()).unwrap_err();
    assert!(error.to_string().ends_with("; use ms-ssim@small"), "{error}");
}

#[test]
fn flat_pictures_differ_by_luminance_alone() {
    let flat =
        |level: u8| Picture::from_u8(40, 33, Channels::Rgb, vec![level; 3 * 40 * 33]).unwrap();
    for id in ["ms-ssim@small", "ms-ssim:y@small", "ms-ssim@small-unit", "ms-ssim@same5"] {
        for level in [0, 77, 255] {
            assert_eq!(value(id, &flat(level), &flat(level)), 1.0, "{id}");
        }
        let between = value(id, &flat(0), &flat(255));
        assert!(between > 0.0 && between < 0.5, "{id}: {between}");
    }
    let luminance = 1e-4 / (1.0 + 1e-4);
    assert!((value("ms-ssim@small-unit", &flat(0), &flat(255)) - luminance).abs() < 1e-7);
}

#[test]
fn an_inverted_picture_gives_zero_and_no_gradient() {
    let large = structured(161, 161, Channels::Grey, 1);
    for id in ["ms-ssim", "ms-ssim:y", "ms-ssim@pytorch-msssim", "ms-ssim@piq"] {
        assert_eq!(value(id, &large, &inverted(&large)), 0.0, "{id}");
    }
    assert!(value("ms-ssim@wang-unit", &large, &inverted(&large)) < 0.0);
    let a = structured(64, 64, Channels::Rgb, 1);
    let b = inverted(&a);
    let small = metric("ms-ssim@small").unwrap();
    let score = small.compare(&a, &b, Want::default()).unwrap();
    assert_eq!(score.value, 0.0);
    assert!(score.parts.iter().any(|part| part.name == "cs_1" && part.value < 0.0));
    let gradient = small.prepare(&a).unwrap().gradient(&b).unwrap();
    assert_eq!(gradient.value, 0.0);
    assert!(gradient.samples.iter().all(|&g| g == 0.0));
}

#[test]
fn number_of_scales_follows_the_shorter_side() {
    let small = MultiScale::small(Window::gaussian(11));
    let sizes = [(11, 1), (21, 1), (22, 2), (32, 2), (44, 3), (64, 3), (96, 4), (161, 4), (176, 5)];
    for (side, scales) in sizes {
        assert_eq!(small.scale_count(side), scales, "{side}");
    }
    assert_eq!(small.scale_count(10_000), 5);
    assert_eq!(MultiScale::small(Window::gaussian(7)).scale_count(32), 3);
    let exponents = small.exponents(2);
    assert!((exponents[0] - 0.1356).abs() < 1e-4 && (exponents[1] - 0.8644).abs() < 1e-4);
}

#[test]
fn the_window_option_changes_the_minimum_side() {
    let (a, b) = (structured(33, 40, Channels::Grey, 1), structured(33, 40, Channels::Grey, 2));
    assert!(value("ms-ssim+window=3", &a, &b) < 1.0);
    let refused = metric("ms-ssim+window=5").unwrap().compare(&a, &b, Want::default());
    assert!(matches!(refused, Err(Error::TooSmall { minimum: 65, .. })));
    assert!(matches!(metric("ms-ssim@small+window=4"), Err(Error::InvalidOption { .. })));
}

#[test]
fn parts_are_the_factors() {
    let (a, b) = (structured(48, 45, Channels::Grey, 1), structured(48, 45, Channels::Grey, 2));
    let score = metric("ms-ssim@small-unit").unwrap().compare(&a, &b, Want::default()).unwrap();
    let names: Vec<&str> = score.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["cs_1", "cs_2", "cs_3", "l_3", "ssim_3"]);
    let part = |index: usize| score.parts[index].value;
    assert!((score.value - part(0) * part(1) * part(4)).abs() < 1e-12);
}

#[test]
fn halvings_agree_where_nothing_is_odd() {
    let (a, b) = (structured(176, 176, Channels::Grey, 1), structured(176, 176, Channels::Grey, 2));
    let expected = value("ms-ssim@wang", &a, &b);
    for id in ["ms-ssim@pytorch-msssim", "ms-ssim@piq"] {
        assert_eq!(value(id, &a, &b), expected, "{id}");
    }
    let window = Window::gaussian(11);
    let floor = MultiScale { halving: Halving::Floor, ..MultiScale::wang(window.clone()) };
    let wang = MultiScale::wang(window);
    let plane = |picture: &Picture| Plane::new(176, 176, picture.plane(0, 1.0));
    let answer = |definition: &MultiScale| {
        let (x, y) = (definition.pyramid(plane(&a)), definition.pyramid(plane(&b)));
        definition.value_and_gradient(&x, &y).unwrap()
    };
    assert_eq!(answer(&floor), answer(&wang));
}

#[test]
fn small_factors_keep_the_gradient_finite() {
    let definition = MultiScale::small(Window::gaussian(11));
    let shares = |factors: &[f64]| definition.shares(factors, definition.product(factors));
    assert!(shares(&[1e-300, 0.5]).iter().all(|share| share.is_finite() && *share < 1e4));
    assert_eq!(shares(&[0.0, 0.5]), [0.0, 0.0]);
    assert_eq!(shares(&[-0.1, 0.5]), [0.0, 0.0]);
}

/// A pair in every type of samples that the kernels read.
fn in_every_type(width: usize, height: usize, channels: Channels) -> Vec<[Picture; 2]> {
    let pair = [1, 2].map(|seed| structured(width, height, channels, seed));
    let numbers = |picture: &Picture| -> Vec<f64> {
        (0..picture.samples().len()).map(|i| picture.samples().get(i)).collect()
    };
    let deep = pair.each_ref().map(|picture| {
        let codes = numbers(picture).into_iter().zip((0..199_u16).cycle());
        let codes = codes.map(|(v, i)| v as u16 * 250 + i).collect();
        Picture::from_u16(width, height, channels, codes).unwrap()
    });
    let float = pair.each_ref().map(|picture| {
        let samples = numbers(picture).into_iter().map(|v| (v / 255.0) as f32).collect();
        Picture::from_f32(width, height, channels, samples).unwrap()
    });
    vec![pair, deep, float]
}

#[test]
fn together_with_ssim_gives_the_same_bits_as_alone() {
    let pools = [1, 2, 7]
        .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let partners = [
        ["ssim", "ms-ssim"],
        ["ssim:y", "ms-ssim:y"],
        ["ssim", "ms-ssim@small"],
        ["ssim:yi", "ms-ssim:yi"],
    ];
    for (width, height) in [(161, 170), (197, 331), (500, 162)] {
        for channels in [Channels::Grey, Channels::Rgb] {
            for pair in in_every_type(width, height, channels) {
                for ids in partners {
                    let [ssim, multi] = ids.map(|id| metric(id).unwrap());
                    for map in [false, true] {
                        let wants = [Want { map }, Want { map: false }];
                        let alone =
                            [(&ssim, wants[0]), (&multi, wants[1])].map(|(metric, want)| {
                                metric.compare(&pair[0], &pair[1], want).unwrap()
                            });
                        assert_eq!(alone[0].map.is_some(), map);
                        for pool in &pools {
                            let pictures = [&pair[0], &pair[1]];
                            let both = || ssim.compare_together(multi.as_ref(), pictures, wants);
                            assert_eq!(pool.install(both).as_ref(), Some(&alone), "{ids:?}");
                            let wants = [wants[1], wants[0]];
                            let both = || multi.compare_together(ssim.as_ref(), pictures, wants);
                            let [multi, ssim] = pool.install(both).unwrap();
                            assert_eq!([ssim, multi], alone, "{ids:?} the other way round");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn small_pictures_of_one_scale_share_it_too() {
    let pair = [1, 2].map(|seed| structured(15, 13, Channels::Rgb, seed));
    let (ssim, multi) = (metric("ssim").unwrap(), metric("ms-ssim@small").unwrap());
    let wants = [Want { map: true }, Want::default()];
    let both = ssim.compare_together(multi.as_ref(), [&pair[0], &pair[1]], wants).unwrap();
    assert_eq!(both[0], ssim.compare(&pair[0], &pair[1], wants[0]).unwrap());
    assert_eq!(both[1], multi.compare(&pair[0], &pair[1], wants[1]).unwrap());
}

#[test]
fn what_differs_in_samples_window_or_size_is_computed_alone() {
    let [a, b] = [1, 2].map(|seed| structured(180, 180, Channels::Rgb, seed));
    let together = |x: &str, y: &str, pair: [&Picture; 2]| {
        let (x, y) = (metric(x).unwrap(), metric(y).unwrap());
        x.compare_together(y.as_ref(), pair, [Want::default(); 2]).is_some()
    };
    assert!(together("ssim", "ms-ssim", [&a, &b]));
    for (x, y) in [
        ("ssim:y", "ms-ssim"),
        ("ssim@skimage-gauss", "ms-ssim"),
        ("ssim@torchmetrics", "ms-ssim"),
        ("ssim+window=9", "ms-ssim"),
        ("ssim", "ms-ssim@torchmetrics"),
        ("ssim", "ssim"),
        ("ssim", "psnr"),
        ("psnr", "ms-ssim"),
    ] {
        assert!(!together(x, y, [&a, &b]), "{x} {y}");
    }
    let large = [1, 2].map(|seed| structured(400, 400, Channels::Rgb, seed));
    assert!(!together("ssim@piq", "ms-ssim", [&large[0], &large[1]]), "one of them shrinks");
    let grey = structured(180, 180, Channels::Grey, 2);
    let other = structured(180, 181, Channels::Rgb, 2);
    let small = [1, 2].map(|seed| structured(160, 160, Channels::Rgb, seed));
    for pair in [[&a, &grey], [&a, &other], [&small[0], &small[1]]] {
        assert!(!together("ssim", "ms-ssim", pair));
    }
    let double = |picture: &Picture| {
        let samples = (0..picture.samples().len()).map(|i| picture.samples().get(i) / 255.0);
        Picture::from_f64(180, 180, Channels::Rgb, samples.collect()).unwrap()
    };
    assert!(!together("ssim", "ms-ssim", [&double(&a), &double(&b)]), "the oracle answers");
}
