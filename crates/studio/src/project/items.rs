//! What is asked about: the rows of a file of items, and those of them that are asked twice.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lookalike_judge::dataset::{Question, questions};

use super::answer::range;
use super::{Answer, Scale, Task};
use crate::error::{Error, Result};

/// One row of the items, with the key under which its votes are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectItem {
    /// The pictures as the file names them, as a JSON list: what votes refer to.
    pub key: String,
    /// The pictures.
    pub question: Question,
    /// The number of the item that it shows a second time, to see how steady a rater is.
    pub repeats: Option<usize>,
}

impl ProjectItem {
    /// Whether it is an attention check.
    pub fn is_check(&self) -> bool {
        self.question.expected.is_some()
    }

    /// Whether its answers are judgements: it is neither an attention check nor shown a second time.
    pub fn is_ordinary(&self) -> bool {
        !self.is_check() && self.repeats.is_none()
    }

    /// Its pictures: the reference, then the others.
    pub fn pictures(&self) -> impl Iterator<Item = &Path> {
        let others = self.question.candidates.iter().map(PathBuf::as_path);
        std::iter::once(self.question.reference.as_path()).chain(others)
    }
}

/// The key of an item: its pictures as a JSON list.
fn key(names: Vec<String>) -> String {
    serde_json::Value::from(names).to_string()
}

/// A second copy of every ordinary item, for those that are asked twice.
pub(super) fn repeated(items: &[ProjectItem]) -> Vec<ProjectItem> {
    let ordinary = items.iter().enumerate().filter(|(_, item)| item.is_ordinary());
    let copies = ordinary.filter_map(|(number, item)| {
        let mut names: Vec<String> = serde_json::from_str(&item.key).ok()?;
        names.push("again".to_owned());
        let question = item.question.clone();
        Some(ProjectItem { key: key(names), question, repeats: Some(number) })
    });
    copies.collect()
}

pub(super) fn items(path: &Path, task: Task, scale: &Scale) -> Result<Vec<ProjectItem>> {
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
                Task::Rating | Task::Similarity => format!(
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
        let key = key(names.collect());
        if let Some(first) = seen.insert(key.clone(), line) {
            return wrong(format!("the pictures are those of line {first}"));
        }
        all.push(ProjectItem { key, question, repeats: None });
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

pub(super) fn is_expectable(expected: &str, task: Task, scale: &Scale) -> bool {
    match task {
        Task::Rating | Task::Similarity => {
            range(expected).is_some_and(|(from, to)| scale.lowest <= from && to <= scale.highest)
        }
        _ => Answer::parse(expected, task).is_some(),
    }
}
