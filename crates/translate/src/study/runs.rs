//! A row with a seed: learned or gone on with, drawn, and kept.

use lookalike_core::Picture;
use lookalike_deep::WeightSource;
use lookalike_train::reconstruction::picture_of;
use lookalike_train::session::{Progress, Resume, Settings, Stopped};
use lookalike_train::sha256;

use super::adversarial::{self, Networks};
use super::drawn::{Evaluation, Facts, Kept};
use super::part_colours::PartColours;
use super::rows::{Kind, Row};
use super::weights::learned;
use super::{Run, Study, Told};
use crate::drawing::{Drawing, Shown};
use crate::embedder::Embedder;
use crate::examples::{Examples, samples};
use crate::recipe::Recipe;
use crate::run::train_on;
use crate::{Error, Model, Result};

/// Steps between two checkpoints.
const CHECKPOINT_EVERY: u64 = 200;

/// A study under way.
pub(super) struct Studying<'a> {
    pub(super) study: &'a Study,
    pub(super) weights: &'a dyn WeightSource,
    /// Parameters of the transformer that pix2pix is to be as large as.
    pub(super) concat: usize,
    pub(super) plain: &'a Examples,
    pub(super) places: &'a [usize],
    pub(super) evaluation: Evaluation,
    /// The pairs with vectors, and what makes them; read when first needed.
    pub(super) seen: Option<(Embedder, Examples, Evaluation)>,
}

impl Studying<'_> {
    /// Why a row cannot be had.
    pub(super) fn missing(&self, row: &Row) -> Result<Option<String>> {
        let pairs = &self.plain.pairs;
        Ok(match row.kind {
            Kind::Transformer { metric: Some(id), .. } => {
                learned(id, pairs.side, self.weights)?.err()
            }
            Kind::Adversarial => Networks::new(pairs.side, self.concat)
                .err()
                .map(|error| format!("it has no size that fits: {error}")),
            Kind::PartColours if !PartColours::are_known(pairs) => {
                Some("only drawn shoes say what part a pixel belongs to (--drawn)".to_owned())
            }
            _ => None,
        })
    }

    pub(super) fn row(&mut self, row: &Row, seed: u64, progress: &mut Told<'_>) -> Result<Run> {
        let study = self.study;
        let folder = match row.kind {
            Kind::PartColours => study.out.join("runs").join(row.slug),
            _ => study.out.join("runs").join(format!("{}-{seed}", row.slug)),
        };
        let recipe =
            row.recipe(&study.recipe, seed).unwrap_or(Recipe { seed, ..study.recipe.clone() });
        let (choices, data) = (recipe.sha256(), &self.plain.pairs.sha256);
        let key = format!("{choices}\n{data}\n{}\n{:?}", row.slug, self.places);
        let key = sha256(key.as_bytes());
        let path = folder.join("drawn.safetensors");
        let networks = matches!(row.kind, Kind::Transformer { .. } | Kind::Adversarial);
        let model = networks.then(|| folder.join("model.safetensors"));
        let label = if row.kind == Kind::PartColours {
            row.name.to_owned()
        } else {
            format!("{} (seed {seed})", row.name)
        };
        let kept = match Kept::read(&path, &key)? {
            Some(kept) => kept,
            None => {
                let settings = Settings {
                    out: folder.clone(),
                    cache: folder.clone(),
                    resume: Resume::Auto,
                    max_seconds: None,
                    checkpoint_every: CHECKPOINT_EVERY,
                };
                let told = &mut |at| progress(&label, at);
                let kept = match row.kind {
                    Kind::Transformer { .. } => {
                        self.transformer(&recipe, &settings, &label, told)?
                    }
                    Kind::Adversarial => self.adversarial(&recipe, &settings, &label, told)?,
                    Kind::PartColours => self.part_colours(told)?,
                };
                // As it is read later: numbers in text may come back a last digit off.
                kept.written(&path, &key)?
            }
        };
        let Kept { facts, mut pictures } = kept;
        let repeated = self.evaluation.repeated(&mut pictures);
        Ok(Run { seed, model, facts, pictures, repeated })
    }

    fn transformer(
        &mut self,
        recipe: &Recipe,
        settings: &Settings,
        label: &str,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Kept> {
        let (embedder, examples, evaluation) = match &recipe.embedder {
            None => (None, self.plain, &self.evaluation),
            Some(name) => {
                if self.seen.is_none() {
                    let embedder = Embedder::named(name)?;
                    // Drawings are those of the first seed, whatever the seed of the run.
                    let recipe = Recipe { embedder: Some(name.clone()), ..self.study.first() };
                    let examples = Examples::read(&recipe, Some(&embedder), None, progress)?;
                    let evaluation = Evaluation::new(&examples, &recipe, self.places)?;
                    self.seen = Some((embedder, examples, evaluation));
                }
                match &self.seen {
                    Some((embedder, examples, evaluation)) => {
                        (Some(embedder), examples, evaluation)
                    }
                    None => (None, self.plain, &self.evaluation),
                }
            }
        };
        let outcome = train_on(examples, embedder, recipe, settings, self.weights, progress)?;
        if outcome.stopped != Stopped::Finished {
            return Err(interrupted(label, outcome.steps, outcome.of_steps));
        }
        let model = Model::read(&settings.out.join("model.safetensors"))?;
        let drawing = Drawing::of_plan(&model.plan)?;
        let side = model.plan.side();
        let (pictures, seconds) = evaluation.draw(progress, |example, seed| {
            let shown = Shown { source: &example.source, vector: example.vector.as_deref() };
            let drawn = drawing.draw(&model.dit, &model.parameters, &shown, seed)?;
            picture(side, &samples(&drawn))
        })?;
        let facts = Facts {
            parameters: outcome.parameters,
            discriminator: None,
            multiply_accumulates: Some(outcome.multiply_accumulates),
            evaluations: drawing.evaluations(),
            training_seconds: outcome.seconds,
            drawing_seconds: seconds,
            threads: rayon::current_num_threads(),
        };
        Ok(Kept { facts, pictures })
    }

    fn adversarial(
        &self,
        recipe: &Recipe,
        settings: &Settings,
        label: &str,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Kept> {
        let side = self.plain.pairs.side;
        let networks = Networks::new(side, self.concat)?;
        let (parameters, discriminator) = networks.counts();
        let trained = adversarial::train(networks, self.plain, recipe, settings, progress)?;
        if trained.stopped != Stopped::Finished {
            return Err(interrupted(label, trained.run.states().step, recipe.steps));
        }
        let (pictures, seconds) = self
            .evaluation
            .draw(progress, |example, _| picture(side, &trained.run.draw(&example.source)?))?;
        let facts = Facts {
            parameters,
            discriminator: Some(discriminator),
            multiply_accumulates: None,
            evaluations: 1,
            training_seconds: trained.seconds,
            drawing_seconds: seconds,
            threads: rayon::current_num_threads(),
        };
        Ok(Kept { facts, pictures })
    }

    fn part_colours(&self, progress: &mut dyn FnMut(Progress) -> bool) -> Result<Kept> {
        let colours = PartColours::learned(&self.plain.pairs)?;
        let names = &self.plain.pairs.names;
        let places: Vec<&str> = self.places.iter().map(|&place| names[place].as_str()).collect();
        let (pictures, drawing_seconds) =
            self.evaluation.draw_places(progress, |pair, _| colours.of(places[pair]))?;
        let facts = Facts {
            parameters: 0,
            discriminator: None,
            multiply_accumulates: None,
            evaluations: 0,
            training_seconds: colours.seconds(),
            drawing_seconds,
            threads: rayon::current_num_threads(),
        };
        Ok(Kept { facts, pictures })
    }
}

/// Samples of a picture in 0…1 as what anybody would see of them.
pub(super) fn picture(side: usize, planes: &[f32]) -> Result<Picture> {
    match planes.iter().find(|sample| !sample.is_finite()) {
        None => Ok(picture_of(3, [side, side], planes)?),
        Some(found) => Err(Error::Refused(format!("a drawn sample is {found}: expected a number"))),
    }
}

fn interrupted(label: &str, steps: u64, of: u64) -> Error {
    Error::Refused(format!(
        "interrupted: {label}, after {steps} of {of} steps; the same command goes on"
    ))
}
