//! Learning: the discriminator takes a step, then the generator, each with Adam.
//!
//! Source: Isola et al. 2017, section 3.3: rate 2·10⁻⁴, betas 0.5 and 0.999, λ = 100, the discriminator's loss halved.
//! In the order of the authors' code: a batch is drawn once, the discriminator learns from it, and what the generator
//! learns comes from the discriminator after its step.
//!
//! Choices: the absolute error is of samples in −1…1, as in the paper, where λ belongs. Nothing in a step is random,
//! since the paper's dropout is left out; what a run comes to follows from the seed of the first parameters and from
//! the batches.
//!
//! Limits: the rate is constant. A step with numbers that are not finite is refused, and changes nothing.

use lookalike_kernels::{Adam, Processor};

use super::losses::{absolute_error, discriminator_loss, generator_loss};
use super::patch_gan::PatchGan;
use super::unet::{Trace, Unet};
use super::{expect, pictures};
use crate::{Error, Result};

/// The rate of Adam.
pub const RATE: f32 = 2e-4;
/// How much of both moments of Adam is kept.
pub const BETAS: [f32; 2] = [0.5, 0.999];
/// λ, the weight of the absolute error.
pub const ABSOLUTE_WEIGHT: f64 = 100.0;

/// Parameters of a network, and Adam's moments of them.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The parameters.
    pub parameters: Vec<f32>,
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments.
    pub second: Vec<f32>,
}

/// All that a run needs to go on with the same bits.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    /// Steps that were done.
    pub step: u64,
    /// The generator's.
    pub generator: State,
    /// The discriminator's.
    pub discriminator: State,
}

/// What the losses of a batch were, before the step of whom they are of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// The discriminator's, halved: ln 2 for one that cannot tell, 0 at best.
    pub discriminator: f64,
    /// The generator's of the discriminator, −ln D(x, G(x)): 0 at best.
    pub adversarial: f64,
    /// The mean absolute error of samples in −1…1, without its weight: 0 at best, 2 at worst.
    pub absolute: f64,
}

impl Losses {
    /// The generator's loss.
    pub fn generator(&self) -> f64 {
        self.adversarial + ABSOLUTE_WEIGHT * self.absolute
    }
}

/// A generator and its discriminator, at a step.
#[derive(Clone, Debug)]
pub struct Pix2Pix {
    generator: Unet,
    discriminator: PatchGan,
    states: States,
}

impl State {
    fn new(parameters: Vec<f32>) -> Self {
        let zeros = vec![0.0; parameters.len()];
        Self { parameters, first: zeros.clone(), second: zeros }
    }

    fn check(&self, whose: &str, count: usize) -> Result<()> {
        let Self { parameters, first, second } = self;
        for (what, numbers) in
            [("parameters", parameters), ("first moments", first), ("second moments", second)]
        {
            expect(&format!("{what} of the {whose}"), count, numbers.len())?;
            if let Some(found) = numbers.iter().find(|number| !number.is_finite()) {
                return Err(Error::Refused(format!(
                    "{what} of the {whose}: expected finite numbers, found {found}"
                )));
            }
        }
        Ok(())
    }

    fn descend(&mut self, step: u64, gradient: &[f32]) -> Result<()> {
        let adam = Adam { rate: RATE, betas: BETAS, ..Adam::default() };
        let Self { parameters, first, second } = self;
        Ok(adam.step(Processor::best(), step, parameters, gradient, first, second)?)
    }
}

/// Samples in 0…1 brought to −1…1.
fn signed(samples: &[f32]) -> Vec<f32> {
    samples.iter().map(|sample| 2.0 * sample - 1.0).collect()
}

impl Pix2Pix {
    /// At the start of a run of a seed.
    ///
    /// # Errors
    /// [`Error::Refused`] where the two are for pictures of different sides.
    pub fn new(generator: Unet, discriminator: PatchGan, seed: u64) -> Result<Self> {
        let of_generator = State::new(generator.initial(seed));
        let tensors = generator.tensors().len() as u64;
        let of_discriminator = State::new(discriminator.initial(seed, tensors));
        let states = States { step: 0, generator: of_generator, discriminator: of_discriminator };
        Self::resume(generator, discriminator, states)
    }

    /// At the step of the states of a run.
    ///
    /// # Errors
    /// [`Error::Refused`] where the two are for pictures of different sides, or the states are of other networks or
    /// not finite.
    pub fn resume(generator: Unet, discriminator: PatchGan, states: States) -> Result<Self> {
        expect("the side of the discriminator's pictures", generator.side(), discriminator.side())?;
        states.generator.check("generator", generator.count())?;
        states.discriminator.check("discriminator", discriminator.count())?;
        Ok(Self { generator, discriminator, states })
    }

    /// The generator.
    pub fn generator(&self) -> &Unet {
        &self.generator
    }

    /// The discriminator.
    pub fn discriminator(&self) -> &PatchGan {
        &self.discriminator
    }

    /// Parameters and moments after the steps done.
    pub fn states(&self) -> &States {
        &self.states
    }

    /// The pictures of sources, each three planes of side × side samples, in −1…1 for sources and 0…1 for pictures.
    ///
    /// # Errors
    /// Those of [`Unet::run`].
    pub fn draw(&self, sources: &[f32]) -> Result<Vec<f32>> {
        self.generator.run(&self.states.generator.parameters, sources)
    }

    /// Learns from a batch of pairs: `batch` sources in −1…1 and as many pictures in 0…1, each three planes of side ×
    /// side samples.
    ///
    /// # Errors
    /// [`Error::Refused`] where these are not as many, a sample is NaN or outside its range, or a loss or a derivative
    /// is not finite, and then nothing was changed; [`Error::Train`], [`Error::Kernel`].
    pub fn step(&mut self, sources: &[f32], targets: &[f32], batch: usize) -> Result<Losses> {
        let size = self.generator.size();
        expect("sources of a batch", batch, pictures("sources", sources, size, [-1.0, 1.0])?)?;
        expect("pictures of a batch", batch, pictures("pictures", targets, size, [0.0, 1.0])?)?;
        let step = self.states.step + 1;
        let drawn = self.generator.trace(&self.states.generator.parameters, sources)?;
        expect_finite(step, "a drawn picture", drawn.output())?;
        let mut discriminator = self.states.discriminator.clone();
        let (real, judged) = (signed(targets), signed(drawn.output()));
        let both = [&real[..], &judged];
        let (loss, gradient) =
            self.discriminator_objective(&discriminator.parameters, sources, both, step)?;
        discriminator.descend(step, &gradient)?;
        let ([adversarial, absolute], gradient) =
            self.generator_objective(&discriminator.parameters, [sources, targets], &drawn, step)?;
        self.states.generator.descend(step, &gradient)?;
        self.states.discriminator = discriminator;
        self.states.step = step;
        Ok(Losses { discriminator: loss, adversarial, absolute })
    }

    /// The discriminator's loss of true pictures and drawn ones, in −1…1, and its derivatives with respect to the
    /// discriminator's parameters.
    pub(super) fn discriminator_objective(
        &self,
        parameters: &[f32],
        sources: &[f32],
        [real, drawn]: [&[f32]; 2],
        step: u64,
    ) -> Result<(f64, Vec<f32>)> {
        let (sources, both) = ([sources; 2].concat(), [real, drawn].concat());
        let trace = self.discriminator.trace(parameters, &sources, &both)?;
        let logits = trace.output();
        expect_finite(step, "a logit", logits)?;
        let (of_real, of_drawn) = logits.split_at(logits.len() / 2);
        let (loss, slopes) = discriminator_loss(of_real, of_drawn)?;
        let mut gradient = vec![0.0; parameters.len()];
        self.discriminator.backward(parameters, &trace, slopes.concat(), &mut gradient, false)?;
        expect_finite(step, "a derivative of the discriminator", &gradient)?;
        Ok((loss, gradient))
    }

    /// The generator's two losses, adversarial and absolute, of what it drew of sources to be as the targets in 0…1,
    /// and the derivatives of their weighted sum with respect to its parameters.
    pub(super) fn generator_objective(
        &self,
        discriminator: &[f32],
        [sources, targets]: [&[f32]; 2],
        drawn: &Trace,
        step: u64,
    ) -> Result<([f64; 2], Vec<f32>)> {
        let judged = signed(drawn.output());
        let trace = self.discriminator.trace(discriminator, sources, &judged)?;
        expect_finite(step, "a logit", trace.output())?;
        let (adversarial, slopes) = generator_loss(trace.output())?;
        let mut unused = vec![0.0; discriminator.len()];
        let found =
            self.discriminator.backward(discriminator, &trace, slopes, &mut unused, true)?;
        let (absolute, of_absolute) = absolute_error(&judged, &signed(targets))?;
        let mut upstream = found.unwrap_or_default();
        for (slope, more) in upstream.iter_mut().zip(of_absolute) {
            // A sample in 0…1 counts twice in −1…1.
            *slope = 2.0 * (*slope + ABSOLUTE_WEIGHT as f32 * more);
        }
        let mut gradient = vec![0.0; self.generator.count()];
        let parameters = &self.states.generator.parameters;
        self.generator.backward(parameters, drawn, upstream, &mut gradient, false)?;
        expect_finite(step, "a derivative of the generator", &gradient)?;
        Ok(([adversarial, absolute], gradient))
    }
}

/// # Errors
/// [`Error::Refused`] where a number is not finite.
fn expect_finite(step: u64, what: &str, numbers: &[f32]) -> Result<()> {
    match numbers.iter().find(|number| !number.is_finite()) {
        None => Ok(()),
        Some(found) => Err(Error::Refused(format!(
            "step {step}: {what} is {found}; nothing was changed: go on from an earlier state, or with other batches"
        ))),
    }
}
