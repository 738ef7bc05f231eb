//! Every instruction set, every way to cut the work, against the f64 oracles.

use lookalike_core::{Channels, Luma, Picture, Samples};

use super::*;
use crate::downsample::Halving;
use crate::filter::Border;
use crate::ms_ssim::{Factors, MultiScale};
use crate::plane::Plane;
use crate::samples::SamplesUsed;
use crate::ssim::{Constants, Window, dissimilarity, value_and_gradient as oracle_gradient};
use crate::test_pictures::{changed_block, noisy, textured};

const RGB: SamplesUsed = SamplesUsed::Channels;

fn pair(width: usize, height: usize, channels: Channels) -> (Picture, Picture) {
    let reference = textured(width, height, channels, 3);
    let candidate = noisy(&reference, 25.0, 4);
    (reference, candidate)
}

/// The same pictures as 16-bit codes that no 8-bit picture has.
fn in_16_bits(picture: &Picture) -> Picture {
    let Samples::U8(samples) = picture.samples() else { panic!("8-bit samples expected") };
    let codes = samples.iter().zip(0_u16..).map(|(&s, i)| u16::from(s) * 250 + i % 199).collect();
    Picture::from_u16(picture.width(), picture.height(), picture.channels(), codes).unwrap()
}

fn in_single_precision(picture: &Picture) -> Picture {
    let samples = picture.samples();
    let scaled = (0..samples.len()).map(|i| (samples.get(i) / 255.0) as f32).collect();
    Picture::from_f32(picture.width(), picture.height(), picture.channels(), scaled).unwrap()
}

fn oracle(pair: &(Picture, Picture), samples: SamplesUsed, window: &Window) -> Vec<Plane> {
    let (x, y) = (samples.planes(&pair.0, 1.0), samples.planes(&pair.1, 1.0));
    let maps = x.iter().zip(&y);
    maps.map(|(x, y)| dissimilarity(x, y, window, Constants::WANG).combined()).collect()
}

fn by_strips(
    pair: &(Picture, Picture),
    samples: SamplesUsed,
    window: &Window,
    schedule: Schedule,
) -> Similarity {
    let rows = PairRows::new(&pair.0, &pair.1, samples, margin_of(window)).unwrap();
    similarity(&rows, window, Constants::WANG, true, schedule).unwrap()
}

fn assert_agrees(pair: &(Picture, Picture), samples: SamplesUsed, window: &Window) {
    let expected = oracle(pair, samples, window);
    for processor in Processor::all() {
        let found = by_strips(pair, samples, window, Schedule { processor, strip: Some(7) });
        assert_eq!(found.channels.len(), expected.len());
        for (value, map) in found.channels.iter().zip(&expected) {
            let difference = (value - (1.0 - map.mean())).abs();
            assert!(difference < 1e-6, "{processor:?}: {difference:e}");
        }
        let map = found.map.unwrap();
        assert_eq!((map.width, map.height), (expected[0].width, expected[0].height));
        for (i, value) in map.values.iter().enumerate() {
            let mean = expected.iter().map(|map| map.data[i]).sum::<f64>() / expected.len() as f64;
            let difference = (f64::from(*value) - (1.0 - mean)).abs();
            assert!(difference < 5e-5, "{processor:?} at {i}: {difference:e}");
        }
    }
}

#[test]
fn every_instruction_set_agrees_with_the_oracle_at_every_size() {
    let window = Window::gaussian(TAPS);
    for (width, height) in [(11, 11), (12, 30), (61, 45), (170, 13), (171, 26), (530, 12)] {
        for channels in [Channels::Grey, Channels::Rgb] {
            assert_agrees(&pair(width, height, channels), RGB, &window);
        }
    }
}

#[test]
fn every_kind_of_samples_agrees_with_the_oracle() {
    let window = Window::gaussian(TAPS);
    let (x, y) = pair(40, 33, Channels::Rgb);
    let pairs = [
        (in_16_bits(&x), in_16_bits(&y)),
        (in_single_precision(&x), in_single_precision(&y)),
        (x.clone(), in_16_bits(&y)),
        (in_single_precision(&x), y.clone()),
        (x.clone().with_full_scale(300.0).unwrap(), y.clone().with_full_scale(300.0).unwrap()),
        (x.clone(), y.clone().with_full_scale(300.0).unwrap()),
    ];
    for pair in pairs {
        assert_agrees(&pair, RGB, &window);
        for luma in [Luma::Y601, Luma::Y601Integer, Luma::Y709] {
            assert_agrees(&pair, SamplesUsed::Luma(luma), &window);
        }
    }
}

#[test]
fn sample_covariance_and_mirrored_borders_agree_with_the_oracle() {
    let pair = pair(37, 29, Channels::Rgb);
    assert_agrees(&pair, RGB, &Window::gaussian(TAPS).with_sample_covariance());
    assert_agrees(&pair, RGB, &Window::gaussian(TAPS).with_border(Border::Mirror));
    let smallest = (textured(6, 7, Channels::Rgb, 1), textured(6, 7, Channels::Rgb, 2));
    assert_agrees(&smallest, RGB, &Window::gaussian(TAPS).with_border(Border::Mirror));
}

#[test]
fn shorter_windows_agree_with_the_oracle() {
    for (width, height) in [(37, 29), (180, 12)] {
        let pair = pair(width, height, Channels::Rgb);
        for length in [3, 5, 7, 9] {
            assert_agrees(&pair, RGB, &Window::gaussian(length));
            assert_agrees(&pair, RGB, &Window::uniform(length).with_sample_covariance());
            assert_agrees(&pair, RGB, &Window::gaussian(length).with_border(Border::Mirror));
        }
    }
    let smallest = (textured(7, 7, Channels::Grey, 1), textured(7, 7, Channels::Grey, 2));
    assert_agrees(&smallest, RGB, &Window::uniform(7));
}

#[test]
fn near_white_noise_keeps_its_digits() {
    let code = |seed: u32| {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            249 + (state >> 24) as u8 % 3
        }
    };
    let picture = |seed| {
        let mut next = code(seed);
        let samples = (0..200 * 150 * 3).map(|_| next()).collect();
        Picture::from_u8(200, 150, Channels::Rgb, samples).unwrap()
    };
    assert_agrees(&(picture(1), picture(2)), RGB, &Window::gaussian(TAPS));
}

#[test]
fn strips_threads_and_vectors_of_any_size_give_the_same_bits() {
    let pair = pair(173, 190, Channels::Rgb);
    let window = Window::gaussian(TAPS);
    let rows = || PairRows::new(&pair.0, &pair.1, RGB, 0).unwrap();
    let compute = |processor, strip| {
        let schedule = Schedule { processor, strip };
        let single = similarity(&rows(), &window, Constants::WANG, true, schedule).unwrap();
        let scales = (5, Halving::EdgeRepeated);
        let multi =
            multi_scale(&rows(), &window, Constants::WANG, scales, None, schedule).unwrap().factors;
        let gradient = value_and_gradient(&rows(), &window, Constants::WANG, schedule).unwrap();
        let shares = |factors: &[f64]| vec![0.25; factors.len()];
        let multi_gradient =
            multi_scale_gradient(&rows(), &window, Constants::WANG, scales, shares, schedule);
        (single.channels, single.map, multi, gradient, multi_gradient.unwrap())
    };
    // Vectors with fused multiply-add agree among themselves; one lane has none.
    let mut processors = Processor::all();
    processors.retain(|processor| !matches!(processor, Processor::Scalar));
    for family in [processors, vec![Processor::Scalar]] {
        let Some(first) = family.first() else { continue };
        let expected = compute(*first, Some(1_000));
        for processor in &family {
            for strip in [None, Some(1), Some(3), Some(16), Some(33), Some(150)] {
                for threads in [1, 2, 8] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let found = pool.unwrap().install(|| compute(*processor, strip));
                    assert!(found == expected, "{processor:?} {strip:?} {threads}");
                }
            }
        }
    }
}

fn assert_all_scales_agree((x, y): &(Picture, Picture), halving: Halving) {
    let definition = MultiScale { halving, ..MultiScale::wang(Window::gaussian(TAPS)) };
    let pyramids = |picture: &Picture| -> Vec<Vec<Plane>> {
        let planes = RGB.planes(picture, 1.0).into_iter();
        planes.map(|plane| definition.pyramid(plane)).collect()
    };
    let expected: Vec<Factors> =
        pyramids(x).iter().zip(&pyramids(y)).map(|(x, y)| definition.factors(x, y)).collect();
    let numbers = |factors: &Factors| {
        let rest = [factors.luminance, factors.coarsest];
        factors.contrast.iter().copied().chain(rest).collect::<Vec<f64>>()
    };
    let rows = PairRows::new(x, y, RGB, 0).unwrap();
    for processor in Processor::all() {
        let schedule = Schedule { processor, strip: Some(40) };
        let (window, scales) = (&definition.window, (5, halving));
        let found = multi_scale(&rows, window, Constants::WANG, scales, None, schedule);
        for (found, expected) in found.unwrap().factors.iter().zip(&expected) {
            for (a, b) in numbers(found).iter().zip(numbers(expected)) {
                let size = (x.width(), x.height());
                assert!((a - b).abs() < 1e-6, "{halving:?} {size:?} {a} {b}");
            }
        }
    }
}

const HALVINGS: [Halving; 5] = [
    Halving::EdgeRepeated,
    Halving::ZeroBeyond,
    Halving::Floor,
    Halving::ZeroBothSides,
    Halving::ReplicateInFront,
];

#[test]
fn all_scales_agree_with_the_oracle_under_every_halving() {
    for (width, height) in [(176, 176), (177, 190), (190, 177), (183, 201), (352, 176)] {
        for channels in [Channels::Grey, Channels::Rgb] {
            for halving in HALVINGS {
                assert_all_scales_agree(&pair(width, height, channels), halving);
            }
        }
    }
}

#[test]
fn gradient_agrees_with_the_oracle() {
    for window in [Window::gaussian(TAPS), Window::gaussian(TAPS).with_sample_covariance()] {
        for (width, height) in [(11, 11), (12, 40), (61, 45), (190, 23)] {
            for channels in [Channels::Grey, Channels::Rgb] {
                let (x, y) = pair(width, height, channels);
                for (x, y) in [(x.clone(), y.clone()), (in_16_bits(&x), in_16_bits(&y))] {
                    let rows = PairRows::new(&x, &y, RGB, 0).unwrap();
                    let planes = RGB.planes(&x, 1.0).into_iter().zip(RGB.planes(&y, 1.0));
                    let expected: Vec<(f64, Plane)> = planes
                        .map(|(x, y)| oracle_gradient(&x, &y, &window, Constants::WANG).unwrap())
                        .collect();
                    for processor in Processor::all() {
                        let schedule = Schedule { processor, strip: Some(9) };
                        let (values, gradient) =
                            value_and_gradient(&rows, &window, Constants::WANG, schedule).unwrap();
                        let count = values.len() as f64;
                        let channels = gradient.chunks(width * height);
                        let gradients = channels
                            .map(|channel| plane_of(width, height, channel))
                            .map(|plane| plane.map(|v| v * count));
                        for ((value, gradient), (expected, plane)) in
                            values.iter().zip(gradients).zip(&expected)
                        {
                            assert!((value - expected).abs() < 1e-6);
                            let error = gradient.zip(plane, |a, b| (a - b) * (a - b)).sum();
                            let norm = plane.map(|v| v * v).sum();
                            let relative = (error / norm).sqrt();
                            assert!(relative < 1e-5, "{width}x{height}: {relative:e}");
                        }
                    }
                }
            }
        }
    }
}

fn plane_of(width: usize, height: usize, numbers: &[f32]) -> Plane {
    Plane::new(width, height, numbers.iter().map(|&number| f64::from(number)).collect())
}

#[test]
fn gradient_of_all_scales_agrees_with_the_oracle() {
    for (width, height) in [(176, 176), (177, 190), (190, 177), (183, 201)] {
        for channels in [Channels::Grey, Channels::Rgb] {
            let (x, y) = pair(width, height, channels);
            for halving in [Halving::EdgeRepeated, Halving::Floor] {
                let definition = MultiScale { halving, ..MultiScale::wang(Window::gaussian(TAPS)) };
                let pyramid = |plane: Plane| definition.pyramid(plane);
                let planes = RGB.planes(&x, 1.0).into_iter().zip(RGB.planes(&y, 1.0));
                let expected: Vec<(f64, Plane)> = planes
                    .map(|(x, y)| definition.value_and_gradient(&pyramid(x), &pyramid(y)).unwrap())
                    .collect();
                let rows = PairRows::new(&x, &y, RGB, 0).unwrap();
                for processor in Processor::all() {
                    let schedule = Schedule { processor, strip: Some(40) };
                    let shares =
                        |factors: &[f64]| definition.shares(factors, definition.product(factors));
                    let (window, scales) = (&definition.window, (5, halving));
                    let (factors, gradient) = multi_scale_gradient(
                        &rows,
                        window,
                        Constants::WANG,
                        scales,
                        shares,
                        schedule,
                    )
                    .unwrap();
                    let gradients = gradient.chunks(width * height);
                    assert_eq!((factors.len(), gradients.len()), (expected.len(), expected.len()));
                    for ((factors, gradient), (value, plane)) in
                        factors.iter().zip(gradients).zip(&expected)
                    {
                        assert!((definition.product(factors) - value).abs() < 1e-6);
                        let gradient = plane_of(width, height, gradient);
                        let error = gradient.zip(plane, |a, b| (a - b) * (a - b)).sum();
                        let norm = plane.map(|v| v * v).sum();
                        let relative = (error / norm).sqrt();
                        assert!(relative < 1e-5, "{halving:?} {width}x{height}: {relative:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn equal_pictures_are_exactly_alike() {
    let (x, _) = pair(190, 180, Channels::Rgb);
    let window = Window::gaussian(TAPS);
    for processor in Processor::all() {
        let schedule = Schedule { processor, strip: None };
        let rows = PairRows::new(&x, &x, RGB, 0).unwrap();
        let single = similarity(&rows, &window, Constants::WANG, true, schedule).unwrap();
        assert_eq!(single.channels, [1.0; 3]);
        assert!(single.map.unwrap().values.iter().all(|&v| v == 1.0));
        let scales = (5, Halving::Floor);
        let multi = multi_scale(&rows, &window, Constants::WANG, scales, None, schedule).unwrap();
        assert!(multi.factors.iter().all(|factors| factors.contrast == [1.0; 5]));
        let (values, gradient) =
            value_and_gradient(&rows, &window, Constants::WANG, schedule).unwrap();
        assert_eq!(values, [1.0; 3]);
        assert!(gradient.iter().all(|&g| g == 0.0));
        let shares = |factors: &[f64]| vec![1.0; factors.len()];
        let (factors, gradient) =
            multi_scale_gradient(&rows, &window, Constants::WANG, scales, shares, schedule)
                .unwrap();
        assert_eq!(factors, [[1.0; 5]; 3]);
        assert!(gradient.iter().all(|&g| g == 0.0));
    }
}

#[test]
fn what_the_strips_do_not_know_is_left_to_the_oracle() {
    let (x, y) = pair(40, 40, Channels::Grey);
    let rows = PairRows::new(&x, &y, RGB, 0).unwrap();
    let best = Schedule::best();
    for window in [Window::gaussian(13), Window::gaussian_in_f32(TAPS)] {
        assert!(similarity(&rows, &window, Constants::WANG, false, best).is_none());
    }
    let short = Window::gaussian(9);
    assert!(value_and_gradient(&rows, &short, Constants::WANG, best).is_none());
    let two = (2, Halving::EdgeRepeated);
    assert!(multi_scale(&rows, &short, Constants::WANG, two, None, best).is_none());
    let samples = vec![0.5; 1600];
    let double = Picture::from_f64(40, 40, Channels::Grey, samples).unwrap();
    assert!(PairRows::new(&double, &x, RGB, 0).is_none());
}

#[test]
fn kernels_give_the_zero_that_is_left_out_where_pictures_are_the_same() {
    let formula = quotients::Formula::new(&Window::gaussian(TAPS), Constants::WANG, 255.0).unwrap();
    let row = |k: usize| -> Vec<f32> {
        (0..600).map(|i| ((i * 37 + k * 101) % 511) as f32 - 255.0).collect()
    };
    let rows: [Vec<f32>; kernel::REACH] = std::array::from_fn(row);
    let same = vec![0.0_f32; 600];
    for wanted in [
        kernel::Wanted::Structure,
        kernel::Wanted::Combined,
        kernel::Wanted::StructureAndCombined,
        kernel::Wanted::Factors,
    ] {
        assert!(wanted.vanishes());
        for processor in Processor::all() {
            let mut tile = kernel::Tile::new(processor);
            processor.run(kernel::Pass::<3> {
                sum: &rows.each_ref().map(Vec::as_slice),
                difference: &[&same[..]; kernel::REACH],
                length: kernel::TILE,
                formula: &formula,
                wanted,
                tile: &mut tile,
            });
            for kind in 0..wanted.count() {
                for row in 0..kernel::ROWS {
                    let zero = |v: &f32| v.to_bits() == 0;
                    assert!(tile.result(kind, row).iter().all(zero), "{wanted:?} {processor:?}");
                }
            }
        }
    }
}

#[test]
fn pictures_that_differ_in_one_place_agree_with_the_oracle() {
    let window = Window::gaussian(TAPS);
    for at in [(0, 0), (190, 20), (261, 63)] {
        let pair = changed_block(270, 70, at);
        assert_agrees(&pair, RGB, &window);
        assert_agrees(&pair, RGB, &Window::gaussian(7).with_border(Border::Mirror));
        assert_agrees(&pair, SamplesUsed::Luma(Luma::Y601), &window);
        assert_agrees(&(in_16_bits(&pair.0), in_16_bits(&pair.1)), RGB, &window);
        let floats = (in_single_precision(&pair.0), in_single_precision(&pair.1));
        assert_agrees(&floats, RGB, &window);
        let schedules = [1, 9, 40, 1000].map(Some);
        let found = schedules.map(|strip| {
            by_strips(&pair, RGB, &window, Schedule { processor: Processor::best(), strip })
        });
        let map = found[0].map.as_ref().unwrap();
        for (i, v) in map.values.iter().enumerate() {
            let (x, y) = (i % map.width, i / map.width);
            let reached = x + TAPS > at.0 && x < at.0 + 9 && y + TAPS > at.1 && y < at.1 + 7;
            assert_eq!(*v == 1.0, !reached, "{x} {y}: {v}");
        }
        assert!(found.windows(2).all(|two| two[0] == two[1]));
    }
}

#[test]
fn all_scales_of_pictures_that_differ_in_one_place_agree_with_the_oracle() {
    for at in [(0, 0), (150, 171), (174, 194)] {
        for halving in HALVINGS {
            assert_all_scales_agree(&changed_block(183, 201, at), halving);
        }
    }
}
