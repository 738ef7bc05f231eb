//! The parameters of a convolution, loaded and checked.

use crate::layer::Convolution;
use crate::{Error, Parameters, Result};

/// Filters and bias of a convolution, with the batch normalisation behind it folded in.
#[derive(Clone, Debug)]
pub(crate) struct Filters {
    /// `[outputs][inputs / groups][rows][columns]` numbers.
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) convolution: Convolution,
}

/// The derivatives of a number with respect to the filters and the bias of a convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterGradient {
    /// The path of the convolution: the derivatives are those of `{path}.weight` and `{path}.bias`.
    pub path: String,
    /// `[outputs][inputs][rows][columns]` numbers.
    pub weight: Vec<f32>,
    /// One number per output.
    pub bias: Vec<f32>,
}

impl Filters {
    /// Outputs, inputs of a group, rows and columns.
    pub(crate) fn shape(convolution: &Convolution) -> [usize; 4] {
        let Convolution { input, output, kernel, groups, .. } = *convolution;
        [output, input / groups, kernel, kernel]
    }

    pub(crate) fn load(convolution: &Convolution, parameters: &dyn Parameters) -> Result<Self> {
        let Convolution { path, output, .. } = convolution;
        let mut weight = parameters.f32(&format!("{path}.weight"), &Self::shape(convolution))?;
        let bias = match &convolution.normalisation {
            None => parameters.f32(&format!("{path}.bias"), &[*output])?,
            Some(norm) => fold(norm, &mut weight, *output, parameters)?,
        };
        let finite = weight.iter().chain(&bias).all(|number| number.is_finite());
        if !finite {
            let reason = "it holds a number that is not finite".to_owned();
            return Err(Error::Parameter { name: path.clone(), reason });
        }
        Ok(Self { weight, bias, convolution: convolution.clone() })
    }

    /// Those of a convolution that adds nothing.
    pub(crate) fn without_bias(
        convolution: &Convolution,
        parameters: &dyn Parameters,
    ) -> Result<Self> {
        let name = format!("{}.weight", convolution.path);
        let weight = parameters.f32(&name, &Self::shape(convolution))?;
        if weight.iter().any(|number| !number.is_finite()) {
            let reason = "it holds a number that is not finite".to_owned();
            return Err(Error::Parameter { name, reason });
        }
        let bias = vec![0.0; convolution.output];
        Ok(Self { weight, bias, convolution: convolution.clone() })
    }
}

/// Scales filters by a batch normalisation with frozen statistics and returns the bias that is left.
pub(crate) fn fold(
    norm: &str,
    weight: &mut [f32],
    output: usize,
    parameters: &dyn Parameters,
) -> Result<Vec<f32>> {
    const EPSILON: f64 = 1e-5;
    let vector = |name: &str| parameters.f32(&format!("{norm}.{name}"), &[output]);
    let (scale, shift) = (vector("weight")?, vector("bias")?);
    let (mean, variance) = (vector("running_mean")?, vector("running_var")?);
    let mut bias = Vec::with_capacity(output);
    let filters = weight.chunks_exact_mut((weight.len() / output.max(1)).max(1));
    for (channel, filter) in filters.enumerate() {
        let factor = f64::from(scale[channel]) / (f64::from(variance[channel]) + EPSILON).sqrt();
        filter.iter_mut().for_each(|number| *number = (f64::from(*number) * factor) as f32);
        bias.push((f64::from(shift[channel]) - f64::from(mean[channel]) * factor) as f32);
    }
    Ok(bias)
}
