//! The formulas that LPIPS was published against, on its example pictures, which lie outside the
//! repository (`../shared/reference/lpips`); without them this test says so and checks nothing.
//!
//! The original passes pictures through −1…1 and back to 8 bits with the fraction cut off, so that 95
//! of 256 levels come back one too low; values are known with and without that loss.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;

use lookalike_core::{Channels, Picture, Want};
use lookalike_metrics::metric;
use safetensors::SafeTensors;

fn example(file: &SafeTensors<'_>, name: &str, loss: bool) -> Picture {
    let planes = file.tensor(name).unwrap().data();
    let level = |code: u8| match loss {
        true => (((f64::from(code) / 127.5 - 1.0) as f32 + 1.0) * 127.5) as u8,
        false => code,
    };
    let samples = (0..64 * 64).flat_map(|at| (0..3).map(move |c| level(planes[c * 64 * 64 + at])));
    Picture::from_u8(64, 64, Channels::Rgb, samples.collect()).unwrap()
}

fn value(id: &str, a: &Picture, b: &Picture) -> f64 {
    metric(id).unwrap().compare(a, b, Want::default()).unwrap().value
}

/// Half the mean square of L*a*b* in hundredths.
fn lab(a: &Picture, b: &Picture) -> f64 {
    let map = metric("de76").unwrap().compare(a, b, Want { map: true }).unwrap().map.unwrap();
    let squares = map.values.iter().map(|&difference| f64::from(difference).powi(2));
    0.5 * squares.sum::<f64>() / (3.0 * 64.0 * 64.0) / 1e4
}

#[test]
fn formulas_give_the_known_values_on_the_examples_of_lpips() {
    let path = "../../../shared/reference/lpips/lpips_real_golden_alex.safetensors";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: {} is absent", path.display());
        return;
    };
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let close = |what: &str, found: f64, expected: f64, tolerance: f64| {
        assert!((found - expected).abs() <= tolerance, "{what}: {found} against {expected}");
    };
    for (candidate, l2, l2_lab, [dssim, lossy_dssim], [psnr, lossy_psnr]) in [
        ("ex_p0", 0.062_734_4, 0.004_374_30, [0.261_575, 0.261_782], [18.045_54, 18.000_66]),
        ("ex_p1", 0.164_175_7, 0.011_860_8, [0.343_422, 0.343_684], [13.867_51, 13.822_62]),
    ] {
        let [a, b] = ["ex_ref", candidate].map(|name| example(&file, name, false));
        // From samples in 0…1 to −1…1.
        close("L2", value("mse", &a, &b) * 4.0, l2, 1e-6);
        close("DSSIM", (1.0 - value("ssim@skimage", &a, &b)) / 2.0, dssim, 1e-5);
        close("PSNR", value("psnr", &a, &b), psnr, 1e-5);
        let [a, b] = ["ex_ref", candidate].map(|name| example(&file, name, true));
        close("L2 in L*a*b*", lab(&a, &b), l2_lab, 1e-6);
        close("DSSIM with loss", (1.0 - value("ssim@skimage", &a, &b)) / 2.0, lossy_dssim, 1e-5);
        close("PSNR with loss", value("psnr", &a, &b), lossy_psnr, 1e-5);
    }
}
