//! A project: what is asked, of whom, and how often. A folder with a `project.toml`.
//!
//! ```toml
//! task = "2afc"              # 2afc: which is closer? jnd: same or different? rating: how good?
//! items = "items.csv"        # pictures: reference,left,right or reference,candidate
//! raters = ["anna", "ben"]   # or a number of them
//! votes = 2                  # answers wanted per item [default: one of each rater]
//! question = "Which picture looks more like the one in the middle?"
//! seed = 1                   # of order, sides and places of attention checks
//! check_every = 10           # one attention check in so many questions
//! zoom = 1                   # device pixels per sample
//!
//! [timing]                   # of jnd, in milliseconds
//! show = 1000
//! gap = 250
//!
//! [scale]                    # of rating
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

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lookalike_judge::dataset::{Protocol, Question, questions};
use serde::Deserialize;

use crate::error::{Error, Result};

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
}

impl Task {
    /// Its name: `2afc`, `jnd` or `rating`.
    pub fn as_str(self) -> &'static str {
        self.protocol().as_str()
    }

    /// How its judgements are scored.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::TwoAlternative => Protocol::TwoAlternative,
            Self::JustNoticeable => Protocol::JustNoticeable,
            Self::Rating => Protocol::Rating,
        }
    }

    fn question(self) -> &'static str {
        match self {
            Self::TwoAlternative => "Which picture looks more like the one in the middle?",
            Self::JustNoticeable => "Did the two pictures look the same?",
            Self::Rating => "How visible are the differences from the reference?",
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

impl Default for Scale {
    fn default() -> Self {
        let (lowest_label, highest_label) = ("very annoying".into(), "imperceptible".into());
        Self { lowest: 1, highest: 5, lowest_label, highest_label }
    }
}

/// An answer, in terms of the items' own columns rather than of what was shown where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The left picture of the row is closer.
    Left,
    /// The right picture of the row is closer.
    Right,
    /// Both look the same.
    Same,
    /// Both look different.
    Different,
    /// A value of the scale.
    Score(u8),
}

impl Answer {
    /// Reads an answer to a task.
    pub fn parse(text: &str, task: Task) -> Option<Self> {
        match (task, text) {
            (Task::TwoAlternative, "left") => Some(Self::Left),
            (Task::TwoAlternative, "right") => Some(Self::Right),
            (Task::JustNoticeable, "same") => Some(Self::Same),
            (Task::JustNoticeable, "different") => Some(Self::Different),
            (Task::Rating, digit) if digit.len() == 1 => digit.parse().ok().map(Self::Score),
            _ => None,
        }
    }

    /// Whether it is what an attention check expects: an answer, or a range of values `a-b`.
    pub fn meets(self, expected: &str) -> bool {
        if let Self::Score(score) = self {
            return range(expected).is_some_and(|(from, to)| (from..=to).contains(&score));
        }
        self.to_string() == expected
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Left => f.write_str("left"),
            Self::Right => f.write_str("right"),
            Self::Same => f.write_str("same"),
            Self::Different => f.write_str("different"),
            Self::Score(score) => write!(f, "{score}"),
        }
    }
}

/// `4` or `4-5`.
fn range(text: &str) -> Option<(u8, u8)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some((from, to))
}

/// One row of the items, with the key under which its votes are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectItem {
    /// The pictures as the file names them, as a JSON list: what votes refer to.
    pub key: String,
    /// The pictures.
    pub question: Question,
}

impl ProjectItem {
    /// Whether it is an attention check.
    pub fn is_check(&self) -> bool {
        self.question.expected.is_some()
    }

    /// Its pictures: the reference, then the others.
    pub fn pictures(&self) -> impl Iterator<Item = &Path> {
        let others = self.question.candidates.iter().map(PathBuf::as_path);
        std::iter::once(self.question.reference.as_path()).chain(others)
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
    /// Answers wanted per item.
    pub votes: usize,
    /// The seed of order, sides and places of attention checks.
    pub seed: u64,
    /// One attention check in so many questions.
    pub check_every: usize,
    /// Device pixels per sample.
    pub zoom: u32,
    /// Times of a same/different task.
    pub timing: Timing,
    /// The scale of a rating.
    pub scale: Scale,
    /// The items, attention checks included, in the order of the file.
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
    #[serde(default)]
    timing: Timing,
    #[serde(default)]
    scale: Scale,
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
        check_raters(&raters).map_err(wrong)?;
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
        within("scale.highest", raw.scale.highest.into(), u64::from(raw.scale.lowest) + 1, 9)?;
        let items = items(&folder.join(&raw.items), raw.task, &raw.scale)?;
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
            scale: raw.scale,
            items,
        })
    }

    /// Where the votes are.
    pub fn votes_file(&self) -> PathBuf {
        self.folder.join("votes.sqlite")
    }

    /// What must not change once there are votes, as they would mean something else.
    pub fn conditions(&self) -> String {
        let (timing, scale) = (self.timing, &self.scale);
        let part = match self.task {
            Task::TwoAlternative => String::new(),
            Task::JustNoticeable => format!(", show = {}, gap = {}", timing.show, timing.gap),
            Task::Rating => format!(", lowest = {}, highest = {}", scale.lowest, scale.highest),
        };
        format!("task = \"{}\", seed = {}{part}", self.task.as_str(), self.seed)
    }
}

fn check_raters(raters: &[String]) -> Result<(), String> {
    if raters.is_empty() || raters.len() > MOST_RATERS {
        return Err(format!("'raters' are {}, expected 1 to {MOST_RATERS}", raters.len()));
    }
    for (index, name) in raters.iter().enumerate() {
        if name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(format!("'{}' is no name of a rater", name.escape_debug()));
        }
        if raters[..index].contains(name) {
            return Err(format!("the rater '{name}' is there twice"));
        }
    }
    Ok(())
}

fn items(path: &Path, task: Task, scale: &Scale) -> Result<Vec<ProjectItem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut seen = HashMap::new();
    let mut all = Vec::new();
    for question in questions(path, task.protocol())? {
        let question = question?;
        let line = question.line;
        let wrong = |reason: String| {
            Err(Error::Project { path: path.to_owned(), reason: format!("line {line}: {reason}") })
        };
        if let Some(expected) = &question.expected
            && !is_expectable(expected, task, scale)
        {
            let known = match task {
                Task::TwoAlternative => "left or right".to_owned(),
                Task::JustNoticeable => "same or different".to_owned(),
                Task::Rating => format!(
                    "a number from {low} to {high} or a range such as {low}-{high}",
                    low = scale.lowest,
                    high = scale.highest
                ),
            };
            return wrong(format!("expected {known} as 'expected', found '{expected}'"));
        }
        let pictures = std::iter::once(&question.reference).chain(&question.candidates);
        let names = pictures.map(|picture| {
            let name = picture.strip_prefix(folder).unwrap_or(picture);
            name.to_string_lossy().replace('\\', "/")
        });
        let key = serde_json::Value::from(names.collect::<Vec<_>>()).to_string();
        if let Some(first) = seen.insert(key.clone(), line) {
            return wrong(format!("the pictures are those of line {first}"));
        }
        all.push(ProjectItem { key, question });
    }
    match all.iter().any(|item| !item.is_check()) {
        true => Ok(all),
        false => Err(Error::Project {
            path: path.to_owned(),
            reason: "there is nothing to judge: expected at least one row without 'expected'"
                .to_owned(),
        }),
    }
}

fn is_expectable(expected: &str, task: Task, scale: &Scale) -> bool {
    match task {
        Task::Rating => {
            range(expected).is_some_and(|(from, to)| scale.lowest <= from && to <= scale.highest)
        }
        _ => Answer::parse(expected, task).is_some(),
    }
}

#[cfg(test)]
mod tests;
