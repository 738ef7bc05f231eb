//! Against diffusers 0.42.1.

use std::collections::BTreeMap;

use lookalike_weights::read_file;

use crate::autoencoder_kl::AutoencoderKl;
use crate::autoencoder_kl::checks::{assert_near, recorded};
use crate::autoencoder_kl::config::Config;
use crate::autoencoder_kl::tensors::tensors;

/// What is demanded, of the largest value of a tensor where that is more than 1.
const TOLERANCE: f64 = 2e-5;

#[test]
fn a_small_network() {
    let Some(folder) = recorded("diffusers_vae_tiny") else { return };
    let Some(values) = recorded("vae_tiny.safetensors") else { return };
    let network = AutoencoderKl::read(&folder).unwrap();
    let mut file = read_file(&values).unwrap();
    let mut names: Vec<String> = file.tensors().map(|(name, ..)| name.to_owned()).collect();
    let mut take = |name: &str| {
        names.retain(|other| other != name);
        let tensor = file.tensor(name).unwrap();
        let numbers = tensor.to_f32().unwrap();
        let size = numbers.len() / tensor.shape[0];
        [numbers[..size].to_vec(), numbers[size..].to_vec()]
    };
    let input = ["x", "noise", "cotangent"].map(&mut take);
    let expected: BTreeMap<&str, [Vec<f32>; 2]> = [
        "moments",
        "mean",
        "logvar_clamped",
        "z_unscaled",
        "z_scaled",
        "recon",
        "grad.z_of_decode",
        "grad.x_of_mean",
        "kl_sum",
        "decoder.feature.0",
        "decoder.feature.1",
        "decoder.feature.2",
        "decoder.feature.3",
        "decoder.feature.4",
    ]
    .map(|name| (name, take(name)))
    .into();
    assert!(names.is_empty(), "not compared: {names:?}");
    let [x, noise, cotangent] = &input;
    for picture in 0..2 {
        let check = |name: &str, found: &[f32]| {
            let expected: Vec<f64> = expected[name][picture].iter().map(|&n| n.into()).collect();
            let error = assert_near(found, &expected, TOLERANCE);
            eprintln!("{name} {picture}: {error:.1e}");
        };
        let encoded = network.encode_traced(&x[picture], 32, 32).unwrap();
        let moments = encoded.moments();
        assert_eq!(*moments, network.encode(&x[picture], 32, 32).unwrap());
        assert_eq!(moments.shape(), [4, 4, 4]);
        // None of these was clamped.
        check("moments", &[moments.mean(), moments.log_variance()].concat());
        check("mean", moments.mean());
        check("logvar_clamped", moments.log_variance());
        check("kl_sum", &[moments.kl() as f32]);
        let latents = moments.sample(&noise[picture]).unwrap();
        check("z_unscaled", &latents);
        check("z_scaled", &network.scale(&latents));
        let back = network.unscale(&expected["z_scaled"][picture]);
        check("z_unscaled", &back);

        let decoded = network.decode(&expected["z_unscaled"][picture], 4, 4).unwrap();
        assert_eq!(decoded.shape(), [3, 32, 32]);
        check("recon", decoded.picture());
        for (index, feature) in decoded.features().iter().enumerate() {
            check(&format!("decoder.feature.{index}"), &feature.planes);
        }
        check("grad.z_of_decode", &decoded.backward(&cotangent[picture]).unwrap());
        // The derivative is that of the product of mean and noise.
        check("grad.x_of_mean", &encoded.backward(&noise[picture]).unwrap());
    }
}

#[test]
fn tensors_of_the_published_autoencoders() {
    let Some(path) = recorded("sd_vae_keys.json") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let expected: BTreeMap<String, Vec<usize>> = serde_json::from_str(&text).unwrap();
    let found: BTreeMap<String, Vec<usize>> =
        tensors(&Config::stable_diffusion()).into_iter().collect();
    assert_eq!(found, expected);
}
