//! DenseNet in torchvision's layout: what the benchmark calls Argus is DenseNet-161 without its classifier.

use std::collections::HashMap;

use lookalike_nn::dense_net::{Architecture, DenseNet};
use lookalike_weights::Tensor;

use crate::taken::Taken;
use crate::{Error, Result};

/// The network of a file's tensors.
///
/// # Errors
/// [`Error::Weights`] with the first tensor that is missing, misshapen or of no layer.
pub(super) fn network(tensors: HashMap<String, Tensor>) -> Result<DenseNet> {
    let tensors: HashMap<String, Tensor> =
        tensors.into_iter().map(|(name, tensor)| (renamed(name), tensor)).collect();
    let architecture = architecture(&tensors)?;
    let given = Taken::of(&tensors);
    let network = DenseNet::new(architecture, &given)?;
    // The classifier stands behind the embedding.
    let may =
        |name: &str| name.starts_with("classifier.") || name.ends_with(".num_batches_tracked");
    match given.left(may) {
        None => Ok(network),
        Some(name) => {
            Err(Error::Weights(format!("DenseNet: the tensor '{name}' belongs to no layer")))
        }
    }
}

/// Published files are older than the names: they have `norm.1` where torchvision has `norm1`.
fn renamed(name: String) -> String {
    match name.contains(".denselayer") {
        true => ["norm", "conv"].iter().fold(name, |name, part| {
            [1, 2].iter().fold(name, |name, number| {
                name.replace(&format!(".{part}.{number}."), &format!(".{part}{number}."))
            })
        }),
        false => name,
    }
}

/// The architecture that shapes tell.
fn architecture(tensors: &HashMap<String, Tensor>) -> Result<Architecture> {
    let outputs = |name: &str| match tensors.get(name).map(|tensor| tensor.shape.as_slice()) {
        Some(&[outputs, _, _, _]) => Ok(outputs),
        Some(shape) => Err(Error::Weights(format!("DenseNet: {name} has the shape {shape:?}"))),
        None => Err(Error::Weights(format!("DenseNet: {name} is missing"))),
    };
    let layer = |block: usize, layer: usize, part: &str| {
        format!("features.denseblock{block}.denselayer{layer}.{part}.weight")
    };
    let growth = outputs(&layer(1, 1, "conv2"))?;
    let blocks = [1, 2, 3, 4].map(|block| {
        (1..).take_while(|&at| tensors.contains_key(&layer(block, at, "conv2"))).count()
    });
    Ok(Architecture {
        initial: outputs("features.conv0.weight")?,
        growth,
        bottleneck: outputs(&layer(1, 1, "conv1"))? / growth.max(1),
        blocks,
    })
}
