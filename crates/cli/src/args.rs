//! What can be typed. One struct per command; what it means is decided in `commands`.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "deep")]
use crate::commands::attack::AttackArgs;
use crate::commands::bapps::BappsArgs;
#[cfg(feature = "deep")]
use crate::commands::certify::CertifyArgs;
use crate::commands::collection::{CollectArgs, ExportArgs};
#[cfg(feature = "deep")]
use crate::commands::dataset::DatasetArgs;
use crate::commands::discover::DiscoverArgs;
use crate::commands::evaluation::EvalArgs;
use crate::commands::generation::GenerationArgs;
#[cfg(feature = "deep")]
use crate::commands::optimise::OptimiseArgs;
use crate::commands::studio::StudioArgs;
#[cfg(feature = "deep")]
use crate::commands::study::StudyArgs;
#[cfg(feature = "deep")]
use crate::commands::train::lipsim::LipsimArgs;
#[cfg(feature = "deep")]
use crate::commands::train::lpips::LpipsArgs;
#[cfg(feature = "deep")]
use crate::commands::train::reconstruction::ReconstructionArgs;
#[cfg(feature = "deep")]
use crate::commands::train::sight::SightArgs;
#[cfg(feature = "deep")]
use crate::commands::train::translate::TranslateArgs as TrainTranslateArgs;
#[cfg(feature = "deep")]
use crate::commands::translate::TranslateArgs;

/// How alike two pictures look to a person.
#[derive(Debug, Parser)]
#[command(name = "lookalike", version, about, max_term_width = 100)]
#[command(after_help = "Exit status: 0 done and all gates passed, 1 a gate failed, 2 an error.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare a reference with candidates, or two folders, by one or more metrics
    Compare(Box<CompareArgs>),
    /// List the metrics, or print the card of one
    Metrics(MetricsArgs),
    /// Draw example pictures with graded distortions and compare them
    Demo(DemoArgs),
    /// List, fetch, import, verify and convert the weights of learned metrics
    Weights(WeightsArgs),
    /// Hold metrics against what people said, and score generated pictures
    Judge(JudgeArgs),
    /// Find pictures of other things that look alike, and measure how well that works
    Discover(DiscoverArgs),
    /// Search stores, label pairs and look at what comes of it, on pages in a browser
    Studio(StudioArgs),
    /// Say by how much a picture may change before a metric decides otherwise
    #[cfg(feature = "deep")]
    Certify(Box<CertifyArgs>),
    /// Look for the change of a picture that a metric minds most
    #[cfg(feature = "deep")]
    Attack(Box<AttackArgs>),
    /// Learn a metric from human judgements or from other metrics
    #[cfg(feature = "deep")]
    Train(TrainArgs),
    /// Draw what a model of `train translate` makes of pictures
    #[cfg(feature = "deep")]
    Translate(Box<TranslateArgs>),
    /// Look at, check and make pairs of pictures that a translation is learned from
    #[cfg(feature = "deep")]
    Dataset(DatasetArgs),
    /// Repeat an experiment of a paper on your own sets
    #[cfg(feature = "deep")]
    Study(StudyArgs),
    /// Move a picture towards another along the gradient of a metric, and keep the frames
    #[cfg(feature = "deep")]
    Optimise(Box<OptimiseArgs>),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page per command into a folder
    Man {
        /// Folder for the pages
        #[arg(short, long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Write the result to a file instead of standard output
    #[arg(short, long, global = true, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,

    /// How the result is written
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Threads; 0 uses all cores. Values do not depend on it
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    pub(crate) jobs: usize,

    /// Seed of everything random
    #[arg(long, global = true, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Where networks are computed; all else is computed on the processor
    #[arg(long, global = true, value_name = "cpu|wgpu[:N]|cuda[:N]", default_value = "cpu")]
    pub(crate) device: String,

    /// Never use the network (only `weights fetch` does)
    #[arg(long, global = true)]
    pub(crate) offline: bool,

    /// Say on standard error what was done to every pair
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// No warnings and no progress
    #[arg(long, global = true)]
    pub(crate) quiet: bool,

    /// No progress bar
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; a bare number for one pair and one metric on a pipe
    Text,
    /// One object with everything
    Json,
    /// One line per pair as soon as it is done, then the summary
    Jsonl,
    /// One row per score
    Csv,
    /// One test case per pair, for continuous integration (compare and demo only)
    Junit,
    /// A page with pictures, to look through by eye (compare, demo and judge eval only; discover has
    /// `report`)
    Html,
}

impl Format {
    /// Why a command that has no pairs to show is not written in this format.
    pub(crate) fn refusal(self, command: &str) -> String {
        let name = self.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
        format!(
            "{command} is not written as {name}, which reports compared pairs; use --format text, \
             json, jsonl or csv"
        )
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The reference: a picture or a folder. `-` alone reads lines of reference, tab, candidate
    #[arg(required_unless_present_any = ["all_pairs", "consecutive"], value_name = "REFERENCE")]
    pub(crate) reference: Option<PathBuf>,

    /// Candidates: pictures or folders; `-` reads paths from standard input
    #[arg(value_name = "CANDIDATE")]
    pub(crate) candidates: Vec<PathBuf>,

    /// Compare every pair of pictures in a folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["reference", "candidates", "consecutive"])]
    pub(crate) all_pairs: Option<PathBuf>,

    /// Compare each picture of a folder with the one before it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["reference", "candidates"])]
    pub(crate) consecutive: Option<PathBuf>,

    /// Lists on standard input are separated by NUL bytes
    #[arg(short = '0', long)]
    pub(crate) null: bool,

    /// Metrics by id, such as ssim,psnr:y@studio+shave=4 [default: ssim, ms-ssim, psnr, ssimulacra2]
    #[arg(short, long = "metric", value_name = "ID,…", value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) metrics: Vec<String>,

    /// Fail (exit 1) unless every pair meets the rule, such as 'ssim>=0.95', or on the metric's map
    /// 'ssim.worst32>=0.9' (worst mean over any 32x32 pixels) or 'ssim.p1>=0.8' (1st percentile
    /// from the bad side)
    #[arg(long = "gate", value_name = "RULE")]
    pub(crate) gates: Vec<String>,

    /// Ignore a region: x,y,width,height, or a picture of the reference's size whose bright pixels
    /// (any channel above half) are ignored. There the candidate gets the reference's pixels, which
    /// a mean counts as equal
    #[arg(long = "mask", value_name = "FILE|x,y,w,h", allow_hyphen_values = true)]
    pub(crate) masks: Vec<String>,

    /// Take metrics, gates and masks by file names from a gates.toml
    #[arg(long, value_name = "FILE", conflicts_with = "explain_diff")]
    pub(crate) config: Option<PathBuf>,

    /// Copy the candidates that fail the config's gates or differ in size over their references,
    /// and new ones to the references' folder; without gates, those with any pixel that differs
    #[arg(long, conflicts_with_all = ["gates", "explain_diff", "all_pairs", "consecutive"])]
    pub(crate) update: bool,

    /// Say what --update would copy, and copy nothing
    #[arg(long, requires = "update")]
    pub(crate) dry_run: bool,

    /// Write a heat map per pair and metric into a folder
    #[arg(long, value_name = "DIR")]
    pub(crate) map: Option<PathBuf>,

    /// Write a further format from the same run, such as html=report.html; may be repeated
    #[arg(long, value_name = "FORMAT=PATH", value_parser = also)]
    pub(crate) also: Vec<(Format, PathBuf)>,

    /// Show every profile of the metrics' families side by side: why two libraries disagree
    #[arg(long, conflicts_with_all = ["gates", "map", "masks", "also"])]
    pub(crate) explain_diff: bool,

    /// What to do when sizes differ [default: error]
    #[arg(long, value_enum)]
    pub(crate) fit: Option<Fit>,

    /// What lies behind transparent pixels [default: error]
    #[arg(long, value_enum)]
    pub(crate) alpha: Option<Alpha>,

    /// Files without a partner are not errors
    #[arg(long)]
    pub(crate) allow_missing: bool,

    /// Only names that match the pattern, relative to the folder
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// No names that match the pattern
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// How many of the worst pairs the summary names
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) worst: usize,

    /// Largest picture that is decoded, in pixels; K, M and G are understood
    #[arg(long, value_name = "N", default_value = "512M", value_parser = pixels)]
    pub(crate) max_pixels: u64,

    #[command(flatten)]
    pub(crate) value: ValueArgs,
}

impl CompareArgs {
    /// Whether a format is among those that the run writes.
    pub(crate) fn writes(&self, format: Format, global: &GlobalArgs) -> bool {
        global.format == format || self.also.iter().any(|(also, _)| *also == format)
    }
}

/// Options that change values, and therefore become part of the reported ids.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options that change values and become part of the id")]
pub(crate) struct ValueArgs {
    /// Taps of the window, for metrics that have one (odd, at least 3)
    #[arg(long, value_name = "N")]
    pub(crate) window: Option<usize>,

    /// Pixels cut off on every side
    #[arg(long, value_name = "N")]
    pub(crate) shave: Option<usize>,

    /// Pixels per degree of the viewing situation, for metrics that know one
    #[arg(long, value_name = "X")]
    pub(crate) ppd: Option<f64>,

    /// The sample value that stands for full intensity, such as 4095 for 12 bits in 16-bit files
    #[arg(long, value_name = "X")]
    pub(crate) range: Option<f64>,

    /// Compare BT.601 luma in place of colour
    #[arg(long)]
    pub(crate) grey: bool,

    /// Curve from scene-linear light (OpenEXR, Radiance HDR) to display-coded samples
    #[arg(long, value_name = "NAME", value_parser = ["clip", "reinhard", "aces"])]
    pub(crate) tonemap: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fit {
    /// Refuse
    Error,
    /// Resample the candidate to the reference's size (antialiased bicubic)
    Resize,
    /// Cut both to the common size, keeping their centres
    Crop,
    /// Pad both with black on the right and at the bottom
    Pad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alpha {
    /// Refuse pictures with transparent pixels
    Error,
    /// Composite over white
    White,
    /// Composite over black
    Black,
    /// Drop the alpha channel
    Ignore,
}

#[derive(Debug, Args)]
pub(crate) struct MetricsArgs {
    /// A metric or family, such as ssim, ssim:y or ssim@skimage
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WeightsArgs {
    #[command(subcommand)]
    pub(crate) command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WeightsCommand {
    /// List the weights that have a name, and which of them are here
    List,
    /// Print the folder in which weights are kept, or the files of some weights
    Where {
        /// Weights, such as alexnet
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Download weights, compare them with their published hash, check and keep them
    #[command(
        after_help = "LOOKALIKE_WEIGHTS_URL names a mirror: URL/NAME/FILE is asked in place of \
                            the published address. A download that broke off continues."
    )]
    Fetch {
        /// Weights, such as lpips-alex-0.1
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Ask this address in place of the published one; the hash stays the published one
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Fetch what is there as well, and replace it
        #[arg(long)]
        force: bool,
    },
    /// Take weights in from files: safetensors or files of torch.save, recognised by content
    Import {
        /// A file, or several that complete each other, such as a trunk and a head
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The name to keep them under, such as alexnet
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        /// The dictionary to take from a file that has several, such as ema
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Replace other weights under this name
        #[arg(long)]
        force: bool,
    },
    /// Read stored weights whole and check them; all that are here unless some are named
    Verify {
        /// Weights, such as alexnet
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Write the tensors of any file that is read as safetensors; of a folder with DreamSim's published files,
    /// one file
    Convert {
        /// The file, or the folder
        #[arg(value_name = "IN")]
        input: PathBuf,
        /// The new file, OUT.safetensors
        #[arg(value_name = "OUT")]
        output: PathBuf,
        /// The dictionary to take from a file that has several, such as ema
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Of a folder: read the tokens of patches as well, as the kinds of DreamSim named patch do
        #[arg(long)]
        patches: bool,
        /// Replace a file that is there
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    #[command(subcommand)]
    pub(crate) command: JudgeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JudgeCommand {
    /// Score metrics by human judgements: 2AFC, JND or ratings, with intervals and comparisons
    Eval(Box<EvalArgs>),
    /// Look whether a download of the BAPPS data set is whole
    Bapps(BappsArgs),
    /// Ask people about pictures, on pages in their browsers: 2AFC, JND or ratings
    Collect(CollectArgs),
    /// Write what people answered as judgements that `judge eval` reads
    Export(ExportArgs),
    /// Score generated pictures against their targets, pair by pair and as a set (FID, KID, …)
    Generation(Box<GenerationArgs>),
}

#[cfg(feature = "deep")]
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(subcommand)]
    pub(crate) command: TrainCommand,
}

#[cfg(feature = "deep")]
impl TrainArgs {
    /// The command, where what it trains cannot be trained on another device.
    pub(crate) fn on_the_processor_alone(&self) -> Option<&'static str> {
        match &self.command {
            TrainCommand::Lpips(_) => Some("train lpips"),
            TrainCommand::Sight(_) => Some("train sight"),
            TrainCommand::Lipsim(_) => Some("train lipsim"),
            TrainCommand::Autoencoder(_)
            | TrainCommand::Vae(_)
            | TrainCommand::SuperResolution(_)
            | TrainCommand::Translate(_) => None,
        }
    }
}

#[cfg(feature = "deep")]
#[derive(Debug, Subcommand)]
pub(crate) enum TrainCommand {
    /// Fit the channel weights of LPIPS to judgements of triplets (2AFC)
    Lpips(Box<LpipsArgs>),
    /// Learn a small metric from what other metrics say of damaged pictures
    Sight(Box<SightArgs>),
    /// Learn a network that cannot stretch, whose decisions can be certified, from a metric and triplets
    Lipsim(Box<LipsimArgs>),
    /// Learn to draw pictures again from a short code, under any loss
    Autoencoder(Box<ReconstructionArgs>),
    /// The same from a distribution of codes (expected-loss VAE)
    Vae(Box<ReconstructionArgs>),
    /// Learn to draw larger pictures (SRCNN), under any loss
    SuperResolution(Box<ReconstructionArgs>),
    /// Learn to translate pictures into others from pairs (a diffusion transformer)
    Translate(Box<TrainTranslateArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for the pictures and maps
    #[arg(value_name = "DIR", default_value = "lookalike-demo")]
    pub(crate) folder: PathBuf,
}

pub(crate) fn also(text: &str) -> Result<(Format, PathBuf), String> {
    let names = || {
        let values = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        values.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let Some((name, path)) = text.split_once('=') else {
        return Err(format!("expected FORMAT=PATH with FORMAT one of {}", names()));
    };
    if path.is_empty() {
        return Err(format!("expected a path after '{name}='"));
    }
    match Format::from_str(name, false) {
        Ok(format) => Ok((format, PathBuf::from(path))),
        Err(_) => Err(format!("'{name}' is no format; expected one of {}", names())),
    }
}

pub(crate) fn pixels(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected a number of pixels such as 500000, 64M or 1G, found '{text}'");
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count.checked_mul(unit).filter(|&pixels| pixels > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn further_formats_name_their_file() {
        assert_eq!(also("html=a=b.html"), Ok((Format::Html, PathBuf::from("a=b.html"))));
        for text in ["", "html", "html=", "xml=a", "=a", "HTML=a"] {
            assert!(also(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pixel_counts_have_units() {
        assert_eq!(pixels("512M"), Ok(512 << 20));
        assert_eq!(pixels("100"), Ok(100));
        for text in ["", "M", "0", "-1", "99999999999G", "1T"] {
            assert!(pixels(text).is_err(), "{text}");
        }
    }
}
