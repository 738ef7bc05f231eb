//! The projection of whole-picture vectors: principal components of what the network sees, evened out.
//!
//! With the fields f of n pictures, X their rows less the mean m, and X = U S Vᵀ, row q of the projection is
//! v_q·s_1/(s_q + s_1/50). Right singular vectors come from the eigenvectors of X Xᵀ, which is the smaller matrix.
//!
//! Source: Jégou and Chum, "Negative evidences and co-occurences in image retrieval: the benefit of PCA and
//! whitening", ECCV 2012. Choices: no component is blown up by more than fifty; the projection is stored in half
//! precision, the mean in single.

use std::path::Path;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par, Side};
use half::f16;
use lookalike_core::Picture;
use lookalike_deep::SightFields;
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;

use super::pictures::{Role, Sources};
use crate::files::{sha256, write_whole};
use crate::{Error, Result};

/// Components.
const DIMENSIONS: usize = 128;
/// The share of the largest singular value that is added to all.
const SHARE: f64 = 0.02;
/// Pictures that go through the network together.
const TOGETHER: usize = 32;

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Projected {
    /// `lookalike.projection/1`.
    pub schema: &'static str,
    /// Pictures that it was learned from.
    pub pictures: usize,
    /// Components, and numbers of a picture before.
    pub shape: [usize; 2],
    /// The share of the variance that the components have.
    pub variance: f64,
    /// SHA-256 of names, contents and roles of all pictures.
    pub data_sha256: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Learns the projection from the pictures that are learned from, and writes it to a file.
///
/// # Errors
/// [`Error::Unsuitable`] where there are fewer pictures than components; what reading and writing give.
pub fn write_projection(sources: &Sources, path: &Path) -> Result<Projected> {
    let pool = sources.pool(Role::Learned, 0.0)?;
    let pictures = pool.pictures.len();
    let unsuitable = |reason: String| Error::Unsuitable { path: path.to_owned(), reason };
    if pictures <= DIMENSIONS {
        return Err(unsuitable(format!(
            "expected more than {DIMENSIONS} pictures to learn from, found {pictures}"
        )));
    }
    let network = SightFields::new()?;
    let count = network.count();
    let mut rows = Vec::with_capacity(pictures * count);
    for some in pool.pictures.chunks(TOGETHER) {
        let some: Vec<&Picture> = some.iter().collect();
        rows.extend(network.of(&some)?.into_iter().flatten().map(f64::from));
    }
    let mut mean = vec![0.0_f64; count];
    for row in rows.chunks_exact(count) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / pictures as f64);
    }
    for row in rows.chunks_exact_mut(count) {
        row.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= mean);
    }
    let apart = faer::MatRef::from_row_major_slice(&rows, pictures, count);
    let mut gram = Mat::zeros(pictures, pictures);
    matmul(gram.as_mut(), Accum::Replace, apart, apart.transpose(), 1.0, Par::Seq);
    let found = gram.self_adjoint_eigen(Side::Lower);
    let found = found.map_err(|_| unsuitable("no decomposition was found".to_owned()))?;
    // Squares of singular values; they ascend.
    let squares: Vec<f64> = found.S().column_vector().iter().map(|&s| s.max(0.0)).collect();
    let largest = squares.last().map_or(0.0, |square| square.sqrt());
    if largest <= 0.0 {
        return Err(unsuitable("the pictures are all the same".to_owned()));
    }
    let mut projection = Vec::with_capacity(2 * DIMENSIONS * count);
    let mut kept = 0.0;
    for component in 0..DIMENSIONS {
        let column = pictures - 1 - component;
        let value = squares[column].sqrt();
        kept += squares[column];
        let mut row = vec![0.0_f64; count];
        for (picture, x) in rows.chunks_exact(count).enumerate() {
            let share = found.U()[(picture, column)];
            row.iter_mut().zip(x).for_each(|(sum, x)| *sum += share * x);
        }
        // Xᵀu has the length s; the sign of an eigenvector is arbitrary, so the largest number is made positive.
        let most = row.iter().fold(0.0_f64, |most, &x| if x.abs() > most.abs() { x } else { most });
        let factor = largest / (value + SHARE * largest) / value.max(f64::MIN_POSITIVE);
        let factor = factor * most.signum();
        projection.extend(row.iter().flat_map(|x| f16::from_f64(x * factor).to_le_bytes()));
    }
    let mean: Vec<u8> = mean.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
    let view = |dtype, shape: Vec<usize>, data| {
        TensorView::new(dtype, shape, data).map_err(|error| unsuitable(error.to_string()))
    };
    let views = [
        ("mean", view(Dtype::F32, vec![count], &mean)?),
        ("projection", view(Dtype::F16, vec![DIMENSIONS, count], &projection)?),
    ];
    let bytes = safetensors::serialize(views, None).map_err(|e| unsuitable(e.to_string()))?;
    write_whole(path, &bytes)?;
    Ok(Projected {
        schema: "lookalike.projection/1",
        pictures,
        shape: [DIMENSIONS, count],
        variance: kept / squares.iter().sum::<f64>(),
        data_sha256: sources.sha256.clone(),
        sha256: sha256(&bytes),
    })
}
