//! What the tests of this module have in common, and recorded losses, which lie outside the repository.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use super::*;
use crate::autoencoder_kl::AutoencoderKl;
use crate::diffusion::{Betas, Prediction, Schedule};

/// Numbers in 0…1 that are whole multiples of 1/1024.
pub(super) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) % 1025
    };
    (0..count).map(|_| next() as f32 / 1024.0).collect()
}

/// A source, a target, and an output that leaves 0…1 now and then.
pub(super) fn pictures(shape: [usize; 3]) -> [Vec<f32>; 3] {
    let count = shape.into_iter().product();
    let output = numbers(count, 3).into_iter().map(|x| 1.5 * x - 0.25).collect();
    [numbers(count, 1), numbers(count, 2), output]
}

/// tanh of a fixed linear map.
pub(super) struct Tanh {
    side: usize,
    rows: Vec<Vec<f64>>,
}

impl Tanh {
    pub(super) fn new(side: usize, features: usize) -> Self {
        let size = 3 * side * side;
        let row = |at: usize| {
            let numbers = numbers(size, 100 + at as u64).into_iter();
            numbers.map(|x| (f64::from(x) - 0.5) / (size as f64).sqrt() * 6.0).collect()
        };
        Self { side, rows: (0..features).map(row).collect() }
    }
}

impl Embedder for Tanh {
    fn side(&self) -> usize {
        self.side
    }

    fn features(&self, planes: &[f64]) -> Result<Vec<f64>> {
        assert_eq!(planes.len(), 3 * self.side * self.side);
        let sum = |row: &Vec<f64>| row.iter().zip(planes).map(|(w, x)| w * x).sum::<f64>();
        Ok(self.rows.iter().map(|row| sum(row).tanh()).collect())
    }

    fn pull(&self, planes: &[f64], upstream: &[f64]) -> Result<Vec<f64>> {
        let mut slopes = vec![0.0; planes.len()];
        for ((row, feature), g) in self.rows.iter().zip(self.features(planes)?).zip(upstream) {
            let slope = g * (1.0 - feature * feature);
            slopes.iter_mut().zip(row).for_each(|(to, w)| *to += slope * w);
        }
        Ok(slopes)
    }

    fn name(&self) -> &str {
        "tanh"
    }
}

/// The mean of squared differences from the target.
pub(super) struct L2;

impl PictureLoss for L2 {
    fn name(&self) -> String {
        "l2".to_owned()
    }

    fn value_and_gradient(&self, pair: &Pair<'_>, output: &[f32]) -> Result<(f64, Vec<f32>)> {
        let share = 1.0 / output.len() as f64;
        let differences = output.iter().zip(pair.target()).map(|(x, y)| f64::from(x - y));
        let value = differences.clone().map(|d| d * d).sum::<f64>() * share;
        Ok((value, differences.map(|d| (2.0 * d * share) as f32).collect()))
    }
}

/// The recorded values, or `None`, said aloud, where they are absent.
fn recorded(name: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/reference/dit"));
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

struct Recorded(Vec<u8>);

impl Recorded {
    fn f32s(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32);
        tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    fn steps(&self, name: &str) -> Vec<usize> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::I64);
        let steps = tensor.data().as_chunks::<8>().0.iter();
        steps.map(|&bytes| usize::try_from(i64::from_le_bytes(bytes)).unwrap()).collect()
    }
}

fn tiny_clip(path: &Path) -> Similarity {
    let options = ClipOptions { heads: Some(4), ..ClipOptions::default() };
    Similarity::clip(&path.join("model.safetensors"), options, SimilarityReference::Target).unwrap()
}

/// −1…1 to 0…1.
fn brought_to_one(samples: &[f32]) -> Vec<f32> {
    samples.iter().map(|x| 0.5 * x + 0.5).collect()
}

#[track_caller]
fn assert_near(what: &str, found: &[f32], expected: &[f32], allowed: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let most = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    let largest = expected.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    println!("{what}: differs by {most:e} of {largest:e}");
    assert!(most <= allowed * largest, "{what}: {most:e} of {largest:e}");
}

#[test]
fn clip_losses_are_the_recorded_ones() {
    let (Some(path), Some(folder)) =
        (recorded("clip_loss.safetensors"), recorded("hf_clip_vision_tiny"))
    else {
        return;
    };
    let recorded = Recorded(std::fs::read(path).unwrap());
    let (outputs, targets) = (recorded.f32s("img"), recorded.f32s("tgt"));
    let shape = [3, 48, 48];
    let size = 3 * 48 * 48;
    for (resampling, name) in
        Resampling::ALL.into_iter().zip(["bilinear", "bilinear_aa", "bicubic_aa"])
    {
        let loss = tiny_clip(&folder).with_resampling(resampling);
        let (mut values, mut gradient) = (Vec::new(), Vec::new());
        for (output, target) in outputs.chunks_exact(size).zip(targets.chunks_exact(size)) {
            let (output, target) = (brought_to_one(output), brought_to_one(target));
            let (value, slopes) = loss.evaluate(&output, &target, &output, shape).unwrap();
            values.push(value as f32);
            // Of the mean of two, with respect to samples in −1…1.
            gradient.extend(slopes.iter().map(|slope| 0.25 * slope));
        }
        assert_near(name, &values, &recorded.f32s(&format!("{name}.loss_per_sample")), 1e-5);
        let expected = recorded.f32s(&format!("{name}.grad_img_of_mean"));
        assert_near(&format!("derivatives, {name}"), &gradient, &expected, 1e-5);
    }
}

#[test]
fn the_loss_through_an_autoencoder_is_the_recorded_one() {
    let (Some(path), Some(clip), Some(autoencoder)) = (
        recorded("composite.safetensors"),
        recorded("hf_clip_vision_tiny"),
        recorded("diffusers_vae_tiny"),
    ) else {
        return;
    };
    let recorded = Recorded(std::fs::read(path).unwrap());
    let [noise, noised, output, targets] =
        ["noise", "z_t", "eps_pred", "x_ref"].map(|name| recorded.f32s(name));
    let decoder = AutoencoderKl::read(&autoencoder).unwrap();
    let schedule = Schedule::new(Betas::Linear, 1000).unwrap();
    // Recorded with factors of 0.1 and of 0.5 on samples in −1…1, which are half as far apart here.
    let clip = Weighted { weight: 0.1, loss: Box::new(tiny_clip(&clip)) };
    let store = lookalike_deep::StoredWeights;
    let pixels = Box::new(Terms::parse("l1", 32, &store).unwrap());
    let losses = PictureLosses::new(vec![clip, Weighted { weight: 1.0, loss: pixels }]).unwrap();
    let alpha_bars: Vec<f64> =
        recorded.steps("t").into_iter().map(|t| schedule.alpha_bar()[t]).collect();
    let weights = Weighting::AlphaBar.weights(&alpha_bars).unwrap();
    let (size, area) = (output.len() / 2, targets.len() / 2);
    let share = 1.0 / output.len() as f64;
    let (mut total, mut gradient) = (0.0, Vec::new());
    let (mut estimates, mut terms) = (Vec::new(), Vec::new());
    for example in 0..2 {
        let part = |all: &[f32]| all[example * size..][..size].to_vec();
        let [noise, noised, output] = [&noise, &noised, &output].map(|all| part(all));
        let alpha_bar = alpha_bars[example];
        let x0 = Prediction::Epsilon.recovered(&output, &noised, alpha_bar).unwrap().x0;
        let slope = Prediction::Epsilon.x0_derivative(alpha_bar).unwrap();
        let target = brought_to_one(&targets[example * area..][..area]);
        let pair = Pair::new([3, 32, 32], &target, &target).unwrap();
        let estimate = Estimate { sample: &x0, shape: [4, 4, 4], slope };
        let found = decoded_loss(&decoder, &losses, &estimate, &pair, weights[example]).unwrap();
        total += found.value;
        terms.extend([found.terms[0] as f32, 2.0 * found.terms[1] as f32]);
        for ((noise, output), slope) in noise.iter().zip(&output).zip(&found.gradient) {
            let d = f64::from(output - noise);
            total += d * d * share;
            gradient.push((2.0 * d * share) as f32 + slope);
        }
        estimates.extend(x0);
    }
    assert_near("estimates", &estimates, &recorded.f32s("z0_hat"), 1e-5);
    let (of_clip, of_pixels) = (recorded.f32s("loss.clip"), recorded.f32s("loss.l1"));
    let expected: Vec<f32> =
        of_clip.into_iter().zip(of_pixels).flat_map(|(clip, l1)| [clip, l1]).collect();
    assert_near("terms", &terms, &expected, 1e-5);
    assert_near("total", &[total as f32], &recorded.f32s("total"), 1e-5);
    assert_near("derivatives", &gradient, &recorded.f32s("grad.eps_pred"), 1e-5);
}
