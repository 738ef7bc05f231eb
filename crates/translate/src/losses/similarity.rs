//! Losses between embeddings: does the output show what it should?
//!
//! With E an embedder of fixed weights, s the source, y the target and x̂ the output:
//!
//! | reference | loss | gives |
//! |---|---|---|
//! | target | 1 − cos(E(x̂), E(y)) | what the target shows |
//! | source | 1 − cos(E(x̂), E(s)) | what the source shows; from line drawings to photographs it pulls towards lines |
//! | directional | 1 − cos(E(x̂) − E(s), E(y) − E(s)) | the change that was wanted, whatever else the embeddings share |
//!
//! and derivatives −(ŵ − cos·û)/‖u‖ with respect to u = E(x̂) or E(x̂) − E(s), where w is the other vector, a hat
//! means length one, and the derivatives go on through the embedder and the resizing to every sample of x̂.
//!
//! Sources: the CLIP loss of Zhu et al. (arXiv 2505.16001), which does not say which reference it has; the
//! directional one is Gal et al., "StyleGAN-NADA", ACM TOG 2022, eq. 3, with pictures on both sides of the
//! change. Choices: the target is the default; samples of x̂ outside 0…1 are embedded as they are, so that they
//! have derivatives; 1 − cos is computed as ½‖û − ŵ‖², which is exact for equal vectors. Where u or w has length
//! 0 there is no direction: the value is 1 and all derivatives are 0.
//!
//! Reproduces value and derivatives of the loss to the target of a small CLIP tower through three resamplings
//! within 1e-5. Limits: pictures of three channels; the embedder runs forward twice where derivatives are wanted.

use std::fmt::{Display, Formatter};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use lookalike_deep::clip::Crop;
use serde::{Deserialize, Serialize};

use super::embedder::{ClipEmbedder, ClipOptions, Embedder};
use super::resize::{Resampling, Resize};
use super::{Pair, PictureLoss, expect_samples, named};
use crate::{Error, Result};

/// What the output's embedding is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SimilarityReference {
    /// That of the target.
    #[default]
    Target,
    /// That of the source.
    Source,
    /// The change from source to output with that from source to target.
    Directional,
}

impl SimilarityReference {
    /// All, in the order of their documentation.
    pub const ALL: [Self; 3] = [Self::Target, Self::Source, Self::Directional];
}

impl Display for SimilarityReference {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Target => "target",
            Self::Source => "source",
            Self::Directional => "directional",
        })
    }
}

impl FromStr for SimilarityReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        named("reference of a similarity", text, &Self::ALL)
    }
}

/// What a similarity needs of a pair's pictures: computed once, kept from step to step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The name of the similarity.
    of: String,
    /// E(s), where the change from it is compared.
    origin: Option<Vec<f64>>,
    /// w.
    towards: Vec<f64>,
}

impl Reference {
    /// The name of the loss that it is for.
    pub fn of(&self) -> &str {
        &self.of
    }
}

/// A loss between embeddings.
#[derive(Clone)]
pub struct Similarity {
    embedder: Arc<dyn Embedder>,
    resampling: Resampling,
    reference: SimilarityReference,
    crop: Crop,
}

impl Similarity {
    /// Of an embedder, with antialiased bilinear resampling.
    pub fn new(embedder: Arc<dyn Embedder>, reference: SimilarityReference) -> Self {
        Self { embedder, resampling: Resampling::default(), reference, crop: Crop::default() }
    }

    /// Of the CLIP tower in a file.
    ///
    /// # Errors
    /// As [`ClipEmbedder::open`].
    pub fn clip(path: &Path, options: ClipOptions, reference: SimilarityReference) -> Result<Self> {
        let embedder = Arc::new(ClipEmbedder::open(path, options)?);
        Ok(Self { crop: options.crop, ..Self::new(embedder, reference) })
    }

    /// Of an embedder by name, `clip@FILE` with a file of CLIP's image tower as OpenAI published it.
    ///
    /// # Errors
    /// [`Error::Refused`] for other names; as [`ClipEmbedder::open`].
    pub fn named(name: &str, reference: SimilarityReference) -> Result<Self> {
        match name.strip_prefix("clip@") {
            Some(path) => Self::clip(Path::new(path), ClipOptions::default(), reference),
            None => Err(Error::Refused(format!(
                "an embedder of a similarity: expected clip@FILE with CLIP's image tower, found '{name}'"
            ))),
        }
    }

    /// The same with another resampling.
    pub fn with_resampling(self, resampling: Resampling) -> Self {
        Self { resampling, ..self }
    }

    /// The same with another middle of pictures that are no squares.
    pub fn with_crop(self, crop: Crop) -> Self {
        Self { crop, ..self }
    }

    /// What embeds.
    pub fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.embedder
    }

    /// Such as `similarity:target:bilinear-antialiased:clip:0123456789ab`, with `:hf` where another middle is taken.
    pub fn name(&self) -> String {
        let crop = match self.crop {
            Crop::OpenAi => "",
            Crop::HuggingFace => ":hf",
        };
        let embedder = self.embedder.name();
        format!("similarity:{}:{}:{embedder}{crop}", self.reference, self.resampling)
    }

    /// The loss of an output, and its derivatives with respect to all samples of it. Pictures have one shape,
    /// 3 × height × width; samples are in 0…1, but those of the output may leave it.
    ///
    /// # Errors
    /// [`Error::Refused`] for other shapes, and for samples or embeddings that are not finite.
    pub fn evaluate(
        &self,
        source: &[f32],
        target: &[f32],
        output: &[f32],
        shape: [usize; 3],
    ) -> Result<(f64, Vec<f32>)> {
        self.against(&self.embedded(&Pair::new(shape, source, target)?)?, output, shape)
    }

    /// What of a pair can be kept.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn embedded(&self, pair: &Pair<'_>) -> Result<Reference> {
        let embed = |what: &str, samples: &[f32]| -> Result<Vec<f64>> {
            self.features(what, &self.prepared(what, samples, pair.shape())?.1)
        };
        let (origin, towards) = match self.reference {
            SimilarityReference::Target => (None, embed("the target", pair.target())?),
            SimilarityReference::Source => (None, embed("the source", pair.source())?),
            SimilarityReference::Directional => {
                let origin = embed("the source", pair.source())?;
                let target = embed("the target", pair.target())?;
                let change = difference(&target, &origin)?;
                (Some(origin), change)
            }
        };
        Ok(Reference { of: self.name(), origin, towards })
    }

    /// The loss of an output against what was kept of its pair, and its derivatives.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate); [`Error::Refused`] for what was kept by another similarity.
    pub fn against(
        &self,
        reference: &Reference,
        output: &[f32],
        shape: [usize; 3],
    ) -> Result<(f64, Vec<f32>)> {
        if reference.of != self.name() {
            return Err(Error::Refused(format!(
                "{}: expected embeddings that it made, found those of {}",
                self.name(),
                reference.of
            )));
        }
        let (resize, planes) = self.prepared("the output", output, shape)?;
        let mut change = self.features("the output", &planes)?;
        if let Some(origin) = &reference.origin {
            change = difference(&change, origin)?;
        }
        let Some((value, slopes)) = cosine_loss(&change, &reference.towards)? else {
            return Ok((1.0, vec![0.0; output.len()]));
        };
        let slopes = resize.pull(&self.embedder.pull(&planes, &slopes)?)?;
        let gradient: Vec<f32> = slopes.into_iter().map(|slope| slope as f32).collect();
        expect_samples("the derivatives of a similarity", &gradient, shape)?;
        Ok((value, gradient))
    }

    /// The samples of a picture at the embedder's size, and how they came there.
    fn prepared(
        &self,
        what: &str,
        samples: &[f32],
        shape: [usize; 3],
    ) -> Result<(Resize, Vec<f64>)> {
        expect_samples(what, samples, shape)?;
        let [channels, height, width] = shape;
        if channels != 3 {
            return Err(Error::Refused(format!(
                "{what}: expected the three channels that {} embeds, found {channels}",
                self.embedder.name()
            )));
        }
        let side = self.embedder.side();
        let resize = Resize::to_middle(self.resampling, [height, width], side, self.crop)?;
        let samples: Vec<f64> = samples.iter().copied().map(f64::from).collect();
        let planes = resize.apply(&samples)?;
        Ok((resize, planes))
    }

    fn features(&self, what: &str, planes: &[f64]) -> Result<Vec<f64>> {
        let features = self.embedder.features(planes)?;
        if features.iter().all(|number| number.is_finite()) {
            return Ok(features);
        }
        Err(Error::Refused(format!(
            "{}: expected a finite embedding of {what}, found one that overflows",
            self.embedder.name()
        )))
    }
}

impl PictureLoss for Similarity {
    fn name(&self) -> String {
        Similarity::name(self)
    }

    fn value_and_gradient(&self, pair: &Pair<'_>, output: &[f32]) -> Result<(f64, Vec<f32>)> {
        let name = Similarity::name(self);
        match pair.references().iter().find(|reference| reference.of == name) {
            Some(kept) => self.against(kept, output, pair.shape()),
            None => self.against(&self.embedded(pair)?, output, pair.shape()),
        }
    }

    fn reference(&self, pair: &Pair<'_>) -> Result<Option<Reference>> {
        self.embedded(pair).map(Some)
    }
}

/// 1 − cos of two vectors and its derivatives with respect to the first, or `None` where one has length 0.
fn cosine_loss(u: &[f64], w: &[f64]) -> Result<Option<(f64, Vec<f64>)>> {
    expect_as_many(u, w)?;
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (of_u, of_w) = (length(u), length(w));
    if of_u == 0.0 || of_w == 0.0 {
        return Ok(None);
    }
    let units = || u.iter().map(|u| u / of_u).zip(w.iter().map(|w| w / of_w));
    let value = 0.5 * units().map(|(u, w)| (u - w) * (u - w)).sum::<f64>();
    let slopes = units().map(|(u, w)| ((1.0 - value) * u - w) / of_u);
    Ok(Some((value, slopes.collect())))
}

fn difference(a: &[f64], b: &[f64]) -> Result<Vec<f64>> {
    expect_as_many(a, b)?;
    Ok(a.iter().zip(b).map(|(a, b)| a - b).collect())
}

fn expect_as_many(a: &[f64], b: &[f64]) -> Result<()> {
    if a.len() == b.len() {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "embeddings: expected {} numbers, as that of the output has, found {}",
        a.len(),
        b.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Tanh, numbers, pictures};
    use super::*;

    fn similarity(reference: SimilarityReference) -> Similarity {
        Similarity::new(Arc::new(Tanh::new(6, 5)), reference)
    }

    #[test]
    fn derivatives_are_differences() {
        for (at, reference) in SimilarityReference::ALL.into_iter().enumerate() {
            for shape in [[3, 8, 8], [3, 5, 9]] {
                let loss = similarity(reference).with_resampling(Resampling::ALL[at]);
                let [source, target, mut output] = pictures(shape);
                let kept = loss.embedded(&Pair::new(shape, &source, &target).unwrap()).unwrap();
                let (value, gradient) = loss.evaluate(&source, &target, &output, shape).unwrap();
                assert_eq!(loss.against(&kept, &output, shape).unwrap(), (value, gradient.clone()));
                assert!(value > 0.01 && gradient.iter().any(|slope| slope.abs() > 1e-3));
                // Exact in single precision, so the step is what it says.
                let step = 1.0 / 1024.0;
                for index in 0..output.len() {
                    let middle = output[index];
                    let mut at = |step: f32| {
                        output[index] = middle + step;
                        loss.against(&kept, &output, shape).unwrap().0
                    };
                    let slope = (at(step) - at(-step)) / (2.0 * f64::from(step));
                    output[index] = middle;
                    let found = f64::from(gradient[index]);
                    assert!((slope - found).abs() < 1e-6, "{reference} {shape:?}: {found} {slope}");
                }
            }
        }
    }

    #[test]
    fn values_are_the_definitions() {
        let shape = [3, 6, 6];
        let [source, target, output] = pictures(shape);
        let embedder = Tanh::new(6, 5);
        let embed = |samples: &[f32]| {
            let planes: Vec<f64> = samples.iter().copied().map(f64::from).collect();
            embedder.features(&planes).unwrap()
        };
        let one_minus_cosine = |a: &[f64], b: &[f64]| {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let [s, y, x] = [&source, &target, &output].map(|picture| embed(picture));
        let change = |a: &[f64]| a.iter().zip(&s).map(|(a, s)| a - s).collect::<Vec<_>>();
        let expected = [
            one_minus_cosine(&x, &y),
            one_minus_cosine(&x, &s),
            one_minus_cosine(&change(&x), &change(&y)),
        ];
        for (reference, expected) in SimilarityReference::ALL.into_iter().zip(expected) {
            let loss = similarity(reference);
            let (found, _) = loss.evaluate(&source, &target, &output, shape).unwrap();
            assert!((found - expected).abs() < 1e-12, "{reference}: {found} {expected}");
        }
    }

    #[test]
    fn equal_pictures_and_changes_of_no_length() {
        let shape = [3, 7, 7];
        let [source, target, _] = pictures(shape);
        let target_loss = similarity(SimilarityReference::Target);
        let (value, gradient) = target_loss.evaluate(&source, &target, &target, shape).unwrap();
        assert!(value == 0.0 && gradient.iter().all(|slope| slope.abs() < 1e-7));
        let directional = similarity(SimilarityReference::Directional);
        // The output is the source; the target is the source; a picture whose embedding is 0.
        let none = vec![0.0; source.len()];
        for found in [
            directional.evaluate(&source, &target, &source, shape),
            directional.evaluate(&source, &source, &target, shape),
            target_loss.evaluate(&source, &none, &target, shape),
            target_loss.evaluate(&source, &target, &none, shape),
        ] {
            assert_eq!(found.unwrap(), (1.0, none.clone()));
        }
    }

    #[test]
    fn kept_embeddings_are_used_and_others_refused() {
        let shape = [3, 8, 8];
        let [source, target, output] = pictures(shape);
        let loss = similarity(SimilarityReference::Directional);
        let pair = Pair::new(shape, &source, &target).unwrap();
        let kept = PictureLoss::reference(&loss, &pair).unwrap().unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        let kept: Reference = serde_json::from_str(&text).unwrap();
        assert_eq!(kept.of(), "similarity:directional:bilinear-antialiased:tanh");
        let expected = loss.value_and_gradient(&pair, &output).unwrap();
        // Of what was kept the pictures no longer matter.
        let other = numbers(source.len(), 9);
        let references = [kept.clone()];
        let pair = Pair::new(shape, &other, &other).unwrap().with_references(&references);
        assert_eq!(loss.value_and_gradient(&pair, &output).unwrap(), expected);
        let loss = loss.with_resampling(Resampling::Bilinear);
        assert!(loss.against(&kept, &output, shape).is_err());
        let shorter = Reference { of: loss.name(), towards: vec![1.0], ..kept };
        assert!(loss.against(&shorter, &output, shape).is_err());
    }

    #[test]
    fn what_cannot_be_embedded_is_refused() {
        let loss = similarity(SimilarityReference::Target);
        let fine = vec![0.5; 3 * 16];
        assert!(loss.evaluate(&fine, &fine, &fine[1..], [3, 4, 4]).is_err());
        assert!(loss.evaluate(&fine, &fine[1..], &fine, [3, 4, 4]).is_err());
        assert!(loss.evaluate(&fine[..16], &fine[..16], &fine[..16], [1, 4, 4]).is_err());
        assert!(loss.evaluate(&[], &[], &[], [3, 0, 4]).is_err());
        let mut broken = fine.clone();
        broken[7] = f32::NAN;
        assert!(loss.evaluate(&fine, &fine, &broken, [3, 4, 4]).is_err());
        for name in ["clip@no/file", "sight", "clip"] {
            assert!(Similarity::named(name, SimilarityReference::Target).is_err(), "{name}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for reference in SimilarityReference::ALL {
            let text = reference.to_string();
            assert_eq!(text.parse::<SimilarityReference>().unwrap(), reference);
            assert_eq!(serde_json::to_string(&reference).unwrap(), format!("\"{text}\""));
        }
        assert!("both".parse::<SimilarityReference>().is_err());
    }
}
