//! What an autoencoder consists of: numbers of channels and layers, and the scale of its latents.
//!
//! Read from the `config.json` of diffusers, or from the shapes of the tensors (`load`).

use std::path::Path;

use serde::Deserialize;

use super::latent_scaling::LatentScaling;
use crate::{Error, Result};

/// Groups of channels that Stable Diffusion's autoencoders normalise together.
pub(super) const GROUPS: usize = 32;
/// Most levels: a side shrinks by 2 between them.
const MOST_LEVELS: usize = 8;
/// Most residual blocks of a level.
const MOST_LAYERS: usize = 64;
/// Most channels of a level.
const MOST_CHANNELS: usize = 1 << 14;

/// The architecture of an autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Channels of a picture, read and drawn.
    pub channels: usize,
    /// Channels of each level of the encoder; the decoder has them in reverse.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks of a level of the encoder; a level of the decoder has one more.
    pub layers_per_block: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Groups of channels that are normalised together.
    pub groups: usize,
    /// Whether a 1×1 convolution follows the encoder.
    pub quant_conv: bool,
    /// Whether a 1×1 convolution precedes the decoder.
    pub post_quant_conv: bool,
    /// From what the encoder gives to what a diffusion model sees.
    pub scaling: LatentScaling,
}

impl Config {
    /// Stable Diffusion 1 and 2, `sd-vae-ft-mse` and `sd-vae-ft-ema`: 83 653 863 parameters.
    pub fn stable_diffusion() -> Self {
        Self {
            channels: 3,
            block_out_channels: vec![128, 256, 512, 512],
            layers_per_block: 2,
            latent_channels: 4,
            groups: GROUPS,
            quant_conv: true,
            post_quant_conv: true,
            scaling: LatentScaling::STABLE_DIFFUSION,
        }
    }

    /// Pixels along one side of a picture for each of its latents.
    pub fn factor(&self) -> usize {
        1 << self.block_out_channels.len().saturating_sub(1).min(MOST_LEVELS)
    }

    /// Channels of the lowest level.
    pub(super) fn deepest(&self) -> usize {
        self.block_out_channels.last().copied().unwrap_or_default()
    }

    /// # Errors
    /// [`Error::Refused`] for an architecture that there cannot be.
    pub(super) fn check(&self) -> Result<()> {
        let Self {
            channels, block_out_channels, layers_per_block, latent_channels, groups, ..
        } = self;
        let refused = |reason: String| Err(Error::Refused(format!("an autoencoder: {reason}")));
        let levels = block_out_channels.len();
        if !(1..=MOST_LEVELS).contains(&levels) {
            return refused(format!("expected 1 to {MOST_LEVELS} levels, found {levels}"));
        }
        if !(1..=MOST_LAYERS).contains(layers_per_block) {
            return refused(format!(
                "expected 1 to {MOST_LAYERS} layers per block, found {layers_per_block}"
            ));
        }
        for &found in block_out_channels.iter().chain([channels, latent_channels]) {
            if !(1..=MOST_CHANNELS).contains(&found) {
                return refused(format!("expected 1 to {MOST_CHANNELS} channels, found {found}"));
            }
        }
        let uneven = |&&channels: &&usize| *groups == 0 || !channels.is_multiple_of(*groups);
        if let Some(found) = block_out_channels.iter().find(uneven) {
            return refused(format!("{found} channels cannot be shared out among {groups} groups"));
        }
        self.scaling.check()
    }

    /// The architecture in a `config.json` of diffusers.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Unsuitable`] for anything else than the description of an
    /// AutoencoderKL that is computed here.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |reason| Error::File { path: path.to_owned(), action: "read", reason };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let unsuitable = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
        let file: File = serde_json::from_str(&text).map_err(|e| unsuitable(e.to_string()))?;
        let config = file.config().map_err(unsuitable)?;
        config.check().map_err(|error| unsuitable(error.to_string()))?;
        Ok(config)
    }
}

/// `config.json` as diffusers writes it. What was added in later versions may be absent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "_class_name")]
    class_name: String,
    #[serde(rename = "_diffusers_version")]
    _diffusers_version: Option<String>,
    #[serde(rename = "_name_or_path")]
    _name_or_path: Option<String>,
    act_fn: Option<String>,
    block_out_channels: Vec<usize>,
    down_block_types: Vec<String>,
    /// Advice for half precision, which is not computed here.
    #[serde(rename = "force_upcast")]
    _force_upcast: Option<bool>,
    in_channels: usize,
    latent_channels: usize,
    latents_mean: Option<Vec<f64>>,
    latents_std: Option<Vec<f64>>,
    layers_per_block: usize,
    mid_block_add_attention: Option<bool>,
    norm_num_groups: Option<usize>,
    out_channels: usize,
    /// Of the pictures it was trained on; others are taken too.
    #[serde(rename = "sample_size")]
    _sample_size: Option<serde_json::Value>,
    scaling_factor: Option<f64>,
    shift_factor: Option<f64>,
    up_block_types: Vec<String>,
    use_post_quant_conv: Option<bool>,
    use_quant_conv: Option<bool>,
}

impl File {
    fn config(self) -> std::result::Result<Config, String> {
        let expect = |what: &str, expected: &str, found: &str| match expected == found {
            true => Ok(()),
            false => Err(format!("{what}: expected {expected}, found {found}")),
        };
        expect("_class_name", "AutoencoderKL", &self.class_name)?;
        expect("act_fn", "silu", self.act_fn.as_deref().unwrap_or("silu"))?;
        let levels = self.block_out_channels.len().to_string();
        for (what, kind, types) in [
            ("down_block_types", "DownEncoderBlock2D", &self.down_block_types),
            ("up_block_types", "UpDecoderBlock2D", &self.up_block_types),
        ] {
            expect(&format!("entries of {what}"), &levels, &types.len().to_string())?;
            types.iter().try_for_each(|found| expect(what, kind, found))?;
        }
        let channels = [self.in_channels, self.out_channels].map(|count| count.to_string());
        expect("out_channels (in_channels being as many)", &channels[0], &channels[1])?;
        let attention = self.mid_block_add_attention.unwrap_or(true).to_string();
        expect("mid_block_add_attention", "true", &attention)?;
        for (what, found) in
            [("latents_mean", &self.latents_mean), ("latents_std", &self.latents_std)]
        {
            if found.is_some() {
                return Err(format!(
                    "{what}: expected null, since latents are scaled by one factor here"
                ));
            }
        }
        let usual = LatentScaling::STABLE_DIFFUSION;
        Ok(Config {
            channels: self.in_channels,
            block_out_channels: self.block_out_channels,
            layers_per_block: self.layers_per_block,
            latent_channels: self.latent_channels,
            groups: self.norm_num_groups.unwrap_or(GROUPS),
            quant_conv: self.use_quant_conv.unwrap_or(true),
            post_quant_conv: self.use_post_quant_conv.unwrap_or(true),
            scaling: LatentScaling {
                factor: self.scaling_factor.unwrap_or(usual.factor),
                shift: self.shift_factor.unwrap_or(usual.shift),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `sd-vae-ft-mse` has, and perhaps more.
    fn read(change: impl FnOnce(&mut serde_json::Value)) -> Result<Config> {
        let mut json = serde_json::json!({
            "_class_name": "AutoencoderKL",
            "_diffusers_version": "0.4.2",
            "act_fn": "silu",
            "block_out_channels": [128, 256, 512, 512],
            "down_block_types": vec!["DownEncoderBlock2D"; 4],
            "in_channels": 3,
            "latent_channels": 4,
            "layers_per_block": 2,
            "norm_num_groups": 32,
            "out_channels": 3,
            "sample_size": 256,
            "up_block_types": vec!["UpDecoderBlock2D"; 4],
        });
        change(&mut json);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, json.to_string()).unwrap();
        Config::read(&path)
    }

    #[test]
    fn published_descriptions_are_read() {
        assert_eq!(read(|_| ()).unwrap(), Config::stable_diffusion());
        assert_eq!(Config::stable_diffusion().factor(), 8);
        let flux = read(|json| {
            json["latent_channels"] = 16.into();
            json["use_quant_conv"] = false.into();
            json["use_post_quant_conv"] = false.into();
            json["scaling_factor"] = 0.3611.into();
            json["shift_factor"] = 0.1159.into();
            json["latents_mean"] = serde_json::Value::Null;
            json["mid_block_add_attention"] = true.into();
            json["force_upcast"] = true.into();
        });
        let expected = Config {
            latent_channels: 16,
            quant_conv: false,
            post_quant_conv: false,
            scaling: LatentScaling::FLUX,
            ..Config::stable_diffusion()
        };
        assert_eq!(flux.unwrap(), expected);
    }

    #[test]
    fn what_is_not_computed_is_refused() {
        let changes: [(&str, serde_json::Value); 14] = [
            ("_class_name", "VQModel".into()),
            ("act_fn", "relu".into()),
            ("block_out_channels", vec![128, 256].into()),
            ("block_out_channels", vec![128, 256, 512, 500].into()),
            ("block_out_channels", vec![0; 4].into()),
            ("down_block_types", vec!["DownEncoderBlock2D"; 3].into()),
            ("up_block_types", vec!["AttnUpDecoderBlock2D"; 4].into()),
            ("out_channels", 4.into()),
            ("layers_per_block", 0.into()),
            ("norm_num_groups", 0.into()),
            ("mid_block_add_attention", false.into()),
            ("latents_mean", vec![0.5; 4].into()),
            ("scaling_factor", 0.0.into()),
            ("an_unknown_key", 1.into()),
        ];
        for (key, value) in changes {
            let found = read(|json| json[key] = value.clone());
            assert!(matches!(found, Err(Error::Unsuitable { .. })), "{key}: {found:?}");
        }
        let missing = read(|json| drop(json.as_object_mut().unwrap().remove("latent_channels")));
        let message = missing.unwrap_err().to_string();
        assert!(message.contains("latent_channels"), "{message}");
        assert!(matches!(Config::read(Path::new("no/config.json")), Err(Error::File { .. })));
    }
}
