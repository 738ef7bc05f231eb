//! Derivatives against differences, the same bits whatever the threads, and inputs that are refused.

use crate::Error;
use crate::autoencoder_kl::checks::{bits_for_any_threads, joined, noise, small};

const SIZE: [usize; 2] = [8, 12];
const PICTURE: usize = 3 * 8 * 12;
const LATENTS: usize = 4 * 2 * 3;

fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Compares a derivative with differences along several directions, of which one is its own.
fn assert_derivative(at: &[f32], gradient: &[f32], value: impl Fn(&[f32]) -> f64) {
    let length = product(gradient, gradient).sqrt();
    assert!(length > 1e-3, "{length}");
    let own: Vec<f32> = gradient.iter().map(|slope| slope / length as f32).collect();
    for seed in 0..6 {
        let direction = if seed == 0 { own.clone() } else { noise(at.len(), 50 + seed) };
        let step = 2e-3 / product(&direction, &direction).sqrt() as f32;
        let moved = |step: f32| -> Vec<f32> {
            at.iter().zip(&direction).map(|(x, d)| x + step * d).collect()
        };
        let slope = (value(&moved(step)) - value(&moved(-step))) / (2.0 * f64::from(step));
        let found = product(gradient, &direction);
        let scale = length * product(&direction, &direction).sqrt();
        assert!((found - slope).abs() < 2e-3 * scale, "{seed}: {found} {slope} of {scale}");
    }
}

#[test]
fn the_way_back_through_the_encoder() {
    let network = small();
    let picture = noise(PICTURE, 1);
    let upstream = noise(LATENTS, 2);
    let encoded = network.encode_traced(&picture, SIZE[0], SIZE[1]).unwrap();
    let gradient = encoded.backward(&upstream).unwrap();
    assert_eq!(gradient.len(), PICTURE);
    assert_derivative(&picture, &gradient, |picture| {
        product(network.encode(picture, SIZE[0], SIZE[1]).unwrap().mean(), &upstream)
    });
}

#[test]
fn the_way_back_through_the_decoder() {
    let network = small();
    let latents = noise(LATENTS, 3);
    let upstream = noise(PICTURE, 4);
    let decoded = network.decode(&latents, 2, 3).unwrap();
    let gradient = decoded.backward(&upstream).unwrap();
    assert_derivative(&latents, &gradient, |latents| {
        product(&network.picture(latents, 2, 3).unwrap(), &upstream)
    });
}

#[test]
fn the_way_back_from_features() {
    let network = small();
    let latents = noise(LATENTS, 5);
    let decoded = network.decode(&latents, 2, 3).unwrap();
    let features = decoded.features();
    let shapes: Vec<[usize; 3]> = features.iter().map(|feature| feature.shape).collect();
    assert_eq!(shapes, [[20, 2, 3], [20, 4, 6], [20, 8, 12], [8, 8, 12]]);
    let of_features: Vec<Vec<f32>> =
        features.iter().map(|feature| noise(feature.planes.len(), 6)).collect();
    let of_picture = noise(PICTURE, 7);
    let all: Vec<Option<&[f32]>> = of_features.iter().map(|slopes| Some(&slopes[..])).collect();
    for used in [0, 1, 2, 3] {
        let mut some = vec![None; used + 1];
        some[used] = all[used];
        let gradient = decoded.backward_features(None, &some).unwrap();
        assert_derivative(&latents, &gradient, |latents| {
            product(&network.features(latents, 2, 3).unwrap()[used].planes, &of_features[used])
        });
    }
    let together = decoded.backward_features(Some(&of_picture), &all).unwrap();
    assert_derivative(&latents, &together, |latents| {
        let decoded = network.decode(latents, 2, 3).unwrap();
        product(&joined(&decoded.features()), &of_features.concat())
            + product(decoded.picture(), &of_picture)
    });
    assert_eq!(decoded.backward_features(None, &[None; 4]).unwrap(), [0.0; LATENTS]);
}

#[test]
fn a_picture_has_the_same_bits_for_any_threads_and_whatever_came_before() {
    let network = small();
    // More than one strip of positions to a normalisation.
    let (picture, latents) = (noise(3 * 64 * 48, 1), noise(4 * 16 * 12, 2));
    let way = || {
        let encoded = network.encode_traced(&picture, 64, 48).unwrap();
        let decoded = network.decode(&latents, 16, 12).unwrap();
        let moments = encoded.moments();
        [
            moments.mean(),
            moments.log_variance(),
            &encoded.backward(&latents).unwrap(),
            decoded.picture(),
            &joined(&decoded.features()),
            &decoded.backward(&picture).unwrap(),
        ]
        .concat()
    };
    bits_for_any_threads(way);
    let first = way();
    network.encode(&noise(PICTURE, 9), SIZE[0], SIZE[1]).unwrap();
    network.picture(&noise(LATENTS, 9), 2, 3).unwrap();
    assert!(first == way());
    let decoded = network.decode(&latents, 16, 12).unwrap();
    assert_eq!(decoded.picture(), network.picture(&latents, 16, 12).unwrap());
    assert_eq!(decoded.features(), network.features(&latents, 16, 12).unwrap());
    let encoded = network.encode_traced(&picture, 64, 48).unwrap();
    assert_eq!(*encoded.moments(), network.encode(&picture, 64, 48).unwrap());
}

#[test]
fn one_latent_is_enough() {
    let network = small();
    let moments = network.encode(&noise(48, 1), 4, 4).unwrap();
    assert_eq!(moments.shape(), [4, 1, 1]);
    assert_eq!(network.decode(moments.mean(), 1, 1).unwrap().shape(), [3, 4, 4]);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let network = small();
    let refused = |found: Option<Error>| assert!(matches!(found, Some(Error::Refused(_))));
    refused(network.encode(&[0.0; 3 * 8 * 10], 8, 10).err());
    refused(network.encode(&[0.0; 3 * 8 * 8], 8, 12).err());
    refused(network.encode(&[], 0, 0).err());
    refused(network.encode(&[0.0; 3], usize::MAX - 3, usize::MAX - 3).err());
    let mut picture = noise(PICTURE, 1);
    let encoded = network.encode_traced(&picture, SIZE[0], SIZE[1]).unwrap();
    refused(encoded.backward(&[0.0; LATENTS - 1]).err());
    refused(encoded.backward(&[f32::NAN; LATENTS]).err());
    picture[7] = f32::NAN;
    refused(network.encode(&picture, SIZE[0], SIZE[1]).err());
    refused(network.encode_traced(&picture, SIZE[0], SIZE[1]).err());

    refused(network.decode(&[0.0; LATENTS], 2, 2).err());
    refused(network.decode(&[f32::INFINITY; LATENTS], 2, 3).err());
    refused(network.picture(&[], 0, 3).err());
    refused(network.features(&[0.0; 4], 2, 3).err());
    refused(network.decode(&vec![0.0; 4 * 129 * 128], 129, 128).err());
    let decoded = network.decode(&[0.5; LATENTS], 2, 3).unwrap();
    refused(decoded.backward(&[0.0; PICTURE - 1]).err());
    refused(decoded.backward_features(None, &[Some(&[0.0; 3])]).err());
    refused(decoded.backward_features(None, &[None; 5]).err());
}
