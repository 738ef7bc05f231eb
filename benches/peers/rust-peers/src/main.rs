//! The Rust crates that Lookalike is compared with, behind the line protocol of the workers.
//!
//! `lookalike-rust-peers serve FOLDER`; names of work are `CRATE/FUNCTION`. Every crate gets its
//! input in its own form before time is taken, except where its function consumes it.

#[path = "../../decoded_pair.rs"]
mod decoded_pair;
#[path = "../../line_protocol.rs"]
mod line_protocol;

use std::path::Path;
use std::process::ExitCode;

use decoded_pair::Pair;
use iqa::{Image, Srgb8};
use line_protocol::Work;
use serde_json::json;

/// The allocator of Lookalike's side.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, folder] = &arguments[..] else {
        eprintln!("usage: serve FOLDER");
        return ExitCode::from(2);
    };
    let versions = json!({
        "blazediff-ssim": "6.1.1", "butteraugli": "0.9.3", "fast-ssim2": "0.9.1",
        "image-compare": "0.5.0", "iqa": "1.2.1", "nv-flip": "0.1.2", "ssimulacra2": "0.5.1",
        "tjdistler-iqa": "1.2.0", "zensim": "0.2.7",
    });
    match line_protocol::serve(folder.into(), versions, bind) {
        Ok(()) if verb == "serve" => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

fn bind(folder: &Path, name: &str, pair: &str) -> Result<Work, String> {
    let pair = Pair::read(folder, pair)?;
    match name.split_once('/') {
        Some(("blazediff-ssim", function)) => blazediff(function, pair),
        Some(("butteraugli", _)) => butteraugli_largest(pair),
        Some(("fast-ssim2", _)) => fast_ssim2(pair),
        Some(("image-compare", _)) => image_compare(pair),
        Some(("iqa", function)) => iqa_metric(function, pair),
        Some(("nv-flip", _)) => nv_flip_mean(pair),
        Some(("ssimulacra2", _)) => ssimulacra2_score(pair),
        Some(("tjdistler-iqa", function)) => tjdistler(function, pair),
        Some(("zensim", _)) => zensim_score(pair),
        _ => Err(format!("{name}: unknown work")),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// One channel of interleaved RGB.
fn channel<T>(samples: &[u8], channel: usize, convert: impl Fn(u8) -> T) -> Vec<T> {
    samples.iter().skip(channel).step_by(3).map(|&sample| convert(sample)).collect()
}

fn mean_of_three(mut value: impl FnMut(usize) -> Result<f64, String>) -> Result<f64, String> {
    Ok((value(0)? + value(1)? + value(2)?) / 3.0)
}

fn iqa_metric(function: &str, pair: Pair) -> Result<Work, String> {
    fn work<E: std::fmt::Display>(
        pair: Pair,
        metric: impl Fn(&Image<Srgb8>, &Image<Srgb8>) -> Result<f64, E> + 'static,
    ) -> Result<Work, String> {
        let (width, height) = (pair.width as u32, pair.height as u32);
        let reference = Image::srgb8(width, height, pair.reference).map_err(text)?;
        let candidate = Image::srgb8(width, height, pair.candidate).map_err(text)?;
        Ok(Box::new(move || metric(&reference, &candidate).map_err(text)))
    }
    match function {
        "ciede2000" => work(pair, |a, b| iqa::ciede2000(a, b, Default::default())),
        "iw-ssim" => work(pair, |a, b| iqa::iwssim(a, b, Default::default())),
        "ms-ssim" => work(pair, |a, b| iqa::msssim(a, b, Default::default())),
        "psnr" => work(pair, |a, b| iqa::psnr(a, b, Default::default())),
        "psnr-hvs-m" => work(pair, |a, b| iqa::psnr_hvs_m(a, b, Default::default())),
        "ssim" => work(pair, |a, b| iqa::ssim(a, b, Default::default())),
        _ => Err(format!("iqa/{function}: unknown work")),
    }
}

/// Greyscale only: each channel as a picture of its own.
fn tjdistler(function: &str, pair: Pair) -> Result<Work, String> {
    use tjdistler_iqa::{ImageQualityAssessment, MsSsim, Ssim};
    let (width, height) = (pair.width, pair.height);
    let planes: Vec<_> = (0..3)
        .map(|c| (channel(&pair.reference, c, |s| s), channel(&pair.candidate, c, |s| s)))
        .collect();
    let metric: Box<dyn ImageQualityAssessment> = match function {
        "ssim" => Box::new(Ssim::builder().gaussian(true).scale(1).build()),
        "ms-ssim" => Box::new(MsSsim::builder().gaussian(true).build()),
        _ => return Err(format!("tjdistler-iqa/{function}: unknown work")),
    };
    Ok(Box::new(move || {
        mean_of_three(|c| {
            let (reference, candidate) = &planes[c];
            let result = metric.assess(reference, candidate, width, height);
            result.map(|result| result.value).map_err(text)
        })
    }))
}

/// Luma only: each channel as a luma plane of its own.
fn blazediff(function: &str, pair: Pair) -> Result<Work, String> {
    use blazediff_ssim::{MsSsimOptions, Plane, SsimOptions, ms_ssim, ssim};
    let (width, height) = (pair.width, pair.height);
    let plane =
        |samples: &[u8], c| Plane { samples: channel(samples, c, f32::from), width, height };
    let planes: Vec<_> =
        (0..3).map(|c| (plane(&pair.reference, c), plane(&pair.candidate, c))).collect();
    let options = SsimOptions::default();
    let scales = MsSsimOptions::default();
    let multiscale = match function {
        "ssim" => false,
        "ms-ssim" => true,
        _ => return Err(format!("blazediff-ssim/{function}: unknown work")),
    };
    Ok(Box::new(move || {
        mean_of_three(|c| {
            let (reference, candidate) = &planes[c];
            let outcome = match multiscale {
                false => ssim(reference, candidate, &options),
                true => ms_ssim(reference, candidate, &options, &scales),
            };
            outcome.map(|outcome| outcome.score).map_err(text)
        })
    }))
}

fn image_compare(pair: Pair) -> Result<Work, String> {
    let picture = |samples| {
        image::RgbImage::from_raw(pair.width as u32, pair.height as u32, samples)
            .ok_or("wrong number of samples")
    };
    let (reference, candidate) = (picture(pair.reference)?, picture(pair.candidate)?);
    let algorithm = image_compare::Algorithm::MSSIMSimple;
    Ok(Box::new(move || {
        image_compare::rgb_similarity_structure(&algorithm, &reference, &candidate)
            .map(|similarity| similarity.score)
            .map_err(text)
    }))
}

fn butteraugli_largest(pair: Pair) -> Result<Work, String> {
    use butteraugli::{ButteraugliParams, ImgVec, RGB8, butteraugli};
    let picture = |samples: &[u8]| {
        let pixels = samples.chunks_exact(3).map(|p| RGB8::new(p[0], p[1], p[2])).collect();
        ImgVec::new(pixels, pair.width, pair.height)
    };
    let (reference, candidate) = (picture(&pair.reference), picture(&pair.candidate));
    let params = ButteraugliParams::default().with_compute_diffmap(false);
    Ok(Box::new(move || {
        butteraugli(reference.as_ref(), candidate.as_ref(), &params)
            .map(|result| result.score)
            .map_err(text)
    }))
}

fn fast_ssim2(pair: Pair) -> Result<Work, String> {
    use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
    let (width, height) = (pair.width as u32, pair.height as u32);
    Ok(Box::new(move || {
        let slice = |samples| {
            PixelSlice::new(samples, width, height, pair.width * 3, PixelDescriptor::RGB8_SRGB)
        };
        let reference = slice(&pair.reference).map_err(text)?;
        let candidate = slice(&pair.candidate).map_err(text)?;
        compute_ssimulacra2(&reference, &candidate).map_err(text)
    }))
}

/// Consumes its input: the copies are part of the time.
fn ssimulacra2_score(pair: Pair) -> Result<Work, String> {
    use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
    let picture = |samples: &[u8]| {
        let pixels =
            samples.chunks_exact(3).map(|p| [p[0], p[1], p[2]].map(|s| f32::from(s) / 255.0));
        let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
        Rgb::new(pixels.collect(), pair.width, pair.height, transfer, primaries).map_err(text)
    };
    let (reference, candidate) = (picture(&pair.reference)?, picture(&pair.candidate)?);
    Ok(Box::new(move || {
        compute_frame_ssimulacra2(reference.clone(), candidate.clone()).map_err(text)
    }))
}

fn zensim_score(pair: Pair) -> Result<Work, String> {
    use zensim::{RgbSlice, Zensim, ZensimProfile};
    let pixels = |samples: &[u8]| -> Vec<[u8; 3]> {
        samples.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect()
    };
    let (reference, candidate) = (pixels(&pair.reference), pixels(&pair.candidate));
    let metric = Zensim::new(ZensimProfile::PreviewV0_2);
    Ok(Box::new(move || {
        let reference = RgbSlice::new(&reference, pair.width, pair.height);
        let candidate = RgbSlice::new(&candidate, pair.width, pair.height);
        metric.compute(&reference, &candidate).map(|result| result.score()).map_err(text)
    }))
}

/// Uses its input as scratch space: making the C++ pictures is part of the time.
fn nv_flip_mean(pair: Pair) -> Result<Work, String> {
    use nv_flip::{DEFAULT_PIXELS_PER_DEGREE, FlipImageRgb8, FlipPool, flip};
    let (width, height) = (pair.width as u32, pair.height as u32);
    Ok(Box::new(move || {
        let picture = |samples| FlipImageRgb8::with_data(width, height, samples);
        let (reference, candidate) = (picture(&pair.reference), picture(&pair.candidate));
        let map = flip(reference, candidate, DEFAULT_PIXELS_PER_DEGREE);
        Ok(f64::from(FlipPool::from_image(&map).mean()))
    }))
}
