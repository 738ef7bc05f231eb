//! Every instruction set, every way to cut the work, against the f64 oracle and against the maps of
//! the crate that has every rounding of the original.

use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};
use lookalike_core::{Channels, Picture, Samples};

use super::*;
use crate::strips::processor::Processor;
use crate::test_pictures::{changed_block, noisy, textured};

fn pair(width: usize, height: usize, channels: Channels) -> (Picture, Picture) {
    let reference = textured(width, height, channels, 3);
    let candidate = noisy(&reference, 25.0, 4);
    (reference, candidate)
}

fn by_strips(pair: &(Picture, Picture), schedule: Schedule) -> Vec<Aggregates> {
    aggregates(&LightRows::new(&pair.0, &pair.1), true, schedule)
}

fn assert_close(found: f64, expected: f64, relative: f64, what: &str) {
    let difference = (found - expected).abs();
    assert!(difference <= relative * expected.abs() + 1e-6, "{what}: {found:e} {expected:e}");
}

#[test]
fn every_instruction_set_agrees_with_the_oracle_at_every_size() {
    for (width, height) in [(8, 8), (9, 17), (16, 40), (61, 45), (171, 26), (530, 12), (90, 131)] {
        for channels in [Channels::Grey, Channels::Rgb] {
            let pair = pair(width, height, channels);
            let expected = oracle::aggregates(&pair.0, &pair.1);
            for processor in Processor::all() {
                let found = by_strips(&pair, Schedule { processor, strip: Some(40) });
                assert_eq!(found.len(), expected.len());
                for (scale, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    let what =
                        format!("{processor:?} {width}×{height} {channels:?}, scale {scale}");
                    assert_eq!((found.width, found.height), (expected.width, expected.height));
                    let means = found.means.iter().flatten().zip(expected.means.iter().flatten());
                    for (found, expected) in means {
                        assert_close(found.first, expected.first, 1e-3, &what);
                        let norms = [found, expected].map(|mean| mean.fourth.powf(0.25));
                        assert_close(norms[0], norms[1], 1e-3, &what);
                    }
                    let (found, expected) =
                        (found.maps.as_ref().unwrap(), expected.maps.as_ref().unwrap());
                    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
                        assert_eq!(found.len(), expected.len());
                        for (found, expected) in found.iter().zip(expected) {
                            assert!((found - expected).abs() < 1e-3, "{what}: {found} {expected}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_original_differs_by_its_rounding_only() {
    let (width, height) = (97, 75);
    let pair = pair(width, height, Channels::Rgb);
    let slice = |picture: &Picture| -> Vec<u8> {
        let Samples::U8(codes) = picture.samples() else { panic!("8-bit samples expected") };
        codes.clone()
    };
    let (x, y) = (slice(&pair.0), slice(&pair.1));
    let pixels = |codes| {
        let (w, h) = (width as u32, height as u32);
        PixelSlice::new(codes, w, h, 3 * width, PixelDescriptor::RGB8_SRGB).unwrap()
    };
    let original = Ssimulacra2Reference::new(&pixels(&x)).unwrap();
    let original = original.compare_with_maps(&pixels(&y)).unwrap();
    let found = by_strips(&pair, Schedule::best());
    assert_eq!(found.len(), original.scales.len());
    for (found, original) in found.iter().zip(&original.scales) {
        assert_eq!((found.width, found.height), (original.width, original.height));
        for (colour, [structure, edges]) in found.maps.as_ref().unwrap().iter().enumerate() {
            let expected = original.ssim[colour].iter().zip(&original.artifact[colour]);
            let expected = expected.zip(&original.detail_lost[colour]);
            for ((s, e), ((structure, artefact), lost)) in structure.iter().zip(edges).zip(expected)
            {
                assert!((s - structure).abs() < 2e-3, "{colour}: {s} {structure}");
                assert!((e.max(0.0) - artefact).abs() < 1e-5, "{colour}: {e} {artefact}");
                assert!(((-e).max(0.0) - lost).abs() < 1e-5, "{colour}: {e} {lost}");
            }
        }
    }
}

#[test]
fn neither_strips_nor_threads_change_a_bit() {
    let pair = pair(75, 330, Channels::Rgb);
    let whole = by_strips(&pair, Schedule { processor: Processor::best(), strip: Some(1000) });
    for strip in [1, 33, 64, 150] {
        let schedule = Schedule { processor: Processor::best(), strip: Some(strip) };
        assert_eq!(by_strips(&pair, schedule), whole, "{strip}");
        for threads in [1, 3, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| by_strips(&pair, schedule));
            assert_eq!(found, whole, "{strip} {threads}");
        }
    }
}

#[test]
fn vectors_of_both_widths_give_the_same_bits() {
    let pair = pair(99, 40, Channels::Rgb);
    let vectors = Processor::all().into_iter().filter(|p| !matches!(p, Processor::Scalar));
    let all: Vec<_> =
        vectors.map(|processor| by_strips(&pair, Schedule { processor, strip: None })).collect();
    for two in all.windows(2) {
        assert_eq!(two[0], two[1]);
    }
}

#[test]
fn the_window_has_the_variance_it_is_named_for() {
    let weights = window::weights_f64();
    let at = |n: i32| weights[RADIUS - n.unsigned_abs() as usize];
    let moment = |power: i32| (-5..=5).map(|n| at(n) * f64::from(n).powi(power)).sum::<f64>();
    assert!((moment(0) - 1.0).abs() < 1e-12 && (moment(2) - 2.25).abs() < 1e-12);
    for (k, weight) in weights[..window::EDGE].iter().enumerate() {
        assert!(weight.abs() < 1e-15, "{k}: {weight}");
    }
    // Close to the Gaussian whose place it takes.
    for n in 0..5 {
        let gaussian =
            (-f64::from(n * n) / 4.5).exp() / (1.5 * (2.0 * std::f64::consts::PI).sqrt());
        assert!((at(n) - gaussian).abs() < 6e-3, "{n}: {} {gaussian}", at(n));
    }
}

#[test]
fn what_is_left_out_where_pictures_are_the_same_is_what_the_kernels_give() {
    for at in [(0, 0), (200, 160), (391, 323)] {
        let pair = changed_block(400, 330, at);
        // Samples of another type: nothing is known about them before they are light.
        let Samples::U8(codes) = pair.1.samples() else { panic!("8-bit samples") };
        let codes = codes.iter().map(|&code| u16::from(code)).collect();
        let other = Picture::from_u16(400, 330, Channels::Rgb, codes).unwrap();
        let other = (pair.0.clone(), other.with_full_scale(255.0).unwrap());
        for processor in Processor::all() {
            let whole = by_strips(&other, Schedule { processor, strip: Some(1000) });
            for strip in [1, 33, 1000] {
                let found = by_strips(&pair, Schedule { processor, strip: Some(strip) });
                assert_eq!(found, whole, "{at:?} {strip}");
            }
        }
        let expected = oracle::aggregates(&pair.0, &pair.1);
        let found = by_strips(&pair, Schedule::best());
        for (found, expected) in found.iter().zip(&expected) {
            let means = found.means.iter().flatten().zip(expected.means.iter().flatten());
            for (found, expected) in means {
                assert_close(found.first, expected.first, 1e-3, "partly the same");
            }
        }
    }
}

#[test]
fn kernels_give_the_zero_that_is_left_out() {
    use crate::strips::kernel::{REACH, ROWS, TILE, Tile};
    let row = |k: usize| -> Vec<f32> {
        (0..600).map(|i| ((i * 37 + k * 101) % 511) as f32 / 400.0 - 0.7).collect()
    };
    let rows: [Vec<f32>; REACH] = std::array::from_fn(row);
    let same = vec![0.0_f32; 600];
    for processor in Processor::all() {
        let mut tile = Tile::new(processor);
        processor.run(pass::Pass {
            sum: &rows.each_ref().map(Vec::as_slice),
            difference: &[&same[..]; REACH],
            length: TILE,
            weights: window::weights(),
            tile: &mut tile,
        });
        let results = (0..2).flat_map(|kind| (0..ROWS).map(move |row| (kind, row)));
        for (kind, row) in results {
            assert!(tile.result(kind, row).iter().all(|v| *v == 0.0), "{kind} {processor:?}");
        }
    }
}
