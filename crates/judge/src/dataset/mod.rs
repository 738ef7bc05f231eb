//! What people said of pictures, read from the files in which it comes.
//!
//! | layout | files | protocol |
//! |---|---|---|
//! | `triplets` | CSV or JSONL: `reference,left,right,votes_right,votes` | 2AFC |
//! | `ratings` | CSV or JSONL: `reference,candidate` and `score` or `mos` (more is better) or `dmos` (less is), optionally `std,n` | rating |
//! | `same` | CSV or JSONL: `reference,candidate,votes_same,votes` | JND |
//! | `odd-one-out` | CSV or JSONL: `first,second,third,votes_first,votes_second,votes_third` | odd one out |
//! | `bapps-2afc`, `bapps-jnd` | folders as published by Zhang et al. 2018 | 2AFC, JND |
//! | `nights` | `data.csv` of Fu et al. 2023 (NIGHTS) | 2AFC |
//! | `tid2013`, `kadid10k`, `pipal` | as published | rating |
//!
//! The first four may have a column `subset`; the first three without their votes are [`questions`]. Paths
//! are relative to the file. Items come one by one and name their pictures; no picture is read. Whatever is wrong is an error with file and line.
//!
//! Choices: a rating is stored so that more is better, a `dmos` with its sign turned. Of NIGHTS, as its
//! authors do, only triplets of at least six votes count.

pub(crate) mod bapps;
mod error;
mod inspection;
mod opinion;
mod questions;
mod rows;

use std::path::{Path, PathBuf};

pub use error::DatasetError;
pub use inspection::{SetInspection, inspect_bapps};
pub use questions::{Question, questions};
use rows::{Row, columns, rows};

/// What was asked, of whom the answer is.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Which of two pictures is closer to the reference?
    Triplet {
        /// The reference.
        reference: PathBuf,
        /// The first picture.
        left: PathBuf,
        /// The second picture.
        right: PathBuf,
        /// The share of people who chose the second, from 0 to 1.
        right_share: f64,
    },
    /// How good is a picture, next to its reference?
    Rating {
        /// The reference.
        reference: PathBuf,
        /// The picture that was rated.
        candidate: PathBuf,
        /// The mean opinion, in the set's own units; more is better.
        score: f64,
    },
    /// Do two pictures look the same?
    Same {
        /// The first picture.
        reference: PathBuf,
        /// The second picture.
        candidate: PathBuf,
        /// The share of people who called them the same, from 0 to 1.
        same: f64,
    },
    /// Which of three pictures is least like the other two?
    OddOneOut {
        /// The three pictures.
        pictures: [PathBuf; 3],
        /// The shares of people who called each the odd one.
        odd: [f64; 3],
    },
}

impl Judgement {
    /// The pictures whose distances score it, reference first: of two-alternative forced choice left and
    /// right, of an odd one out the first and second, first and third, second and third, else one pair.
    pub fn pairs(&self) -> Vec<[&Path; 2]> {
        match self {
            Self::Triplet { reference, left, right, .. } => {
                vec![[reference, left], [reference, right]]
            }
            Self::Rating { reference, candidate, .. } | Self::Same { reference, candidate, .. } => {
                vec![[reference, candidate]]
            }
            Self::OddOneOut { pictures: [first, second, third], .. } => {
                vec![[first, second], [first, third], [second, third]]
            }
        }
    }

    /// Its pictures: the reference, or all where none is.
    ///
    /// Judgements of the same ones depend on each other, so statistics draw them together.
    pub fn group(&self) -> Vec<&Path> {
        match self {
            Self::Triplet { reference, .. }
            | Self::Rating { reference, .. }
            | Self::Same { reference, .. } => vec![reference],
            Self::OddOneOut { pictures, .. } => pictures.iter().map(PathBuf::as_path).collect(),
        }
    }

    /// How it is scored.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Triplet { .. } => Protocol::TwoAlternative,
            Self::Rating { .. } => Protocol::Rating,
            Self::Same { .. } => Protocol::JustNoticeable,
            Self::OddOneOut { .. } => Protocol::OddOneOut,
        }
    }
}

/// One judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What was asked and answered.
    pub judgement: Judgement,
    /// The part of the set it belongs to.
    pub subset: Option<String>,
}

/// How judgements are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Agreement with which of two people chose.
    TwoAlternative,
    /// Precision of finding what people call the same.
    JustNoticeable,
    /// Correlation with what people rated.
    Rating,
    /// Agreement with which of three people called the odd one.
    OddOneOut,
}

impl Protocol {
    /// Its name in reports: `2afc`, `jnd`, `rating` or `odd-one-out`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoAlternative => "2afc",
            Self::JustNoticeable => "jnd",
            Self::Rating => "rating",
            Self::OddOneOut => "odd-one-out",
        }
    }

    /// Distances that score one judgement: those of its [pairs](Judgement::pairs).
    pub fn pairs(self) -> usize {
        match self {
            Self::TwoAlternative => 2,
            Self::JustNoticeable | Self::Rating => 1,
            Self::OddOneOut => 3,
        }
    }
}

/// In which files judgements come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `triplets`
    Triplets,
    /// `ratings`
    Ratings,
    /// `same`
    Same,
    /// `odd-one-out`
    OddOneOut,
    /// `bapps-2afc`
    BappsTwoAlternative,
    /// `bapps-jnd`
    BappsJustNoticeable,
    /// `nights`
    Nights,
    /// `tid2013`
    Tid2013,
    /// `kadid10k`
    Kadid10k,
    /// `pipal`
    Pipal,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Triplets,
        Self::Ratings,
        Self::Same,
        Self::OddOneOut,
        Self::BappsTwoAlternative,
        Self::BappsJustNoticeable,
        Self::Nights,
        Self::Tid2013,
        Self::Kadid10k,
        Self::Pipal,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Triplets => "triplets",
            Self::Ratings => "ratings",
            Self::Same => "same",
            Self::OddOneOut => "odd-one-out",
            Self::BappsTwoAlternative => "bapps-2afc",
            Self::BappsJustNoticeable => "bapps-jnd",
            Self::Nights => "nights",
            Self::Tid2013 => "tid2013",
            Self::Kadid10k => "kadid10k",
            Self::Pipal => "pipal",
        }
    }

    /// The layout of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.as_str() == name)
    }

    /// How its judgements are scored.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Triplets | Self::BappsTwoAlternative | Self::Nights => Protocol::TwoAlternative,
            Self::Same | Self::BappsJustNoticeable => Protocol::JustNoticeable,
            Self::OddOneOut => Protocol::OddOneOut,
            Self::Ratings | Self::Tid2013 | Self::Kadid10k | Self::Pipal => Protocol::Rating,
        }
    }

    /// Pixels to which its protocol brings the shorter side of pictures: 64 for BAPPS, whose files are
    /// larger than what people saw.
    pub fn protocol_side(self) -> Option<usize> {
        matches!(self, Self::BappsTwoAlternative | Self::BappsJustNoticeable).then_some(64)
    }

    /// Whether its score is the unweighted mean over subsets, as published, rather than over items.
    pub fn is_mean_of_subsets(self) -> bool {
        matches!(self, Self::BappsTwoAlternative | Self::BappsJustNoticeable)
    }

    /// The layout of a file or folder.
    ///
    /// # Errors
    /// [`DatasetError::Layout`] when none or more than one fits; [`DatasetError::Read`].
    pub fn detect(path: &Path) -> Result<Self, DatasetError> {
        let mut found = Vec::new();
        let mut add = |fits: bool, layout| {
            if fits {
                found.push(layout);
            }
        };
        let looked_at = if path.is_dir() {
            add(path.join("mos_with_names.txt").is_file(), Self::Tid2013);
            add(path.join("dmos.csv").is_file(), Self::Kadid10k);
            add(path.join("Train_Label").is_dir(), Self::Pipal);
            add(path.join("data.csv").is_file(), Self::Nights);
            add(!bapps::sets(path, "judge").is_empty(), Self::BappsTwoAlternative);
            add(!bapps::sets(path, "same").is_empty(), Self::BappsJustNoticeable);
            "the folder".to_owned()
        } else {
            let columns = columns(path)?;
            let has = |name: &str| columns.iter().any(|column| column == name);
            add(has("left_path") && has("right_path"), Self::Nights);
            add(has("left") || has("votes_right"), Self::Triplets);
            add(has("votes_same"), Self::Same);
            add(has("votes_third"), Self::OddOneOut);
            add(has("score") || has("mos") || has("dmos"), Self::Ratings);
            format!("a header of '{}'", columns.join(","))
        };
        match found.as_slice() {
            [layout] => Ok(*layout),
            several => {
                let names = |layouts: &[Self]| {
                    layouts.iter().map(|l| l.as_str()).collect::<Vec<_>>().join(", ")
                };
                let reason = if several.is_empty() {
                    format!("{looked_at} fits no layout of judgements")
                } else {
                    format!("{looked_at} fits several layouts ({})", names(several))
                };
                let layouts = names(&Self::ALL);
                Err(DatasetError::Layout { path: path.to_owned(), reason, layouts })
            }
        }
    }

    /// The judgements of a file or folder, one by one.
    ///
    /// # Errors
    /// When the file or its header cannot be read; errors of single lines come in their place.
    pub fn items(
        self,
        path: &Path,
    ) -> Result<Box<dyn Iterator<Item = Result<Item, DatasetError>> + Send>, DatasetError> {
        let of_rows = |known, item: fn(&Row) -> Result<(Judgement, &str), DatasetError>| {
            let rows = rows(path, Some(known))?;
            let items = rows.map(move |row| {
                let row = row?;
                let (judgement, subset) = item(&row)?;
                let subset = row.get(subset).map(str::to_owned);
                Ok(Item { judgement, subset })
            });
            Ok(Box::new(items) as Box<dyn Iterator<Item = _> + Send>)
        };
        match self {
            Self::Triplets => {
                of_rows(&["reference", "left", "right", "votes_right", "votes", "subset"], |row| {
                    let (right_share, _) = row.share("votes_right", "votes")?;
                    let [reference, left, right] =
                        ["reference", "left", "right"].map(|n| row.path(n));
                    let (reference, left, right) = (reference?, left?, right?);
                    Ok((Judgement::Triplet { reference, left, right, right_share }, "subset"))
                })
            }
            Self::Same => {
                of_rows(&["reference", "candidate", "votes_same", "votes", "subset"], |row| {
                    let (same, _) = row.share("votes_same", "votes")?;
                    let (reference, candidate) = (row.path("reference")?, row.path("candidate")?);
                    Ok((Judgement::Same { reference, candidate, same }, "subset"))
                })
            }
            Self::Ratings => of_rows(
                &["reference", "candidate", "score", "mos", "dmos", "std", "n", "subset"],
                |row| {
                    let (reference, candidate) = (row.path("reference")?, row.path("candidate")?);
                    Ok((
                        Judgement::Rating { reference, candidate, score: opinion_of(row)? },
                        "subset",
                    ))
                },
            ),
            Self::OddOneOut => of_rows(
                &[
                    "first",
                    "second",
                    "third",
                    "votes_first",
                    "votes_second",
                    "votes_third",
                    "subset",
                ],
                |row| {
                    let odd = row.shares(["votes_first", "votes_second", "votes_third"])?;
                    let [first, second, third] = ["first", "second", "third"].map(|n| row.path(n));
                    let pictures = [first?, second?, third?];
                    Ok((Judgement::OddOneOut { pictures, odd }, "subset"))
                },
            ),
            Self::Nights => nights(path),
            Self::BappsTwoAlternative => bapps::items(path, true),
            Self::BappsJustNoticeable => bapps::items(path, false),
            Self::Tid2013 => opinion::tid2013(path),
            Self::Kadid10k => opinion::kadid10k(path),
            Self::Pipal => opinion::pipal(path),
        }
    }
}

/// A rating of which more is better.
fn opinion_of(row: &Row) -> Result<f64, DatasetError> {
    let given: Vec<&str> =
        ["score", "mos", "dmos"].into_iter().filter(|name| row.get(name).is_some()).collect();
    for optional in ["std", "n"] {
        if row.get(optional).is_some() && row.number(optional)? < 0.0 {
            return Err(row.error(format!("'{optional}' is negative")));
        }
    }
    match given.as_slice() {
        ["dmos"] => Ok(-row.number("dmos")?),
        [name] => row.number(name),
        _ => Err(row.error(
            "expected one of 'score' and 'mos' (more is better) and 'dmos' (less is better)"
                .to_owned(),
        )),
    }
}

/// Votes below which NIGHTS counts no triplet.
const NIGHTS_VOTES: f64 = 6.0;

fn nights(
    path: &Path,
) -> Result<Box<dyn Iterator<Item = Result<Item, DatasetError>> + Send>, DatasetError> {
    let file = if path.is_dir() { path.join("data.csv") } else { path.to_owned() };
    // Further columns (prompt, is_imagenet) are of no concern.
    let rows = rows(&file, None)?;
    Ok(Box::new(rows.filter_map(|row| {
        let item = |row: Row| {
            if row.number("votes")? < NIGHTS_VOTES {
                return Ok(None);
            }
            let right_share = row.number("right_vote")?;
            if !(0.0..=1.0).contains(&right_share) {
                return Err(row.error(format!("'right_vote' is {right_share}, expected 0 to 1")));
            }
            let judgement = Judgement::Triplet {
                reference: row.path("ref_path")?,
                left: row.path("left_path")?,
                right: row.path("right_path")?,
                right_share,
            };
            let subset = row.get("split").map(str::to_owned);
            Ok(Some(Item { judgement, subset }))
        };
        row.and_then(item).transpose()
    })))
}

#[cfg(test)]
mod tests;
