//! Scores of two sets of features, each with its convention.

use std::path::PathBuf;

use lookalike_judge::Error;
use lookalike_judge::generation::{
    Features, cmmd, density_coverage, diversity, frechet, kernel_distance, nearest,
    precision_recall, similarity,
};

use super::GenerationArgs;
use super::paired::Paired;
use super::record::{NearestRecord, SetScore};
use crate::args::GlobalArgs;

const INCEPTION: &str = "inception";
const DINOV2: &str = "dinov2-vit-l-14";
const CLIP: &str = "clip-vit-l-14-336";
const VGG: &str = "vgg16-fc2";

/// The authors of FID advise as many pictures.
const ADVISED: usize = 10_000;

/// The features of a run.
pub(crate) struct Sets {
    pub(crate) out: Features,
    pub(crate) target: Features,
    pub(crate) training: Option<Features>,
    pub(crate) embedder: Option<String>,
}

impl Sets {
    /// Reads the files; `None` where none are named.
    pub(crate) fn read(args: &GenerationArgs) -> anyhow::Result<Option<Self>> {
        let (Some(out), Some(target)) = (&args.features_out, &args.features_target) else {
            return Ok(None);
        };
        let first = super::feature_file::read(out)?;
        let of_one_network = |path: &PathBuf| {
            let features = super::feature_file::read(path)?;
            if features.columns() != first.columns() {
                anyhow::bail!(
                    "{}: has {} numbers for each picture where {} has {}; expected features of \
                     one network",
                    path.display(),
                    features.columns(),
                    out.display(),
                    first.columns()
                );
            }
            Ok(features)
        };
        let target = of_one_network(target)?;
        let training = args.features_training.as_ref().map(of_one_network).transpose()?;
        Ok(Some(Self { out: first, target, training, embedder: args.embedder.clone() }))
    }

    fn by(&self, embedder: &str) -> bool {
        self.embedder.as_deref() == Some(embedder)
    }
}

/// A score before it is computed: its name, that of the paper, the network this is right for, what the
/// network needs, and how it is computed.
struct Kind {
    score: &'static str,
    called: &'static str,
    embedder: &'static str,
    network: &'static str,
    convention: String,
}

/// All scores, and the nearest training pictures.
pub(crate) fn all(
    sets: Option<&Sets>,
    args: &GenerationArgs,
    global: &GlobalArgs,
) -> anyhow::Result<(Vec<SetScore>, Option<Vec<NearestRecord>>)> {
    let subsets = kernel_distance::Subsets {
        count: args.kid_subsets,
        size: args.kid_subset_size,
        seed: global.seed,
    };
    let kinds = kinds(subsets);
    let Some(sets) = sets else {
        return Ok((kinds.iter().map(Kind::missing).collect(), None));
    };
    let (out, target) = (&sets.out, &sets.target);
    let [frechet_kind, kid, cmmd_kind, precision, recall, density, coverage, pairwise, alike] =
        kinds;
    let distance = frechet::of(target, out);
    let kernel = kernel_distance::of(target, out, subsets);
    let manifold = precision_recall::of(target, out, precision_recall::NEIGHBOURS);
    let balls = density_coverage::of(target, out, density_coverage::NEIGHBOURS);
    let frechet_kind = match sets.by(DINOV2) {
        // Stein et al., NeurIPS 2023.
        true => Kind { called: "FD-DINOv2", embedder: DINOV2, ..frechet_kind },
        false => frechet_kind,
    };
    let scores = vec![
        SetScore {
            parts: distance
                .map(|found| vec![("means", found.means), ("covariances", found.covariances)])
                .unwrap_or_default(),
            ..frechet_kind.found(sets, distance.map(|found| found.value))
        },
        SetScore {
            deviation: kernel.ok().map(|found| found.deviation),
            subset_size: kernel.ok().map(|found| found.size),
            ..kid.found(sets, kernel.map(|found| found.mean))
        },
        cmmd_kind.found(sets, cmmd::of(target, out)),
        precision.found(sets, manifold.map(|found| found.precision)),
        recall.found(sets, manifold.map(|found| found.recall)),
        density.found(sets, balls.map(|found| found.density)),
        coverage.found(sets, balls.map(|found| found.coverage)),
        pairwise.found(sets, diversity::mean_distance(out)),
        match args.features_paired {
            true => {
                let own = sets.embedder.as_deref().is_some_and(|name| name.starts_with("clip"));
                let called = own.then_some(alike.called);
                SetScore { called, ..alike.found(sets, similarity::of(target, out)) }
            }
            false => SetScore {
                reason: Some(
                    "needs to be told that row by row the files are of a picture and of its target: \
                     --features-paired"
                        .to_owned(),
                ),
                embedder: sets.embedder.clone(),
                ..alike.missing()
            },
        },
    ];
    let nearest = match &sets.training {
        None => None,
        Some(training) => Some(
            nearest::of(out, training)?
                .into_iter()
                .enumerate()
                .map(|(row, found)| NearestRecord {
                    row,
                    training_row: found.index,
                    distance: found.distance,
                })
                .collect(),
        ),
    };
    Ok((scores, nearest))
}

fn kinds(subsets: kernel_distance::Subsets) -> [Kind; 9] {
    let inception =
        "Inception v3 of 2015 (weights-inception-2015-12-05-6726825d.pth), 2048 numbers";
    let clip = "CLIP ViT-L/14 at 336 pixels, 768 numbers";
    let vgg = "VGG16, second fully connected layer, 4096 numbers";
    let kind = |score, called, embedder, network, convention: &str| Kind {
        score,
        called,
        embedder,
        network,
        convention: convention.to_owned(),
    };
    let manifold = "improved precision and recall, k = 3, surfaces inside; manifold of ";
    let balls = "k = 5, balls around targets, surfaces outside, as prdc";
    [
        kind(
            "frechet",
            "FID",
            INCEPTION,
            inception,
            "sample covariance (n - 1), nothing added to singular ones; equals pytorch-fid, \
             clean-fid and torch-fidelity on equal features up to rounding",
        ),
        Kind {
            convention: format!(
                "polynomial kernel (xy/D + 1)^3, unbiased; mean and deviation over {} subsets of \
                 at most {}, seed {}",
                subsets.count, subsets.size, subsets.seed
            ),
            ..kind("kernel", "KID", INCEPTION, inception, "")
        },
        kind(
            "cmmd",
            "CMMD",
            CLIP,
            clip,
            "Gaussian kernel, sigma 10, times 1000, biased estimate, rows of unit length",
        ),
        kind("precision", "precision", VGG, vgg, &format!("{manifold}targets")),
        kind("recall", "recall", VGG, vgg, &format!("{manifold}generated")),
        kind("density", "density", VGG, vgg, balls),
        kind("coverage", "coverage", VGG, vgg, balls),
        kind(
            "diversity",
            "diversity",
            "",
            "any network",
            "mean Euclidean distance over all pairs of generated pictures",
        ),
        kind(
            "similarity",
            "CLIP similarity",
            "",
            "a CLIP image encoder",
            "mean cosine between the features of a generated picture and of its target",
        ),
    ]
}

impl Kind {
    fn found(self, sets: &Sets, value: Result<f64, Error>) -> SetScore {
        let own = self.called == self.score || sets.by(self.embedder);
        SetScore {
            score: self.score,
            called: own.then_some(self.called),
            value: value.as_ref().ok().copied(),
            deviation: None,
            subset_size: None,
            parts: Vec::new(),
            n: Some((sets.out.rows(), sets.target.rows())),
            convention: self.convention,
            embedder: sets.embedder.clone(),
            reason: value.err().map(|error| error.to_string()),
        }
    }

    fn missing(&self) -> SetScore {
        let reason = format!(
            "needs features of all pictures by {}, which this program does not compute; give files \
             of them by --features-out and --features-target",
            self.network
        );
        SetScore {
            score: self.score,
            called: None,
            value: None,
            deviation: None,
            subset_size: None,
            parts: Vec::new(),
            n: None,
            convention: self.convention.clone(),
            embedder: None,
            reason: Some(reason),
        }
    }
}

/// What should be known before the scores are believed.
pub(crate) fn warnings(sets: Option<&Sets>) -> Vec<String> {
    let Some(sets) = sets else { return Vec::new() };
    let least = sets.out.rows().min(sets.target.rows());
    let columns = sets.out.columns();
    let mut warnings = Vec::new();
    if least <= columns {
        warnings.push(format!(
            "frechet: {least} pictures are no more than the {columns} features, so the covariance \
             is singular and the distance mostly bias; kernel has none"
        ));
    } else if least < ADVISED {
        warnings.push(format!(
            "frechet: its authors advise at least {ADVISED} pictures, found {least}; compare only \
             distances of equally many"
        ));
    }
    if sets.embedder.is_none() {
        warnings.push(
            "features: --embedder does not say which network made them, so no score is called \
             FID, KID or CMMD"
                .to_owned(),
        );
    }
    warnings
}

/// Files that do not belong to the folders.
pub(crate) fn unlike_folders(sets: Option<&Sets>, paired: &Paired) -> Option<String> {
    let sets = sets?;
    (sets.out.rows() < paired.pairs).then(|| {
        format!(
            "features: {} rows for at least {} generated pictures; are they of this folder?",
            sets.out.rows(),
            paired.pairs
        )
    })
}
