//! Reproducible random parameters: for tests that need no downloads, and as the untrained network that
//! learned metrics are compared with.
//!
//! A parameter depends on nothing but its name and shape. The name, behind a prefix, is hashed by
//! FNV-1a to 64 bits; number `i` is the output of splitmix64 for that state advanced `i + 1` times, of
//! which the upper 24 bits make a number in −1…1 that single precision holds exactly. Filters are
//! scaled by √(6 / fan-in), which keeps the variance of activations behind a ReLU, and biases by 0.05.
//! Scales and variances of normalisation lie in ½…1½; channel weights, whose names start with `lin`,
//! `alpha` or `beta`, are not negative.

use super::Parameters;
use crate::Result;

/// Random parameters that depend on their names alone.
#[derive(Clone, Debug)]
pub struct Seeded {
    prefix: String,
}

impl Seeded {
    /// Parameters whose names are hashed as `prefix/name`.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The hash from which the numbers of a parameter follow.
    pub fn key(&self, name: &str) -> u64 {
        let text = self.prefix.bytes().chain(std::iter::once(b'/')).chain(name.bytes());
        text.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        })
    }
}

impl Parameters for Seeded {
    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let key = self.key(name);
        let count: usize = shape.iter().product();
        let units = (1..=count as u64).map(|i| unit(key, i));
        let last = name.rsplit('.').next().unwrap_or(name);
        let channel_weight = ["lin", "alpha", "beta"].iter().any(|start| last.starts_with(start));
        Ok(match (last, shape) {
            _ if channel_weight => units.map(f32::abs).collect(),
            ("running_var", _) | ("weight", [_]) => units.map(|u| 1.0 + 0.5 * u).collect(),
            ("weight", [_, fan_in @ ..]) => {
                let fan_in: usize = fan_in.iter().product();
                let bound = (6.0 / fan_in.max(1) as f64).sqrt() as f32;
                units.map(|u| u * bound).collect()
            }
            _ => units.map(|u| u * 0.05).collect(),
        })
    }
}

/// Number `i` of a stream, in −1…1.
pub(super) fn unit(key: u64, i: u64) -> f32 {
    let mut z = key.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    let top = (z >> 40) as i32;
    (top - (1 << 23)) as f32 / (1 << 23) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_streams_are_the_published_ones() {
        let cases = [
            (
                ("alex", [64, 3, 11, 11], 0x8141_9be5_98fa_870f),
                [0.101_212_49, 0.097_450_64, -0.013_798_74],
                -2.641_697_000_141_903,
            ),
            (
                ("squeeze", [64, 3, 3, 3], 0x82e8_4383_03c6_8599),
                [0.378_075_33, -0.381_274_34, 0.252_678_5],
                -16.247_184_319_210_646,
            ),
            (
                ("vgg", [64, 3, 3, 3], 0xd548_5e26_8de1_de29),
                [0.129_797_58, 0.416_842_1, -0.438_343_73],
                -6.511_609_499_342_74,
            ),
        ];
        for ((net, shape, key), first, sum) in cases {
            let seeded = Seeded::new(net);
            assert_eq!(seeded.key("features.0.weight"), key, "{net}");
            let numbers = seeded.f32("features.0.weight", &shape).unwrap();
            let close = numbers.iter().zip(first).all(|(&n, f)| (n - f).abs() <= 2e-8);
            assert!(close, "{net}: {:?}", &numbers[..3]);
            let found: f64 = numbers.iter().map(|&v| f64::from(v)).sum();
            assert!((found - sum).abs() < 1e-9, "{net}: {found}");
        }
    }

    #[test]
    fn variances_and_channel_weights_are_positive() {
        let seeded = Seeded::new("x");
        assert!(seeded.f32("bn1.running_var", &[64]).unwrap().iter().all(|&v| v >= 0.5));
        assert!(seeded.f32("lin0", &[64]).unwrap().iter().all(|&v| v >= 0.0));
        assert!(seeded.f32("features.0.bias", &[64]).unwrap().iter().all(|&v| v.abs() <= 0.05));
    }
}
