//! Files of every layout, and what is wrong with others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lookalike_nn::Seeded;
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::Error;
use crate::autoencoder_kl::checks::{Numbers, noise, small, small_config, small_tensors};
use crate::autoencoder_kl::config::Config;
use crate::autoencoder_kl::{AutoencoderKl, LatentScaling};

type Tensors = BTreeMap<String, Numbers>;

fn write(path: &Path, tensors: &Tensors) {
    let bytes: Vec<Vec<u8>> = tensors
        .values()
        .map(|(_, numbers)| numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, (shape, _)), bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    std::fs::write(path, serialize(views, None).unwrap()).unwrap();
}

/// A folder with a small autoencoder of random numbers, as diffusers has it: 3×H×W to 4×H/4×W/4.
pub(crate) fn write_small(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    write_config(folder, &small_config());
    write(&folder.join("diffusion_pytorch_model.safetensors"), &small_tensors());
}

fn write_config(folder: &Path, config: &Config) {
    let levels = config.block_out_channels.len();
    let json = serde_json::json!({
        "_class_name": "AutoencoderKL",
        "_diffusers_version": "0.42.1",
        "act_fn": "silu",
        "block_out_channels": config.block_out_channels,
        "down_block_types": vec!["DownEncoderBlock2D"; levels],
        "in_channels": config.channels,
        "latent_channels": config.latent_channels,
        "layers_per_block": config.layers_per_block,
        "norm_num_groups": config.groups,
        "out_channels": config.channels,
        "scaling_factor": config.scaling.factor,
        "shift_factor": config.scaling.shift,
        "up_block_types": vec!["UpDecoderBlock2D"; levels],
        "use_quant_conv": config.quant_conv,
        "use_post_quant_conv": config.post_quant_conv,
    });
    std::fs::write(folder.join("config.json"), json.to_string()).unwrap();
}

/// Names of attention as diffusers had them before version 0.15.
fn with_old_attention(tensors: Tensors) -> Tensors {
    let old = [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")];
    let renamed = tensors.into_iter().map(|(name, numbers)| {
        let name = old.iter().fold(name, |name, (new, old)| name.replace(new, old));
        (name, numbers)
    });
    renamed.collect()
}

/// Names as CompVis has them, with matrices as 1×1 filters.
fn of_comp_vis(tensors: Tensors, levels: usize) -> Tensors {
    let replacements = [
        ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
        ("mid_block.attentions.0.to_q", "mid.attn_1.q"),
        ("mid_block.attentions.0.to_k", "mid.attn_1.k"),
        ("mid_block.attentions.0.to_v", "mid.attn_1.v"),
        ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"),
        ("mid_block.resnets.0", "mid.block_1"),
        ("mid_block.resnets.1", "mid.block_2"),
        ("conv_norm_out", "norm_out"),
        ("conv_shortcut", "nin_shortcut"),
        (".resnets.", ".block."),
        (".downsamplers.0.", ".downsample."),
        (".upsamplers.0.", ".upsample."),
        ("down_blocks", "down"),
    ];
    let renamed = tensors.into_iter().map(|(name, (mut shape, numbers))| {
        let mut name = replacements.iter().fold(name, |name, (new, old)| name.replace(new, old));
        if let Some((before, rest)) = name.split_once("up_blocks.") {
            let (level, rest) = rest.split_once('.').unwrap();
            let level = levels - 1 - level.parse::<usize>().unwrap();
            name = format!("{before}up.{level}.{rest}");
        }
        if shape.len() == 2 {
            shape.extend([1, 1]);
        }
        (name, (shape, numbers))
    });
    renamed.collect()
}

fn prefixed(tensors: Tensors, prefix: &str) -> Tensors {
    tensors.into_iter().map(|(name, numbers)| (format!("{prefix}{name}"), numbers)).collect()
}

/// What a network makes of a picture and of latents.
fn outcome(network: &AutoencoderKl) -> Vec<f32> {
    let moments = network.encode(&noise(3 * 8 * 12, 1), 8, 12).unwrap();
    let picture = network.picture(&noise(4 * 2 * 3, 2), 2, 3).unwrap();
    [moments.mean(), moments.log_variance(), &picture].concat()
}

fn read_small(path: &Path) -> crate::Result<AutoencoderKl> {
    AutoencoderKl::read_as(path, 4, LatentScaling::STABLE_DIFFUSION)
}

#[test]
fn every_layout_is_the_same_network() {
    let expected = outcome(&small());
    let folder = tempfile::tempdir().unwrap();
    let all = small_tensors;
    let mut training = of_comp_vis(all(), 3);
    training.insert("loss.logvar".to_owned(), (vec![1], vec![0.0]));
    training.insert("loss.discriminator.main.0.weight".to_owned(), (vec![2], vec![0.0; 2]));
    training.insert("model_ema.decay".to_owned(), (vec![1], vec![0.999]));
    let mut whole = prefixed(of_comp_vis(all(), 3), "first_stage_model.");
    for other in ["betas", "sqrt_recipm1_alphas_cumprod", "model.diffusion_model.out.2.bias"] {
        whole.insert(other.to_owned(), (vec![1], vec![0.5]));
    }
    for (name, tensors) in [
        ("diffusers", all()),
        ("old attention", with_old_attention(all())),
        ("CompVis", of_comp_vis(all(), 3)),
        ("CompVis in training", training),
        ("CompVis in a whole model", whole),
    ] {
        let path = folder.path().join(name);
        write(&path, &tensors);
        let network = read_small(&path).unwrap();
        assert_eq!(*network.config(), small_config(), "{name}");
        assert!(outcome(&network) == expected, "{name}");
    }
}

#[test]
fn a_description_counts_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("diffusion_pytorch_model.safetensors");
    write(&file, &with_old_attention(small_tensors()));
    // Without it the numbers of channels are no multiples of 32.
    assert!(matches!(AutoencoderKl::read(&file), Err(Error::Unsuitable { .. })));
    let absent = AutoencoderKl::read(folder.path());
    assert!(matches!(absent, Err(Error::File { .. })), "config.json");
    let config = Config { scaling: LatentScaling::FLUX, ..small_config() };
    write_config(folder.path(), &config);
    for path in [folder.path(), &file] {
        let network = AutoencoderKl::read(path).unwrap();
        assert_eq!(*network.config(), config);
        assert!(outcome(&network) == outcome(&small()));
        let scaled = network.scale(&[1.0]);
        assert!((scaled[0] - (1.0 - 0.1159) * 0.3611).abs() < 1e-6);
        assert!((network.unscale(&scaled)[0] - 1.0).abs() < 1e-6);
    }
    write_config(folder.path(), &Config { layers_per_block: 2, ..small_config() });
    let message = AutoencoderKl::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("missing") && message.contains("more"), "{message}");
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(AutoencoderKl::read(folder.path()), Err(Error::Unsuitable { .. })));
    assert!(AutoencoderKl::read(&file).is_err());
}

#[test]
fn convolutions_of_latents_may_be_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let without: Tensors =
        small_tensors().into_iter().filter(|(name, _)| !name.contains("quant_conv")).collect();
    write(&path, &without);
    let network = read_small(&path).unwrap();
    let expected = Config { quant_conv: false, post_quant_conv: false, ..small_config() };
    assert_eq!(*network.config(), expected);
    assert!(outcome(&network) != outcome(&small()));
}

#[test]
fn the_scale_of_other_latents_is_not_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let config =
        Config { block_out_channels: vec![32], latent_channels: 16, groups: 32, ..small_config() };
    let tensors = crate::autoencoder_kl::tensors::tensors(&config);
    let zeros = |shape: Vec<usize>| (shape.clone(), vec![0.0; shape.iter().product()]);
    write(&path, &tensors.into_iter().map(|(name, shape)| (name, zeros(shape))).collect());
    let message = AutoencoderKl::read(&path).unwrap_err().to_string();
    assert!(message.contains("16 channels"), "{message}");
    let network = AutoencoderKl::read_as(&path, 32, LatentScaling::SD3).unwrap();
    assert_eq!(network.config().scaling, LatentScaling::SD3);
}

#[test]
fn a_network_of_usual_groups_is_told_by_its_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let config = Config { block_out_channels: vec![32, 64], groups: 32, ..small_config() };
    let seeded = Seeded::new("usual groups");
    let tensors = crate::autoencoder_kl::tensors::tensors(&config).into_iter();
    let tensors: Tensors = tensors
        .map(|(name, shape)| {
            let numbers = lookalike_nn::Parameters::f32(&seeded, &name, &shape).unwrap();
            (name, (shape, numbers))
        })
        .collect();
    write(&path, &of_comp_vis(tensors, 2));
    let network = AutoencoderKl::read(&path).unwrap();
    assert_eq!(*network.config(), config);
}

/// Writes the small network after a change, and reads it.
fn after(change: impl FnOnce(&mut Tensors)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("x.safetensors");
    let mut tensors = small_tensors();
    change(&mut tensors);
    write(&path, &tensors);
    let error = read_small(&path).unwrap_err();
    assert!(matches!(error, Error::Unsuitable { .. }), "{error}");
    error.to_string()
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let norm = "decoder.up_blocks.1.resnets.0.norm1.bias";
    let message = after(|tensors| drop(tensors.remove(norm)));
    assert!(message.contains("missing") && message.contains(norm), "{message}");
    let message = after(|tensors| drop(tensors.insert("stray".to_owned(), (vec![1], vec![0.0]))));
    assert!(message.contains("unknown: stray"), "{message}");
    let message = after(|tensors| tensors.get_mut(norm).unwrap().0 = vec![20, 1]);
    assert!(message.contains("misshapen") && message.contains("[20, 1]"), "{message}");
    let message = after(|tensors| tensors.get_mut(norm).unwrap().1[3] = f32::NAN);
    assert!(message.contains("NaN") && message.contains(norm), "{message}");
    let message = after(|tensors| {
        let twice = tensors["encoder.mid_block.attentions.0.to_q.bias"].clone();
        tensors.insert("encoder.mid.attn_1.q.bias".to_owned(), twice);
    });
    assert!(message.contains("the same tensor"), "{message}");
    let message = after(|tensors| drop(tensors.remove("decoder.conv_in.weight")));
    assert!(message.contains("decoder.conv_in.weight"), "{message}");
    let message = after(|tensors| {
        tensors.get_mut("encoder.conv_in.weight").unwrap().0 = vec![8, 27];
    });
    assert!(message.contains("four dimensions"), "{message}");
    let message = after(|tensors| *tensors = Tensors::from([("a".into(), (vec![1], vec![0.0]))]));
    assert!(message.contains("AutoencoderKL"), "{message}");
    // Averages and losses are no part of a file of diffusers' either way, but nothing else is left out.
    let message = after(|tensors| drop(tensors.insert("betas".to_owned(), (vec![1], vec![0.0]))));
    assert!(message.contains("unknown: betas"), "{message}");
}
