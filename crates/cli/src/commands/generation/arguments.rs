//! What can be typed after `lookalike judge generation`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::edges::EdgeArgs;
use crate::args::{Alpha, Fit};

#[derive(Debug, Args)]
pub(crate) struct GenerationArgs {
    /// Folder of generated pictures
    #[arg(value_name = "OUT_DIR")]
    pub(crate) out_dir: PathBuf,

    /// Folder of the pictures that they should have been, under the same names
    #[arg(value_name = "TARGET_DIR")]
    pub(crate) target_dir: PathBuf,

    /// Metrics of every pair by id [default: lpips, psnr, ssim]
    #[arg(short, long = "metric", value_name = "ID,…", value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) metrics: Vec<String>,

    /// Features of the generated pictures, one row each: .npy, or a .safetensors file of one tensor
    #[arg(long, value_name = "FILE", requires = "features_target")]
    pub(crate) features_out: Option<PathBuf>,

    /// Features of the target pictures by the same network
    #[arg(long, value_name = "FILE", requires = "features_out")]
    pub(crate) features_target: Option<PathBuf>,

    /// Row for row, the features of both sides are of a picture and of its target, which gives the mean
    /// similarity of the two
    #[arg(long, requires = "features_out")]
    pub(crate) features_paired: bool,

    /// Features of the training pictures: names the nearest one of every generated picture
    #[arg(long, value_name = "FILE", requires = "features_out")]
    pub(crate) features_training: Option<PathBuf>,

    /// The network that made the features: inception, dinov2-vit-l-14, clip-vit-l-14-336, vgg16-fc2 or
    /// another name. Only with the right one is a score called FID, FD-DINOv2, KID or CMMD
    #[arg(long, value_name = "NAME", requires = "features_out")]
    pub(crate) embedder: Option<String>,

    /// How many subsets KID is the mean of
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    pub(crate) kid_subsets: usize,

    /// How many pictures of either side are in a subset, at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_two)]
    pub(crate) kid_subset_size: usize,

    #[command(flatten)]
    pub(crate) edges: EdgeArgs,

    /// What to do when the sizes of a pair differ
    #[arg(long, value_enum, default_value_t = Fit::Error)]
    pub(crate) fit: Fit,

    /// What lies behind transparent pixels
    #[arg(long, value_enum, default_value_t = Alpha::Error)]
    pub(crate) alpha: Alpha,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    at_least(text, 1)
}

fn at_least_two(text: &str) -> Result<usize, String> {
    at_least(text, 2)
}

fn at_least(text: &str, least: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number >= least);
    number.ok_or_else(|| format!("expected a whole number of at least {least}, found '{text}'"))
}
