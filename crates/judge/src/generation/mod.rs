//! How good generated pictures are, from the features that a network gives of them.
//!
//! * [`frechet`]: distance of Gaussians fitted to features (with Inception's: FID)
//! * [`kernel_distance`]: polynomial MMD² over subsets (with Inception's: KID)
//! * [`cmmd`]: Gaussian MMD² (of CLIP embeddings)
//! * [`precision_recall`]: are they real, do they cover what is real
//! * [`density_coverage`]: the same, less easily fooled by outliers
//! * [`nearest`]: the training picture most like a generated one
//! * [`diversity`]: how much generated pictures differ among themselves
//! * [`similarity`]: the cosine between a picture and its target (of CLIP embeddings: CLIP similarity)
//! * [`edge_fidelity`]: whether edges are where the source has them, found by [`canny`]
//!
//! Features come in as rows of numbers, so it is the caller who knows which network made them; a score has
//! the name of a paper only with the network, the resizing and the number of pictures of that paper.
//! Products of matrices are computed block by block in an order that does not depend on threads.

pub mod canny;
pub mod cmmd;
pub mod density_coverage;
pub mod diversity;
pub mod edge_fidelity;
mod features;
pub mod frechet;
pub mod kernel_distance;
pub mod nearest;
pub mod precision_recall;
mod products;
pub mod similarity;

pub use features::Features;
