//! A project: what is asked, of whom, and how often. A folder with a `project.toml`.
//!
//! ```toml
//! task = "2afc"              # 2afc: which is closer? jnd: same or different? rating: how good?
//!                            # similarity: do two different things look alike?
//! items = "items.csv"        # pictures: reference,left,right or reference,candidate
//! raters = ["anna", "ben"]   # or a number of them
//! votes = 2                  # answers wanted per item [default: one of each rater]
//! question = "Which picture looks more like the one in the middle?"
//! seed = 1                   # of order, sides and places of attention checks
//! check_every = 10           # one attention check in so many questions
//! zoom = 1                   # device pixels per sample
//! repeat_every = 12          # of similarity and 2afc: one question in so many is one that was asked before
//! adjudicators = ["carla"]   # of similarity: who decides where raters are divided
//! guidelines = "..."         # of similarity: what raters read before they begin
//!
//! [timing]                   # of jnd, in milliseconds
//! show = 1000
//! gap = 250
//!
//! [scale]                    # of rating; of similarity from 0, not similar, to 1 or more
//! lowest = 1
//! highest = 5
//! lowest_label = "very annoying"
//! highest_label = "imperceptible"
//! ```
//!
//! `task`, `items` and `raters` must be there. Times are those of Zhang et al. 2018, who showed patches for
//! one second each with a gap of 250 ms; the scale is that of ITU-R BT.500 for impairments. A row of the
//! items with a value under `expected` is an attention check: `left` or `right`, `same` or `different`, a
//! number of the scale or a range such as `4-5`. Limits: a scale has at most ten steps, one key each.

mod answer;
mod items;

use std::path::{Path, PathBuf};

use lookalike_judge::dataset::Protocol;
use serde::Deserialize;

use crate::error::{Error, Result};

pub use answer::Answer;
pub use items::ProjectItem;

/// The name of the file that makes a folder a project.
pub const PROJECT_FILE: &str = "project.toml";

/// The most raters that a project has.
const MOST_RATERS: usize = 1000;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Task {
    /// Which of two pictures is closer to a reference?
    #[serde(rename = "2afc")]
    TwoAlternative,
    /// Do two pictures, shown one after the other, look the same?
    #[serde(rename = "jnd")]
    JustNoticeable,
    /// How good is a picture next to its reference?
    #[serde(rename = "rating")]
    Rating,
    /// Do two different things look alike?
    #[serde(rename = "similarity")]
    Similarity,
}

impl Task {
    /// Its name: `2afc`, `jnd`, `rating` or `similarity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Similarity => "similarity",
            other => other.protocol().as_str(),
        }
    }

    /// How its judgements are scored.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::TwoAlternative => Protocol::TwoAlternative,
            Self::JustNoticeable => Protocol::JustNoticeable,
            Self::Rating | Self::Similarity => Protocol::Rating,
        }
    }

    fn question(self) -> &'static str {
        match self {
            Self::TwoAlternative => "Which picture looks more like the one in the middle?",
            Self::JustNoticeable => "Did the two pictures look the same?",
            Self::Rating => "How visible are the differences from the reference?",
            Self::Similarity => "Would these two, different things, pass for look-alikes?",
        }
    }
}

/// For how long the pictures of a same/different task are shown, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// Each picture.
    pub show: u32,
    /// Nothing, between them.
    pub gap: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self { show: 1000, gap: 250 }
    }
}

/// The scale of a rating; more is better.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scale {
    /// The worst value, from 0.
    pub lowest: u8,
    /// The best value, up to 9.
    pub highest: u8,
    /// What the worst value means.
    pub lowest_label: String,
    /// What the best value means.
    pub highest_label: String,
}

impl Scale {
    /// That of a task, where the file says none.
    fn of(task: Task) -> Self {
        match task {
            Task::Similarity => Self {
                lowest: 0,
                highest: 1,
                lowest_label: "not similar".into(),
                highest_label: "similar".into(),
            },
            _ => Self::default(),
        }
    }
}

impl Default for Scale {
    fn default() -> Self {
        let (lowest_label, highest_label) = ("very annoying".into(), "imperceptible".into());
        Self { lowest: 1, highest: 5, lowest_label, highest_label }
    }
}

/// A project, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// What is asked.
    pub task: Task,
    /// The question in words.
    pub question: String,
    /// The names of the raters.
    pub raters: Vec<String>,
    /// The names of those who decide where raters are divided.
    pub adjudicators: Vec<String>,
    /// Answers wanted per item.
    pub votes: usize,
    /// The seed of order, sides and places of attention checks.
    pub seed: u64,
    /// One attention check in so many questions.
    pub check_every: usize,
    /// One pair in so many questions is one that the rater answered before; 0 for none.
    pub repeat_every: usize,
    /// What raters read before they begin.
    pub guidelines: String,
    /// Device pixels per sample.
    pub zoom: u32,
    /// Times of a same/different task.
    pub timing: Timing,
    /// The scale of a rating.
    pub scale: Scale,
    /// The items, attention checks included, in the order of the file; then copies of those that may be asked
    /// twice.
    pub items: Vec<ProjectItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProject {
    task: Task,
    items: PathBuf,
    raters: RawRaters,
    votes: Option<usize>,
    question: Option<String>,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "ten")]
    check_every: usize,
    zoom: Option<u32>,
    repeat_every: Option<usize>,
    #[serde(default)]
    adjudicators: Vec<String>,
    #[serde(default)]
    guidelines: String,
    #[serde(default)]
    timing: Timing,
    scale: Option<Scale>,
}

fn one() -> u64 {
    1
}

fn ten() -> usize {
    10
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of raters or a list of their names")]
enum RawRaters {
    Number(usize),
    Names(Vec<String>),
}

impl Project {
    /// Reads a project and its items. Pictures are not opened.
    ///
    /// # Errors
    /// [`Error::Project`] with what to write where the file is missing or wrong; [`Error::Questions`].
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(PROJECT_FILE);
        let wrong = |reason: String| Error::Project { path: path.clone(), reason };
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => wrong(
                "there is no such file; 'lookalike judge collect PROJECT --init --items FILE \
                 --task 2afc --raters 3' writes one"
                    .to_owned(),
            ),
            _ => wrong(format!("cannot read the file: {error}")),
        })?;
        Self::parse(&bytes, folder)
    }

    /// Reads a project from the bytes of its file, and its items from theirs.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(bytes: &[u8], folder: &Path) -> Result<Self> {
        let path = folder.join(PROJECT_FILE);
        let wrong = |reason: String| Error::Project { path: path.clone(), reason };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("not UTF-8 text".to_owned()))?;
        let raw: RawProject =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        let raters = match raw.raters {
            RawRaters::Number(count) if count <= MOST_RATERS => {
                (1..=count).map(|number| format!("rater {number}")).collect()
            }
            RawRaters::Number(count) => {
                return Err(wrong(format!("'raters' is {count}, expected 1 to {MOST_RATERS}")));
            }
            RawRaters::Names(names) => names,
        };
        if raters.is_empty() || raters.len() > MOST_RATERS {
            return Err(wrong(format!(
                "'raters' are {}, expected 1 to {MOST_RATERS}",
                raters.len()
            )));
        }
        check_names(raters.iter().chain(&raw.adjudicators)).map_err(wrong)?;
        let asks_twice = matches!(raw.task, Task::Similarity | Task::TwoAlternative);
        if raw.repeat_every.is_some() && !asks_twice {
            let reason = "'repeat_every' belongs to the tasks similarity and 2afc alone";
            return Err(wrong(reason.to_owned()));
        }
        if raw.task != Task::Similarity {
            let given = [
                ("adjudicators", !raw.adjudicators.is_empty()),
                ("guidelines", !raw.guidelines.is_empty()),
            ];
            if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
                return Err(wrong(format!("'{name}' belongs to the task similarity alone")));
            }
        }
        let scale = raw.scale.unwrap_or_else(|| Scale::of(raw.task));
        let votes = raw.votes.unwrap_or(raters.len());
        if !(1..=raters.len()).contains(&votes) {
            let reason = format!(
                "'votes' is {votes}, expected 1 to {}, as each rater answers an item once",
                raters.len()
            );
            return Err(wrong(reason));
        }
        let within = |name: &str, value: u64, from: u64, to: u64| match value {
            value if (from..=to).contains(&value) => Ok(()),
            value => Err(wrong(format!("'{name}' is {value}, expected {from} to {to}"))),
        };
        within("check_every", raw.check_every as u64, 2, 1000)?;
        within("zoom", raw.zoom.unwrap_or(1).into(), 1, 16)?;
        within("timing.show", raw.timing.show.into(), 1, 60_000)?;
        within("timing.gap", raw.timing.gap.into(), 0, 60_000)?;
        within("scale.highest", scale.highest.into(), u64::from(scale.lowest) + 1, 9)?;
        let repeat_every = raw.repeat_every.unwrap_or(0);
        if repeat_every > 0 {
            within("repeat_every", repeat_every as u64, 2, 1000)?;
        }
        let mut items = items::items(&folder.join(&raw.items), raw.task, &scale)?;
        if repeat_every > 0 {
            items.extend(items::repeated(&items));
        }
        Ok(Self {
            folder: folder.to_owned(),
            task: raw.task,
            question: raw.question.unwrap_or_else(|| raw.task.question().to_owned()),
            raters,
            votes,
            seed: raw.seed,
            check_every: raw.check_every,
            zoom: raw.zoom.unwrap_or(1),
            timing: raw.timing,
            repeat_every,
            adjudicators: raw.adjudicators,
            guidelines: raw.guidelines,
            scale,
            items,
        })
    }

    /// Where the votes are.
    pub fn votes_file(&self) -> PathBuf {
        self.folder.join("votes.sqlite")
    }

    /// Everybody who answers: the raters, then the adjudicators.
    pub fn people(&self) -> impl Iterator<Item = &String> {
        self.raters.iter().chain(&self.adjudicators)
    }

    /// Whether somebody, by number among all people, decides where raters are divided.
    pub fn is_adjudicator(&self, person: usize) -> bool {
        person >= self.raters.len()
    }

    /// What must not change once there are votes, as they would mean something else.
    pub fn conditions(&self) -> String {
        let (timing, scale) = (self.timing, &self.scale);
        let part = match self.task {
            Task::TwoAlternative => String::new(),
            Task::JustNoticeable => format!(", show = {}, gap = {}", timing.show, timing.gap),
            Task::Rating | Task::Similarity => {
                format!(", lowest = {}, highest = {}", scale.lowest, scale.highest)
            }
        };
        format!("task = \"{}\", seed = {}{part}", self.task.as_str(), self.seed)
    }
}

fn check_names<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut known: Vec<&String> = Vec::new();
    for name in names {
        if name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(format!("'{}' is no name of a rater", name.escape_debug()));
        }
        if known.contains(&name) {
            return Err(format!("the rater '{name}' is there twice"));
        }
        known.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
