//! Drawing with a model: noise becomes a picture, step by step, while the network is shown the source.
//!
//! With guidance the network is asked without the source, with it alone and with all, and what each condition changes
//! is exaggerated (InstructPix2Pix). The noise follows from the seed alone: the same seed, picture and model give the
//! same bits, for any number of pictures and threads.

use std::path::Path;

use lookalike_core::Picture;
use lookalike_train::random::{Purpose, Stream};
use lookalike_train::reconstruction::picture_of;

use crate::autoencoder_kl::AutoencoderKl;
use crate::data::squared;
use crate::diffusion::flow::levels::levels;
use crate::diffusion::guidance::{GuidedChannels, TwoConditions, TwoScales, two_conditions};
use crate::diffusion::sampler::{Method, Plan as Steps, Sampler, Settings};
use crate::diffusion::{GuidanceInterval, Schedule, Spacing, Variance};
use crate::dit::{Dit, Input};
use crate::embedder::Embedder;
use crate::examples::{centred, samples};
use crate::model::{Latents, Model, Plan};
use crate::noised::TIMES;
use crate::process::Process;
use crate::{Error, Result};

/// Steps along a flow, and of a discrete process.
const STEPS: [usize; 2] = [12, 50];

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    /// Heun, or DDIM for discrete processes, where none is given.
    pub method: Option<Method>,
    /// 12, or 50 for discrete processes, where none is given.
    pub steps: Option<usize>,
    /// How much the source is exaggerated; 1 for not at all.
    pub guidance_image: f64,
    /// How much the vector is exaggerated; 1 for not at all.
    pub guidance_vector: f64,
    /// Noise levels between which anything is exaggerated.
    pub interval: Option<[f64; 2]>,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            method: None,
            steps: None,
            guidance_image: 1.0,
            guidance_vector: 1.0,
            interval: None,
        }
    }
}

/// What a network is shown: the source as samples in −1…1 or latents, and its vector.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The source.
    pub source: &'a [f32],
    /// The vector.
    pub vector: Option<&'a [f32]>,
}

/// How a plan's networks draw.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// `None` for regression.
    sampler: Option<Sampler>,
    scales: TwoScales,
    channels: GuidedChannels,
    interval: GuidanceInterval,
    /// What a sampler's time is multiplied by: to what the network is told, and to a noise level.
    times: [f64; 2],
    reads_source: bool,
    reads_vector: bool,
    /// What guidance asks besides: with the source alone, and with nothing.
    asks: [bool; 2],
}

impl Drawing {
    /// The usual way.
    ///
    /// # Errors
    /// [`Error::Refused`] for processes without measure.
    pub fn of_plan(plan: &Plan) -> Result<Self> {
        Self::new(plan, &Choices::default())
    }

    /// A chosen way.
    ///
    /// # Errors
    /// [`Error::Refused`] for methods, steps and scales that do not fit the plan.
    pub fn new(plan: &Plan, choices: &Choices) -> Result<Self> {
        let architecture = plan.architecture;
        let learned = architecture.outputs > architecture.channels;
        let settings = Settings {
            variance: if learned { Variance::LearnedRange } else { Variance::FixedSmall },
            clamp: plan.latents.is_none(),
            ..Settings::new(plan.prediction)
        };
        let (sampler, times) = match plan.process {
            Process::Flow { .. } => {
                let steps = Steps::flow(levels(choices.steps.unwrap_or(STEPS[0]), 1.0)?)?;
                (
                    Some(Sampler::new(steps, choices.method.unwrap_or(Method::Heun), settings)?),
                    [TIMES, 1.0],
                )
            }
            Process::Discrete { betas, steps } => {
                let schedule = Schedule::new(betas, steps)?;
                let count = choices.steps.unwrap_or(STEPS[1].min(steps));
                let kept = Steps::discrete(&schedule, Spacing::Even, count)?;
                let method = choices.method.unwrap_or(Method::Ddim { eta: 0.0 });
                (Some(Sampler::new(kept, method, settings)?), [1.0, 1.0 / steps as f64])
            }
            Process::None => {
                if choices.method.is_some() || choices.steps.is_some() {
                    return Err(Error::Refused(
                        "this model draws at once: expected neither a sampler nor steps".to_owned(),
                    ));
                }
                (None, [1.0; 2])
            }
        };
        let interval = match choices.interval {
            Some([low, high]) => GuidanceInterval::new(low, high)?,
            None => GuidanceInterval::default(),
        };
        let reads_source = architecture.beside > 0 || architecture.sequence > 0;
        let reads_vector = architecture.vector > 0;
        for (scale, reads, what) in [
            (choices.guidance_image, reads_source, "source"),
            (choices.guidance_vector, reads_vector, "vector"),
        ] {
            if !scale.is_finite() || (scale != 1.0 && (!reads || sampler.is_none())) {
                return Err(Error::Refused(format!(
                    "guidance {scale} of the {what}: expected a number, and 1 for a model that does not read it"
                )));
            }
        }
        // With equal scales it does not matter what the source says alone, and nothing but it is nothing.
        let [image, vector] = [choices.guidance_image, choices.guidance_vector];
        let alone = reads_source && reads_vector && image != vector;
        let nothing = image != 1.0 || (!reads_source && vector != 1.0);
        let asks = [alone, nothing];
        Ok(Self {
            sampler,
            scales: TwoScales { image: choices.guidance_image, clip: choices.guidance_vector },
            channels: GuidedChannels::first(architecture.channels, architecture.outputs)?,
            interval,
            times,
            reads_source,
            reads_vector,
            asks,
        })
    }

    /// The method's name.
    pub fn method_name(&self) -> String {
        self.sampler.as_ref().map_or("none".to_owned(), |sampler| sampler.method().to_string())
    }

    /// Steps.
    pub fn steps(&self) -> usize {
        self.sampler.as_ref().map_or(1, |sampler| sampler.plan().steps())
    }

    /// How often the network is asked for a picture, at most.
    pub fn evaluations(&self) -> usize {
        let [alone, nothing] = self.asks.map(usize::from);
        (1 + alone + nothing) * self.sampler.as_ref().map_or(1, Sampler::evaluations)
    }

    /// What a network with its parameters draws: samples in −1…1, or latents.
    ///
    /// # Errors
    /// [`Error::Refused`] where sizes do not fit, or numbers cease to be finite.
    pub fn draw(
        &self,
        dit: &Dit,
        parameters: &[f32],
        shown: &Shown<'_>,
        seed: u64,
    ) -> Result<Vec<f32>> {
        let Some(sampler) = &self.sampler else {
            let input = Input {
                x: shown.source,
                time: 0.0,
                class: None,
                source: None,
                vector: shown.vector,
            };
            return dit.run(parameters, &input);
        };
        let architecture = dit.architecture();
        let count = architecture.channels * architecture.side * architecture.side;
        let start = Stream::new(seed, Purpose::Drawing, 0).normals(count);
        let [told, level] = self.times;
        let source = self.reads_source.then_some(shown.source);
        let vector = shown.vector.filter(|_| self.reads_vector);
        let mut network = |x: &[f32], time: f64| {
            let shown =
                |source, vector| Input { x, time: told * time, class: None, source, vector };
            let mut asked = vec![shown(source, vector)];
            let guided = self.interval.contains(time * level);
            let asks = self.asks.map(|asks| asks && guided);
            asked.extend(asks[0].then(|| shown(source, None)));
            asked.extend(asks[1].then(|| shown(None, None)));
            let mut found = dit.run_all(parameters, &asked)?.into_iter();
            let full = found.next().unwrap_or_default();
            if asks == [false; 2] {
                return Ok(full);
            }
            let alone = if asks[0] { found.next() } else { None };
            let nothing = if asks[1] { found.next() } else { None };
            let alone = match (alone, &nothing) {
                (Some(alone), _) => alone,
                // Without a source there is nothing but the vector.
                (None, Some(nothing)) if !self.reads_source => nothing.clone(),
                (None, _) => full.clone(),
            };
            // Where the source is not exaggerated, what there is without it has no part.
            let nothing = nothing.unwrap_or_else(|| alone.clone());
            let outputs = TwoConditions { unconditional: &nothing, image: &alone, full: &full };
            two_conditions(outputs, self.scales, self.channels)
        };
        let mut noise =
            |step: usize| Stream::new(seed, Purpose::Drawing, 1 + step as u64).normals(count);
        sampler.sample(&start, &mut network, &mut noise)
    }
}

/// A model with all that it needs to draw of pictures.
pub struct Translator {
    model: Model,
    drawing: Drawing,
    embedder: Option<Embedder>,
    vae: Option<AutoencoderKl>,
}

impl Translator {
    /// A model, and the autoencoder of its latents where it draws such.
    ///
    /// # Errors
    /// [`Error::Refused`] without that autoencoder, or with another; what embedders and choices are refused for.
    pub fn new(model: Model, vae: Option<&Path>, choices: &Choices) -> Result<Self> {
        let drawing = Drawing::new(&model.plan, choices)?;
        let embedder = model.plan.embedder.as_deref().map(Embedder::named).transpose()?;
        let vae = match (&model.plan.latents, vae) {
            (None, None) => None,
            (None, Some(path)) => {
                return Err(Error::Refused(format!(
                    "{}: this model draws pictures, not latents; leave --vae out",
                    path.display()
                )));
            }
            (Some(latents), None) => {
                return Err(Error::Refused(format!(
                    "this model draws latents of the autoencoder with sha256 {}; give it with --vae PATH",
                    latents.sha256
                )));
            }
            (Some(latents), Some(path)) => {
                let found = Latents::of(path, latents.side)?;
                if found != *latents {
                    return Err(Error::Unsuitable {
                        path: path.to_owned(),
                        reason: format!(
                            "expected the autoencoder with sha256 {}, found {}",
                            latents.sha256, found.sha256
                        ),
                    });
                }
                Some(AutoencoderKl::read(path)?)
            }
        };
        if let Some(embedder) = &embedder
            && embedder.size() != model.plan.architecture.vector
        {
            return Err(Error::Refused(format!(
                "{}: expected vectors of {} numbers, found {}",
                embedder.name(),
                model.plan.architecture.vector,
                embedder.size()
            )));
        }
        Ok(Self { model, drawing, embedder, vae })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// How it draws.
    pub fn drawing(&self) -> &Drawing {
        &self.drawing
    }

    /// What the model draws of a picture of any size, at its own size, which is a square.
    ///
    /// # Errors
    /// What the parts refuse.
    pub fn translate(&self, picture: &Picture, seed: u64) -> Result<Picture> {
        let side = self.model.plan.side();
        let planes = squared(picture, side)?;
        let vector = match &self.embedder {
            Some(embedder) => Some(embedder.vector(&picture_of(3, [side, side], &planes)?)?),
            None => None,
        };
        let source = match &self.vae {
            Some(vae) => vae.scale(vae.encode(&centred(&planes), side, side)?.mean()),
            None => centred(&planes),
        };
        let shown = Shown { source: &source, vector: vector.as_deref() };
        let Model { dit, parameters, .. } = &self.model;
        let mut drawn = self.drawing.draw(dit, parameters, &shown, seed)?;
        if let Some(vae) = &self.vae {
            let side = self.model.plan.architecture.side;
            drawn = vae.picture(&vae.unscale(&drawn), side, side)?;
        }
        Ok(picture_of(3, [side, side], &samples(&drawn))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Part, shoe};

    /// Of held-out shoes: what the model that ships draws, the targets, and where the shoes are.
    fn drawn(choices: &Choices, seed: u64) -> Vec<[Vec<f32>; 2]> {
        let translator = Translator::new(Model::shipped().unwrap(), None, choices).unwrap();
        let held_out = 2_u64 << 31;
        let of = |number: u64| {
            let shoe = shoe(held_out + number, 32).unwrap();
            let drawn = translator.translate(&shoe.source, seed).unwrap();
            let planes = |picture: &Picture| squared(picture, 32).unwrap();
            assert!(shoe.regions.iter().any(|&region| region != Part::Background as u8));
            [planes(&drawn), planes(&shoe.target)]
        };
        (1000..1012).map(of).collect()
    }

    fn apart(pairs: &[[Vec<f32>; 2]]) -> f64 {
        let one = |[a, b]: &[Vec<f32>; 2]| {
            let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum();
            sum / a.len() as f64
        };
        pairs.iter().map(one).sum::<f64>() / pairs.len() as f64
    }

    /// How much of what either shows is shown by both.
    fn overlap(pairs: &[[Vec<f32>; 2]]) -> f64 {
        let (mut both, mut either) = (0, 0);
        for [a, b] in pairs {
            let shown = |planes: &[f32], at: usize| (0..3).any(|c| planes[c * 1024 + at] < 0.85);
            for at in 0..1024 {
                let (a, b) = (shown(a, at), shown(b, at));
                both += usize::from(a && b);
                either += usize::from(a || b);
            }
        }
        both as f64 / either as f64
    }

    #[test]
    fn what_ships_draws_what_it_is_shown() {
        let usual = drawn(&Choices::default(), 1);
        assert!(apart(&usual) < 0.08, "{}", apart(&usual));
        assert!(overlap(&usual) > 0.9, "{}", overlap(&usual));
        // The outline decides the shape, and the noise the colours.
        let other = drawn(&Choices::default(), 2);
        assert_ne!(usual, other);
        assert!(overlap(&other) > 0.9);
        let mut strangers = usual.clone();
        for at in 0..12 {
            strangers[at][1] = usual[(at + 5) % 12][1].clone();
        }
        assert!(overlap(&strangers) < 0.7, "{}", overlap(&strangers));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert!(pool.install(|| drawn(&Choices::default(), 1)) == usual);
        for method in ["euler", "dpm++"] {
            let method = Some(method.parse().unwrap());
            let found = drawn(&Choices { method, steps: Some(16), ..Choices::default() }, 1);
            assert!(overlap(&found) > 0.85, "{method:?}: {}", overlap(&found));
        }
        let guided = drawn(&Choices { guidance_image: 1.5, ..Choices::default() }, 1);
        assert_ne!(guided, usual);
        assert!(overlap(&guided) > 0.85, "{}", overlap(&guided));
        let nowhere =
            Choices { guidance_image: 1.5, interval: Some([0.0, 0.0]), ..Choices::default() };
        assert!(drawn(&nowhere, 1) == usual);
    }

    #[test]
    fn guidance_asks_as_often_as_it_must() {
        let plan = Model::shipped().unwrap().plan;
        let of = |beside, vector, [image, of_vector]: [f64; 2]| {
            let architecture = crate::dit::Architecture { beside, vector, ..plan.architecture };
            let plan = Plan { architecture, ..plan.clone() };
            let (guidance_image, guidance_vector) = (image, of_vector);
            let choices = Choices { guidance_image, guidance_vector, ..Choices::default() };
            let drawing = Drawing::new(&plan, &choices).unwrap();
            drawing.evaluations() / Drawing::of_plan(&plan).unwrap().evaluations()
        };
        assert_eq!([of(3, 0, [1.0, 1.0]), of(3, 0, [2.0, 1.0])], [1, 2]);
        assert_eq!([of(0, 8, [1.0, 1.0]), of(0, 8, [1.0, 2.0])], [1, 2]);
        assert_eq!([of(3, 8, [1.0, 2.0]), of(3, 8, [2.0, 2.0])], [2, 2]);
        assert_eq!([of(3, 8, [2.0, 1.0]), of(3, 8, [2.0, 3.0])], [3, 3]);
    }

    #[test]
    fn what_does_not_fit_a_model_is_refused() {
        let plan = Model::shipped().unwrap().plan;
        let usual = Choices::default();
        for wrong in [
            Choices { method: Some(Method::Ddpm), ..usual },
            Choices { steps: Some(0), ..usual },
            Choices { guidance_vector: 2.0, ..usual },
            Choices { guidance_image: f64::NAN, ..usual },
            Choices { interval: Some([0.5, 0.1]), ..usual },
        ] {
            assert!(Drawing::new(&plan, &wrong).is_err(), "{wrong:?}");
        }
        let regression = Plan { process: Process::None, ..plan };
        assert!(Drawing::new(&regression, &usual).is_ok());
        assert!(Drawing::new(&regression, &Choices { steps: Some(3), ..usual }).is_err());
        let model = Model::shipped().unwrap();
        assert!(Translator::new(model, Some(Path::new("none")), &usual).is_err());
    }
}
