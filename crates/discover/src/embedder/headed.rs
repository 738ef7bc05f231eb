//! An embedder followed by a learned [`Head`].

use lookalike_core::Picture;

use super::Embedder;
use crate::head::Head;
use crate::store::Fingerprint;
use crate::store::scan::normalised;
use crate::{Error, Result};

/// What is appended to a model's id where a head follows it.
pub const SUFFIX: &str = "+head";

/// An embedder and a head.
pub struct Headed {
    inner: Box<dyn Embedder>,
    head: Head,
    fingerprint: Fingerprint,
}

impl Headed {
    /// Puts a head behind an embedder.
    ///
    /// # Errors
    /// [`Error::WrongDimension`] where it does not take its vectors.
    pub fn new(inner: Box<dyn Embedder>, head: Head) -> Result<Self> {
        let fingerprint = behind(inner.fingerprint(), &head)?;
        Ok(Self { inner, head, fingerprint })
    }
}

/// The fingerprint of vectors after a head.
///
/// # Errors
/// [`Error::WrongDimension`] where the head does not take such vectors.
pub fn behind(fingerprint: &Fingerprint, head: &Head) -> Result<Fingerprint> {
    if fingerprint.dimension != head.input() {
        let (expected, found) = (head.input(), fingerprint.dimension);
        return Err(Error::WrongDimension { expected, found });
    }
    Ok(Fingerprint {
        model: format!("{}{SUFFIX}", fingerprint.model),
        weights: format!("{} head:{}", fingerprint.weights, head.hash()).trim().to_owned(),
        preprocessing: fingerprint.preprocessing.clone(),
        dimension: head.output(),
    })
}

impl Embedder for Headed {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn embed(&self, picture: &Picture) -> Result<Vec<f32>> {
        let mut vector = self.inner.embed(picture)?;
        normalised(&mut vector, &picture.name())?;
        self.head.apply(&vector)
    }
}
