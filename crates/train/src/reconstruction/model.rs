//! A model that draws pictures: an encoder, a code, and a decoder; or one network that sharpens.
//!
//! Parameters of all networks stand in one vector, the encoder's before the decoder's.

use std::path::Path;

use lookalike_nn::Compute;
use serde::{Deserialize, Serialize};

use super::code::{means, sample};
use super::presets::Preset;
use crate::files::failed;
use crate::losses::{Batch, Terms};
use crate::network::Network;
use crate::{Error, Result, model_file};

const KEY: &str = "lookalike.reconstruction";

/// What a model is, apart from its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The preset's name.
    pub network: String,
    /// Height and width that it was learned at.
    pub side: usize,
    /// 1 or 3.
    pub channels: usize,
    /// Numbers of the code; 0 for networks without one.
    pub code: usize,
    /// Whether the code is a distribution.
    pub stochastic: bool,
    /// By how much pictures are enlarged; 1 for autoencoders.
    pub factor: usize,
    /// Whether what the network gives is added to its input.
    pub residual: bool,
}

/// A model of a plan.
#[derive(Clone, Debug)]
pub struct Model {
    /// What it is.
    pub plan: Plan,
    encoder: Option<Network>,
    decoder: Network,
}

/// What a step found.
pub(super) struct Found {
    /// The loss, with the rate of a stochastic code.
    pub(super) loss: f64,
    /// Every term without its weight.
    pub(super) terms: Vec<f64>,
    /// Of a stochastic code, in nats a picture.
    pub(super) kl: Option<f64>,
    /// Least and most of the output.
    pub(super) range: [f32; 2],
    pub(super) gradient: Vec<f32>,
}

impl Model {
    /// # Errors
    /// [`Error::Refused`] for networks that do not exist or do not fit the side.
    pub fn new(plan: Plan) -> Result<Self> {
        let preset = Preset::named(&plan.network)?;
        let (side, channels) = (plan.side, plan.channels);
        if preset.is_super_resolution() {
            let layers = preset.super_resolution(channels)?;
            let decoder = Network::new("decoder", [channels, side, side], &layers)?;
            return Ok(Self { plan, encoder: None, decoder });
        }
        let [encoder, decoder] = {
            let width = if plan.stochastic { 2 * plan.code } else { plan.code };
            preset.autoencoder([channels, side], width)?
        };
        let encoder = Network::new("encoder", [channels, side, side], &encoder)?;
        let code = if plan.code == 0 { encoder.output() } else { [plan.code, 1, 1] };
        let decoder = Network::new("decoder", code, &decoder)?;
        Ok(Self { plan, encoder: Some(encoder), decoder })
    }

    /// The same sharpening network for pictures of another size.
    ///
    /// # Errors
    /// [`Error::Refused`] for autoencoders, whose size is fixed.
    pub fn at(&self, [height, width]: [usize; 2]) -> Result<Self> {
        let layers = Preset::named(&self.plan.network)?.super_resolution(self.plan.channels)?;
        let decoder = Network::new("decoder", [self.plan.channels, height, width], &layers)?;
        let decoder = decoder.on(self.decoder.compute())?;
        Ok(Self { decoder, ..self.clone() })
    }

    /// The same model, computed elsewhere.
    ///
    /// # Errors
    /// Those of [`Network::on`].
    pub fn on(self, compute: &Compute) -> Result<Self> {
        let encoder = self.encoder.map(|encoder| encoder.on(compute)).transpose()?;
        Ok(Self { encoder, decoder: self.decoder.on(compute)?, ..self })
    }

    /// Parameters.
    pub fn count(&self) -> usize {
        self.of_encoder() + self.decoder.count()
    }

    fn of_encoder(&self) -> usize {
        self.encoder.as_ref().map_or(0, Network::count)
    }

    /// Channels, height and width of what it draws.
    pub fn output(&self) -> [usize; 3] {
        self.decoder.output()
    }

    /// Names and shapes of all tensors.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = self.encoder.as_ref().map_or_else(Vec::new, Network::tensors);
        tensors.extend(self.decoder.tensors());
        tensors
    }

    /// Numbers to start from.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let mut numbers = self.encoder.as_ref().map_or_else(Vec::new, |e| e.initial(seed, 0));
        let first = self.encoder.as_ref().map_or(0, |encoder| encoder.tensors().len());
        numbers.extend(self.decoder.initial(seed, first as u64));
        numbers
    }

    /// The codes of pictures, `code` numbers each, the means where they are stochastic; and the mean KL there.
    ///
    /// # Errors
    /// [`Error::Refused`] for a network without a code; those of [`Network::run`].
    pub fn encode(&self, parameters: &[f32], pictures: &[f32]) -> Result<(Vec<f32>, Option<f64>)> {
        let Some(encoder) = &self.encoder else {
            return Err(Error::Refused(format!("{} has no code", self.plan.network)));
        };
        let found = encoder.run(&parameters[..encoder.count()], pictures)?;
        Ok(if self.plan.stochastic {
            let (codes, kl) = means(&found, self.plan.code);
            (codes, Some(kl))
        } else {
            (found, None)
        })
    }

    /// What becomes of pictures; a stochastic code is its mean.
    ///
    /// # Errors
    /// Those of [`Network::run`].
    pub fn draw(&self, parameters: &[f32], pictures: &[f32]) -> Result<(Vec<f32>, Option<f64>)> {
        let decoder = &parameters[self.of_encoder()..];
        if self.encoder.is_none() {
            let mut drawn = self.decoder.run(decoder, pictures)?;
            self.add_input(pictures, &mut drawn);
            return Ok((drawn, None));
        }
        let (codes, kl) = self.encode(parameters, pictures)?;
        Ok((self.decoder.run(decoder, &codes)?, kl))
    }

    /// Adds the middle of the input to what a residual network gave.
    fn add_input(&self, input: &[f32], drawn: &mut [f32]) {
        if !self.plan.residual {
            return;
        }
        let ([_, height, width], [_, rows, columns]) = (self.decoder.input(), self.output());
        let [top, left] = [(height - rows) / 2, (width - columns) / 2];
        let planes = input.chunks(height * width).zip(drawn.chunks_mut(rows * columns));
        for (from, to) in planes {
            for (row, to) in to.chunks_mut(columns).enumerate() {
                let from = &from[(top + row) * width + left..][..columns];
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }

    /// The loss of a batch and its derivatives with respect to the parameters, for a code that is no distribution.
    ///
    /// # Errors
    /// Those of [`Network::run`] and of the losses; [`Error::Refused`] for a stochastic code.
    pub fn loss_and_gradient(
        &self,
        parameters: &[f32],
        input: &[f32],
        target: &[f32],
        terms: &Terms,
    ) -> Result<(f64, Vec<f32>)> {
        if self.plan.stochastic {
            return Err(Error::Refused("expected a code that is no distribution".to_owned()));
        }
        let found = self.step(parameters, [input, target], terms, (1.0, 0, 0))?;
        Ok((found.loss, found.gradient))
    }

    /// The loss of a batch and its derivatives. `weight` is C of a stochastic code.
    pub(super) fn step(
        &self,
        parameters: &[f32],
        [input, target]: [&[f32]; 2],
        terms: &Terms,
        (weight, seed, step): (f64, u64, u64),
    ) -> Result<Found> {
        let (of_encoder, of_decoder) = parameters.split_at(self.of_encoder());
        let mut gradient = vec![0.0; parameters.len()];
        let (to_encoder, to_decoder) = gradient.split_at_mut(self.of_encoder());
        let encoded = match &self.encoder {
            Some(encoder) => Some(encoder.trace(of_encoder, input)?),
            None => None,
        };
        let sampled = match &encoded {
            Some(trace) if self.plan.stochastic => {
                Some(sample(trace.output(), self.plan.code, seed, step))
            }
            _ => None,
        };
        let code = match (&sampled, &encoded) {
            (Some(sampled), _) => &sampled.code,
            (None, Some(trace)) => trace.output(),
            (None, None) => input,
        };
        let decoded = self.decoder.trace(of_decoder, code)?;
        let mut drawn = decoded.output().to_vec();
        if self.encoder.is_none() {
            self.add_input(input, &mut drawn);
        }
        let range = drawn.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[least, most], &x| {
            // What is no number shows in the loss.
            [least.min(x), most.max(x)]
        });
        let [channels, height, width] = self.output();
        let batch = drawn.len() / (channels * height * width).max(1);
        let shape = [batch, channels, height, width];
        let mut slopes = vec![0.0; drawn.len()];
        let (mut loss, terms) = terms.evaluate(
            &Batch::new(shape, target)?,
            &Batch::new(shape, &drawn)?,
            &mut slopes,
        )?;
        if let Some(sampled) = &sampled {
            loss = weight * loss + sampled.kl;
            slopes.iter_mut().for_each(|slope| *slope *= weight as f32);
        }
        let wanted = self.encoder.is_some();
        let of_code = self.decoder.backward(of_decoder, &decoded, slopes, to_decoder, wanted)?;
        if let (Some(encoder), Some(trace), Some(of_code)) = (&self.encoder, &encoded, of_code) {
            let upstream = match &sampled {
                Some(sampled) => sampled.backward(trace.output(), self.plan.code, &of_code),
                None => of_code,
            };
            encoder.backward(of_encoder, trace, upstream, to_encoder, false)?;
        }
        let kl = sampled.map(|sampled| sampled.kl);
        Ok(Found { loss, terms, kl, range, gradient })
    }

    /// A file of the model.
    ///
    /// # Errors
    /// [`Error::Refused`] where the numbers are not as many.
    pub fn file(&self, parameters: &[f32]) -> Result<Vec<u8>> {
        model_file::write(KEY, &self.plan, &self.tensors(), parameters)
    }

    /// Reads a file: the model, computed where this process computes ([`Compute::chosen`]), and its parameters.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Unsuitable`] when a tensor is missing, unknown, misshapen or not finite.
    pub fn read(path: &Path) -> Result<(Self, Vec<f32>)> {
        let bytes = std::fs::read(path).map_err(failed(path, "read"))?;
        let unsuitable = |reason: String| Error::Unsuitable {
            path: path.to_owned(),
            reason: format!(
                "expected the model.safetensors of lookalike train autoencoder, vae or super-resolution: {reason}"
            ),
        };
        let plan: Plan = model_file::plan(KEY, &bytes).map_err(unsuitable)?;
        let most = |n: usize| (1..=4096).contains(&n);
        if !most(plan.side) || !most(plan.channels) || !most(plan.factor) || plan.code > 1 << 20 {
            return Err(unsuitable("its header asks for a network without measure".to_owned()));
        }
        let model =
            Self::new(plan).map_err(|e| unsuitable(e.to_string()))?.on(&Compute::chosen())?;
        let parameters = model_file::numbers(&bytes, &model.tensors()).map_err(unsuitable)?;
        Ok((model, parameters))
    }
}
