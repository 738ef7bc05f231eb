//! The network: pictures in, embeddings out; derivatives on the way back.

use lookalike_nn::Compute;
use lookalike_nn::lipschitz::{
    Bound, Real, Rounding, Rows, SllConvolution, SllDense, depth_to_space, fit_coordinates,
    fit_coordinates_backward, space_to_depth, window_sum, window_sum_backward,
};
use rayon::prelude::*;

use super::plan::{Extent, Plan, Stage};
use crate::{Error, Result};

/// Pictures whose dense layers are computed together.
const TOGETHER: usize = 8;

/// A layer in front of the dense ones.
#[derive(Clone, Debug)]
enum Spatial {
    Channels(usize),
    SpaceToDepth(usize),
    WindowSum(usize),
    Convolution(Box<SllConvolution>),
}

/// A network with its normalisers.
#[derive(Clone, Debug)]
pub struct Network {
    plan: Plan,
    /// With what each of them reads.
    spatial: Vec<(Spatial, Extent)>,
    /// What comes to the first dense layer.
    flat: Extent,
    dense: Vec<SllDense>,
}

/// Which units were active where, for one picture.
#[derive(Clone, Debug)]
pub struct Trace {
    convolutions: Vec<Vec<bool>>,
    dense: Vec<Vec<bool>>,
}

impl Network {
    /// A network of a plan and its layers in order.
    ///
    /// # Errors
    /// [`Error::Weights`] where they are not those of the plan.
    pub fn new(
        plan: Plan,
        convolutions: Vec<SllConvolution>,
        dense: Vec<SllDense>,
    ) -> Result<Self> {
        Compute::expect_kernels("LipSim")?;
        let extents = plan.extents()?;
        let wrong = || Error::Weights(format!("its layers are not those of {plan:?}"));
        let (mut convolutions, mut given) = (convolutions.into_iter(), dense.into_iter());
        let (mut spatial, mut dense, mut flat) = (Vec::new(), Vec::new(), None);
        for (stage, &at) in plan.stages.iter().zip(&extents) {
            let layer = match *stage {
                Stage::Channels(n) => Spatial::Channels(n),
                Stage::SpaceToDepth(n) => Spatial::SpaceToDepth(n),
                Stage::WindowSum(n) => Spatial::WindowSum(n),
                Stage::Convolution(inner) => {
                    let layer = convolutions.next().ok_or_else(wrong)?;
                    if [layer.channels(), layer.inner()] != [at.channels, inner] {
                        return Err(wrong());
                    }
                    Spatial::Convolution(Box::new(layer))
                }
                Stage::Dense(inner) => {
                    let layer = given.next().ok_or_else(wrong)?;
                    if [layer.width(), layer.inner()] != [at.numbers(), inner] {
                        return Err(wrong());
                    }
                    flat.get_or_insert(at);
                    dense.push(layer);
                    continue;
                }
            };
            spatial.push((layer, at));
        }
        let last = extents.last().copied().unwrap_or(Extent { channels: 3, side: plan.image });
        if convolutions.next().is_some() || given.next().is_some() || plan.outputs > last.numbers()
        {
            return Err(wrong());
        }
        Ok(Self { plan, spatial, flat: flat.unwrap_or(last), dense })
    }

    /// What it consists of.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Height and width of its input.
    pub fn image(&self) -> usize {
        self.plan.image
    }

    /// Its Lipschitz constant.
    pub fn bound(&self) -> Bound {
        let convolutions = self.spatial.iter().filter_map(|(layer, _)| match layer {
            Spatial::Convolution(layer) => Some(layer.bound()),
            _ => None,
        });
        convolutions.chain(self.dense.iter().map(SllDense::bound)).fold(Bound::ONE, Bound::then)
    }

    /// How far an embedding that is computed in a precision may be from that of exact arithmetic, for
    /// every picture in 0…1: proved, and far above what is observed.
    pub fn rounding<R: Real>(&self) -> f64 {
        let area = self.plan.image.pow(2);
        let mut state = Rounding::of_input((3.0 * area as f64).sqrt().next_up());
        for (layer, at) in &self.spatial {
            state = match layer {
                // These move numbers about.
                Spatial::Channels(_) | Spatial::SpaceToDepth(_) => state,
                Spatial::WindowSum(side) => state.window_sum(R::UNIT, side * side),
                Spatial::Convolution(layer) => layer.rounding::<R>(state, [at.side; 2]),
            };
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
            let mut vectors = Vec::with_capacity(batch.len() / size * self.flat.numbers());
            // With pictures for every thread each is computed by one alone, which is less work.
            let (threads, pictures) = (rayon::current_num_threads(), batch.len() / size);
            if pictures >= threads {
                let trunks = batch.par_chunks_exact(size).map(|picture| self.trunk(picture, 1));
                trunks.collect::<Result<Vec<_>>>()?.into_iter().for_each(|v| vectors.extend(v));
            } else {
                for picture in batch.chunks_exact(size) {
                    vectors.extend(self.trunk(picture, 4 * threads)?);
                }
            }
            for layer in &self.dense {
                vectors = layer.forward(&vectors, None)?;
            }
            for vector in vectors.chunks_exact(self.flat.numbers()) {
                embeddings.extend(fit_coordinates(vector, self.plan.outputs));
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
        let (mut vector, convolutions) = self.traced_trunk(picture)?;
        let mut trace = Trace { convolutions, dense: Vec::new() };
        for layer in &self.dense {
            let mut active = vec![false; layer.inner()];
            vector = layer.forward(&vector, Some(&mut active))?;
            trace.dense.push(active);
        }
        Ok((fit_coordinates(&vector, self.plan.outputs), trace))
    }

    /// The derivative with respect to the picture of a [`trace`](Self::trace), given that with respect to
    /// its embedding.
    ///
    /// # Errors
    /// [`Error::Network`] where the trace is that of another network.
    pub fn pull<R: Real>(&self, trace: &Trace, upstream: &[R]) -> Result<Vec<R>> {
        let mut slopes = fit_coordinates_backward(upstream, self.flat.numbers());
        for (layer, active) in self.dense.iter().zip(&trace.dense).rev() {
            slopes = layer.backward(&slopes, active)?;
        }
        let Extent { channels, side } = self.flat;
        let mut rows = Rows::from_planes([channels, side, side], &slopes);
        let mut active = trace.convolutions.iter().rev();
        for (layer, at) in self.spatial.iter().rev() {
            rows = match layer {
                Spatial::Channels(_) => {
                    let kept = rows.to_planes(at.channels);
                    Rows::from_planes([at.channels, at.side, at.side], &kept)
                }
                Spatial::SpaceToDepth(side) => depth_to_space(&rows, *side),
                Spatial::WindowSum(side) => window_sum_backward(&rows, *side, [at.side; 2]),
                Spatial::Convolution(layer) => {
                    layer.backward(&rows, active.next().map_or(&[], Vec::as_slice))?
                }
            };
        }
        Ok(rows.to_planes(3))
    }

    /// Numbers of one picture, of which there must be whole ones.
    fn count(&self, found: usize) -> Result<usize> {
        let size = 3 * self.plan.image.pow(2);
        if found == 0 || !found.is_multiple_of(size) {
            let reason = format!("expected pictures of {size} numbers, found {found} numbers");
            return Err(Error::Weights(reason));
        }
        Ok(size)
    }

    /// What comes to the first dense layer.
    fn trunk<R: Real>(&self, picture: &[R], tasks: usize) -> Result<Vec<R>> {
        let image = self.plan.image;
        let mut rows = Rows::from_planes([3, image, image], picture);
        let convolution = |(layer, _): &(Spatial, Extent)| layer.convolution().is_some();
        for run in self.spatial.chunk_by(|a, b| convolution(a) && convolution(b)) {
            let layers: Vec<&SllConvolution> =
                run.iter().filter_map(|(layer, _)| layer.convolution()).collect();
            rows = match run {
                [(layer, at)] if layers.is_empty() => layer.forward(&rows, at)?,
                _ => SllConvolution::forward_all(&layers, &rows, tasks)?,
            };
        }
        Ok(rows.to_planes(self.flat.channels))
    }

    /// The same, and which units of the convolutions were active.
    fn traced_trunk<R: Real>(&self, picture: &[R]) -> Result<(Vec<R>, Vec<Vec<bool>>)> {
        let image = self.plan.image;
        let mut rows = Rows::from_planes([3, image, image], picture);
        let mut convolutions = Vec::new();
        for (layer, at) in &self.spatial {
            let Some(convolution) = layer.convolution() else {
                rows = layer.forward(&rows, at)?;
                continue;
            };
            let mut active = vec![false; convolution.inner() * at.side.pow(2)];
            rows = convolution.forward(&rows, Some(&mut active))?;
            convolutions.push(active);
        }
        Ok((rows.to_planes(self.flat.channels), convolutions))
    }
}

impl Spatial {
    fn convolution(&self) -> Option<&SllConvolution> {
        match self {
            Self::Convolution(layer) => Some(layer),
            _ => None,
        }
    }

    /// What a layer makes of rows.
    fn forward<R: Real>(&self, rows: &Rows<R>, at: &Extent) -> Result<Rows<R>> {
        Ok(match self {
            Self::Channels(channels) => {
                let planes = rows.to_planes(at.channels);
                Rows::from_planes([*channels, at.side, at.side], &planes)
            }
            Self::SpaceToDepth(side) => space_to_depth(rows, *side),
            Self::WindowSum(side) => window_sum(rows, *side),
            Self::Convolution(layer) => layer.forward(rows, None)?,
        })
    }
}
