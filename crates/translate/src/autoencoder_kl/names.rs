//! The names of tensors in other layouts, as those of diffusers today.
//!
//! | layout | here |
//! |---|---|
//! | CompVis `encoder.down.I.block.J.nin_shortcut` | `encoder.down_blocks.I.resnets.J.conv_shortcut` |
//! | `encoder.down.I.downsample.conv` | `encoder.down_blocks.I.downsamplers.0.conv` |
//! | `decoder.up.I`, counted from the picture | `decoder.up_blocks.(levels − 1 − I)` |
//! | `mid.block_1`, `mid.attn_1`, `mid.block_2` | `mid_block.resnets.0`, `.attentions.0`, `.resnets.1` |
//! | `norm`, `q`, `k`, `v`, `proj_out` of attention | `group_norm`, `to_q`, `to_k`, `to_v`, `to_out.0` |
//! | older diffusers: `query`, `key`, `value`, `proj_attn` | the same |
//! | `norm_out` | `conv_norm_out` |

/// What a training file of CompVis holds beside the autoencoder: its discriminator, and averages over
/// training of what it also has as it is.
const OF_TRAINING: [&str; 2] = ["loss.", "model_ema."];

/// Where the autoencoder stands in a whole model.
const OF_WHOLE_MODEL: &str = "first_stage_model.";

/// Of what else a whole model consists.
const OTHER_PARTS: [&str; 5] =
    ["model.", "model_ema.", "cond_stage_model.", "conditioner.", "denoiser."];

/// Tables of a whole model's noise schedule.
const TABLES: [&str; 15] = [
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "betas",
    "log_one_minus_alphas_cumprod",
    "logvar",
    "lvlb_weights",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
    "posterior_variance",
    "scale_factor",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
];

/// The autoencoder's tensors among all names of a file: its own name for each, and the place in the file's
/// list. What belongs to known other parts is left out.
pub(super) fn own(names: &[String]) -> Vec<(usize, &str)> {
    let whole = names.iter().any(|name| name.starts_with(OF_WHOLE_MODEL));
    let starts = |name: &str, with: &[&str]| with.iter().any(|start| name.starts_with(start));
    let found = names.iter().enumerate().filter_map(|(index, name)| {
        let own = match name.strip_prefix(OF_WHOLE_MODEL) {
            Some(own) => own,
            None if whole && starts(name, &OTHER_PARTS) => return None,
            None if whole && TABLES.contains(&name.as_str()) => return None,
            None => name,
        };
        (!starts(own, &OF_TRAINING)).then_some((index, own))
    });
    found.collect()
}

/// Levels of the decoder by the names of its tensors.
pub(super) fn levels<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let index = |name: &str| {
        let rest = name.strip_prefix("decoder.up.").or(name.strip_prefix("decoder.up_blocks."))?;
        rest.split('.').next()?.parse::<usize>().ok()
    };
    names.filter_map(index).max().map_or(0, |last| last.saturating_add(1))
}

/// The name that diffusers has for a tensor; a name that is unknown stays as it is.
pub(super) fn current(name: &str, levels: usize) -> String {
    translated(name, levels).unwrap_or_else(|| name.to_owned())
}

fn translated(name: &str, levels: usize) -> Option<String> {
    let (path, last) = name.rsplit_once('.')?;
    let parts: Vec<&str> = path.split('.').collect();
    let (side, rest) = parts.split_first()?;
    let path = match (*side, rest) {
        ("encoder" | "decoder", ["norm_out"]) => "conv_norm_out".to_owned(),
        ("encoder" | "decoder", ["mid_block", "attentions", "0", part]) => {
            format!("mid_block.attentions.0.{}", of_attention(part)?)
        }
        ("encoder" | "decoder", ["mid", "attn_1", part]) => {
            format!("mid_block.attentions.0.{}", of_attention(part)?)
        }
        ("encoder" | "decoder", ["mid", "block_1", part]) => {
            format!("mid_block.resnets.0.{}", of_residual(part))
        }
        ("encoder" | "decoder", ["mid", "block_2", part]) => {
            format!("mid_block.resnets.1.{}", of_residual(part))
        }
        ("encoder", ["down", level, "block", index, part]) => {
            format!("down_blocks.{level}.resnets.{index}.{}", of_residual(part))
        }
        ("encoder", ["down", level, "downsample", "conv"]) => {
            format!("down_blocks.{level}.downsamplers.0.conv")
        }
        ("decoder", ["up", level, "block", index, part]) => {
            let level = reversed(level, levels)?;
            format!("up_blocks.{level}.resnets.{index}.{}", of_residual(part))
        }
        ("decoder", ["up", level, "upsample", "conv"]) => {
            format!("up_blocks.{}.upsamplers.0.conv", reversed(level, levels)?)
        }
        _ => return None,
    };
    Some(format!("{side}.{path}.{last}"))
}

/// A level counted from the latents, of one counted from the picture.
fn reversed(level: &str, levels: usize) -> Option<usize> {
    levels.checked_sub(1)?.checked_sub(level.parse().ok()?)
}

fn of_residual(part: &str) -> &str {
    if part == "nin_shortcut" { "conv_shortcut" } else { part }
}

fn of_attention(part: &str) -> Option<&'static str> {
    Some(match part {
        "norm" => "group_norm",
        "q" | "query" => "to_q",
        "k" | "key" => "to_k",
        "v" | "value" => "to_v",
        "proj_out" | "proj_attn" => "to_out.0",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_layout() {
        for (name, expected) in [
            ("encoder.conv_in.weight", "encoder.conv_in.weight"),
            (
                "encoder.down.1.block.0.nin_shortcut.bias",
                "encoder.down_blocks.1.resnets.0.conv_shortcut.bias",
            ),
            (
                "encoder.down.2.downsample.conv.weight",
                "encoder.down_blocks.2.downsamplers.0.conv.weight",
            ),
            ("decoder.up.3.block.2.norm1.weight", "decoder.up_blocks.0.resnets.2.norm1.weight"),
            ("decoder.up.1.upsample.conv.bias", "decoder.up_blocks.2.upsamplers.0.conv.bias"),
            ("decoder.mid.block_2.conv1.weight", "decoder.mid_block.resnets.1.conv1.weight"),
            ("decoder.mid.attn_1.norm.bias", "decoder.mid_block.attentions.0.group_norm.bias"),
            (
                "encoder.mid.attn_1.proj_out.weight",
                "encoder.mid_block.attentions.0.to_out.0.weight",
            ),
            (
                "encoder.mid_block.attentions.0.query.weight",
                "encoder.mid_block.attentions.0.to_q.weight",
            ),
            (
                "encoder.mid_block.attentions.0.to_out.0.bias",
                "encoder.mid_block.attentions.0.to_out.0.bias",
            ),
            ("encoder.norm_out.weight", "encoder.conv_norm_out.weight"),
            ("decoder.up.4.block.2.norm1.weight", "decoder.up.4.block.2.norm1.weight"),
            ("something.else", "something.else"),
        ] {
            assert_eq!(current(name, 4), expected);
        }
        let names = ["decoder.up.0.block.0.norm1.weight", "decoder.up.2.upsample.conv.weight", "x"];
        assert_eq!(levels(names.into_iter()), 3);
        assert_eq!(levels(std::iter::empty()), 0);
    }

    #[test]
    fn parts_of_a_whole_model_are_told_apart() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let whole = names(&["betas", "model.x", "first_stage_model.quant_conv.bias", "stray"]);
        assert_eq!(own(&whole), [(2, "quant_conv.bias"), (3, "stray")]);
        // On their own these are nobody's.
        let alone = names(&["betas", "loss.logvar", "model_ema.decay", "quant_conv.bias"]);
        assert_eq!(own(&alone), [(0, "betas"), (3, "quant_conv.bias")]);
    }
}
