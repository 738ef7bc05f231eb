//! The network: pictures in, embeddings out; derivatives on the way back.

use lookalike_nn::lipschitz::{
    Bound, Real, Rounding, Rows, SllConvolution, SllDense, fit_coordinates,
    fit_coordinates_backward, window_sum, window_sum_backward,
};

use super::architecture::{Architecture, POOLS, WINDOW};
use crate::{Error, Result};

/// Pictures whose dense layers are computed together.
const TOGETHER: usize = 8;

/// A network with its normalisers.
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    convolutions: Vec<SllConvolution>,
    dense: Vec<SllDense>,
}

/// Which units were active where, for one picture.
#[derive(Clone, Debug)]
pub struct Trace {
    convolutions: Vec<Vec<bool>>,
    dense: Vec<Vec<bool>>,
}

impl Network {
    /// A network of its layers.
    ///
    /// # Errors
    /// [`Error::Weights`] where they are not those of the architecture.
    pub fn new(
        architecture: Architecture,
        convolutions: Vec<SllConvolution>,
        dense: Vec<SllDense>,
    ) -> Result<Self> {
        architecture.check()?;
        let Architecture { channels, inner, dense_inner, .. } = architecture;
        let fits = convolutions.len() == architecture.depth
            && dense.len() == architecture.dense
            && convolutions.iter().all(|c| [c.channels(), c.inner()] == [channels, inner])
            && dense.iter().all(|d| [d.width(), d.inner()] == [architecture.width(), dense_inner]);
        if !fits {
            return Err(Error::Weights(format!("its layers are not those of {architecture:?}")));
        }
        Ok(Self { architecture, convolutions, dense })
    }

    /// What it consists of.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Its Lipschitz constant.
    pub fn bound(&self) -> Bound {
        let convolutions = self.convolutions.iter().map(SllConvolution::bound);
        convolutions.chain(self.dense.iter().map(SllDense::bound)).fold(Bound::ONE, Bound::then)
    }

    /// How far an embedding that is computed in a precision may be from that of exact arithmetic, for
    /// every picture in 0…1: proved, and far above what is observed.
    pub fn rounding<R: Real>(&self) -> f64 {
        let area = self.architecture.image.pow(2);
        let mut state = Rounding::of_input((3.0 * area as f64).sqrt().next_up());
        for layer in &self.convolutions {
            state = layer.rounding(state, R::UNIT, area);
        }
        for _ in 0..POOLS {
            state = state.window_sum(R::UNIT, WINDOW * WINDOW);
        }
        for layer in &self.dense {
            state = layer.rounding(state, R::UNIT);
        }
        state.error
    }

    /// Embeddings of pictures, each three planes of numbers in 0…1, one after the other. Every picture has
    /// the same bits alone and among others.
    ///
    /// # Errors
    /// [`Error::Weights`] where the pictures are not whole.
    pub fn embed<R: Real>(&self, pictures: &[R]) -> Result<Vec<R>> {
        let size = self.count(pictures.len())?;
        let mut embeddings = Vec::new();
        for batch in pictures.chunks(TOGETHER * size) {
            let mut vectors = Vec::with_capacity(batch.len() / size * self.architecture.width());
            for picture in batch.chunks_exact(size) {
                vectors.extend(self.trunk(picture, None)?);
            }
            for layer in &self.dense {
                vectors = layer.forward(&vectors, None)?;
            }
            for vector in vectors.chunks_exact(self.architecture.width()) {
                embeddings.extend(fit_coordinates(vector, self.architecture.outputs));
            }
        }
        Ok(embeddings)
    }

    /// The embedding of one picture, and what is needed for derivatives.
    ///
    /// # Errors
    /// As [`embed`](Self::embed).
    pub fn trace<R: Real>(&self, picture: &[R]) -> Result<(Vec<R>, Trace)> {
        let size = self.count(picture.len())?;
        if picture.len() != size {
            return Err(Error::Weights("expected one picture".to_owned()));
        }
        let mut trace = Trace { convolutions: Vec::new(), dense: Vec::new() };
        let mut vector = self.trunk(picture, Some(&mut trace))?;
        for layer in &self.dense {
            let mut active = vec![false; layer.inner()];
            vector = layer.forward(&vector, Some(&mut active))?;
            trace.dense.push(active);
        }
        Ok((fit_coordinates(&vector, self.architecture.outputs), trace))
    }

    /// The derivative with respect to the picture of a [`trace`](Self::trace), given that with respect to
    /// its embedding.
    ///
    /// # Errors
    /// [`Error::Network`] where the trace is that of another network.
    pub fn pull<R: Real>(&self, trace: &Trace, upstream: &[R]) -> Result<Vec<R>> {
        let Architecture { channels, image, .. } = self.architecture;
        let mut slopes = fit_coordinates_backward(upstream, self.architecture.width());
        for (layer, active) in self.dense.iter().zip(&trace.dense).rev() {
            slopes = layer.backward(&slopes, active)?;
        }
        let mut side = image / WINDOW.pow(POOLS as u32);
        let mut rows = Rows::from_planes([channels, side, side], &slopes);
        for _ in 0..POOLS {
            side *= WINDOW;
            rows = window_sum_backward(&rows, WINDOW, [side; 2]);
        }
        for (layer, active) in self.convolutions.iter().zip(&trace.convolutions).rev() {
            rows = layer.backward(&rows, active)?;
        }
        Ok(rows.to_planes(3))
    }

    /// Numbers of one picture, of which there must be whole ones.
    fn count(&self, found: usize) -> Result<usize> {
        let size = 3 * self.architecture.image.pow(2);
        if found == 0 || !found.is_multiple_of(size) {
            let reason = format!("expected pictures of {size} numbers, found {found} numbers");
            return Err(Error::Weights(reason));
        }
        Ok(size)
    }

    /// What comes to the first dense layer.
    fn trunk<R: Real>(&self, picture: &[R], mut trace: Option<&mut Trace>) -> Result<Vec<R>> {
        let Architecture { channels, image, .. } = self.architecture;
        let mut rows = Rows::from_planes([channels, image, image], picture);
        for layer in &self.convolutions {
            let mut active = trace.is_some().then(|| vec![false; layer.inner() * image * image]);
            rows = layer.forward(&rows, active.as_deref_mut())?;
            if let (Some(trace), Some(active)) = (trace.as_deref_mut(), active) {
                trace.convolutions.push(active);
            }
        }
        for _ in 0..POOLS {
            rows = window_sum(&rows, WINDOW);
        }
        Ok(rows.to_planes(channels))
    }
}
