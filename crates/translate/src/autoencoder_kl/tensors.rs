//! Names and shapes of all tensors of an autoencoder, as diffusers has them today.

use super::config::Config;

/// A tensor's name and shape.
pub(super) type Described = (String, Vec<usize>);

/// All tensors, in the order of the modules.
pub(super) fn tensors(config: &Config) -> Vec<Described> {
    let mut layout = Layout(Vec::new());
    let Config { channels, block_out_channels: levels, latent_channels, .. } = config;
    let (latents, deepest, last) = (*latent_channels, config.deepest(), levels.len() - 1);
    let shallowest = levels[0];

    layout.convolution("encoder.conv_in", [shallowest, *channels], 3);
    let mut inputs = shallowest;
    for (level, &outputs) in levels.iter().enumerate() {
        let path = format!("encoder.down_blocks.{level}");
        layout.residuals(&path, [inputs, outputs], config.layers_per_block);
        if level < last {
            layout.convolution(&format!("{path}.downsamplers.0.conv"), [outputs; 2], 3);
        }
        inputs = outputs;
    }
    layout.middle("encoder.mid_block", deepest);
    layout.normalisation("encoder.conv_norm_out", deepest);
    layout.convolution("encoder.conv_out", [2 * latents, deepest], 3);

    layout.convolution("decoder.conv_in", [deepest, latents], 3);
    let mut inputs = deepest;
    for (level, &outputs) in levels.iter().rev().enumerate() {
        let path = format!("decoder.up_blocks.{level}");
        layout.residuals(&path, [inputs, outputs], config.layers_per_block + 1);
        if level < last {
            layout.convolution(&format!("{path}.upsamplers.0.conv"), [outputs; 2], 3);
        }
        inputs = outputs;
    }
    layout.middle("decoder.mid_block", deepest);
    layout.normalisation("decoder.conv_norm_out", shallowest);
    layout.convolution("decoder.conv_out", [*channels, shallowest], 3);

    if config.quant_conv {
        layout.convolution("quant_conv", [2 * latents; 2], 1);
    }
    if config.post_quant_conv {
        layout.convolution("post_quant_conv", [latents; 2], 1);
    }
    layout.0
}

struct Layout(Vec<Described>);

impl Layout {
    /// A weight and a bias.
    fn layer(&mut self, path: &str, weight: Vec<usize>) {
        let outputs = weight[0];
        self.0.push((format!("{path}.weight"), weight));
        self.0.push((format!("{path}.bias"), vec![outputs]));
    }

    fn convolution(&mut self, path: &str, [outputs, inputs]: [usize; 2], kernel: usize) {
        self.layer(path, vec![outputs, inputs, kernel, kernel]);
    }

    fn normalisation(&mut self, path: &str, channels: usize) {
        self.layer(path, vec![channels]);
    }

    /// The residual blocks of a level.
    fn residuals(&mut self, path: &str, [inputs, outputs]: [usize; 2], count: usize) {
        for index in 0..count {
            let inputs = if index == 0 { inputs } else { outputs };
            self.residual(&format!("{path}.resnets.{index}"), [inputs, outputs]);
        }
    }

    fn residual(&mut self, path: &str, [inputs, outputs]: [usize; 2]) {
        self.normalisation(&format!("{path}.norm1"), inputs);
        self.convolution(&format!("{path}.conv1"), [outputs, inputs], 3);
        self.normalisation(&format!("{path}.norm2"), outputs);
        self.convolution(&format!("{path}.conv2"), [outputs; 2], 3);
        if inputs != outputs {
            self.convolution(&format!("{path}.conv_shortcut"), [outputs, inputs], 1);
        }
    }

    /// What stands between the levels' way down and up, or the latents.
    fn middle(&mut self, path: &str, channels: usize) {
        let attention = format!("{path}.attentions.0");
        self.normalisation(&format!("{attention}.group_norm"), channels);
        for name in ["to_q", "to_k", "to_v", "to_out.0"] {
            self.layer(&format!("{attention}.{name}"), vec![channels; 2]);
        }
        self.residuals(path, [channels; 2], 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_diffusion_has_as_many_parameters_as_published() {
        let tensors = tensors(&Config::stable_diffusion());
        assert_eq!(tensors.len(), 248);
        let count = |start: &str| -> usize {
            let own = tensors.iter().filter(|(name, _)| name.starts_with(start));
            own.map(|(_, shape)| shape.iter().product::<usize>()).sum()
        };
        assert_eq!(count("encoder.") + count("quant_conv."), 34_163_592 + 72);
        assert_eq!(count("decoder.") + count("post_quant_conv."), 49_490_179 + 20);
        assert_eq!(count(""), 83_653_863);
    }
}
