//! How good models are at discovery, from labels that cover only part of what they retrieve.
//!
//! * [`files`]: the JSON files in which the VSD benchmark keeps images, seeds and labels
//! * [`Benchmark`]: images, seeds and labels, checked against each other
//! * [`Embeddings`]: what a model makes of the images
//! * [`SeedRanking`]: where the labelled candidates of a seed stand in a model's ranking
//! * [`SeedMetric`], [`pooled`]: scores of seeds and of all labelled pairs together
//! * [`identification`]: how well other pictures of the same thing are found, for contrast
//! * [`uncertainty`]: intervals and tests over seeds
//! * [`leave_one_out`]: by how much a model gains from having chosen the candidates itself
//! * [`audit`]: the hit ratio from a random sample of what is not labelled
//! * [`rounds`]: whether another round of labelling is worth it
//! * [`task`]: the four tasks of the VSD benchmark
//! * [`report`](mod@report): all of it for several models; [`record`]: as it is written
//! * [`catalogue`]: stores as the images of a benchmark and as models
//!
//! Notation: q is a seed, P_q and N_q its candidates labelled similar and not similar, s(q, g) the cosine of
//! the seed and an image of the gallery, L_q the gallery in falling s without the seed's own product and with
//! the best image of every other product only; images of equal s stand in the order of the gallery.
//!
//! What nobody labelled is neither right nor wrong. Labels come from the first few results of some models
//! (pooling), so a score that counts unlabelled results as misses favours those models and their relatives.
//! Every score of a list therefore comes with the share of it that is labelled.

pub mod audit;
mod benchmark;
pub mod catalogue;
mod embeddings;
pub mod files;
pub mod identification;
pub mod leave_one_out;
mod metric;
pub mod pooled;
mod ranking;
pub mod record;
pub mod report;
pub mod rounds;
pub mod task;
pub mod uncertainty;
#[cfg(test)]
mod worked_examples;

pub use benchmark::{Benchmark, Dropped, Image, Label, Seed};
pub use embeddings::Embeddings;
pub use metric::{SeedMetric, Share};
pub use ranking::{LabelledRank, SeedRanking};

/// What counts as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The very image that was labelled. A sibling of it that ranks higher hides it from L_q, so it can then
    /// never be found: the released evaluator of VSD counts so.
    Image,
    /// Any image of a product of which an image was labelled; of several labels the highest grade holds.
    Product,
}

/// How labels are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What counts as an answer.
    pub level: Level,
    /// The least grade that is similar.
    pub threshold: u8,
}

impl Rules {
    /// Those of the released evaluator of VSD.
    pub const VSD2023: Self = Self { level: Level::Image, threshold: 1 };
}

impl Default for Rules {
    fn default() -> Self {
        Self { level: Level::Product, threshold: 1 }
    }
}
