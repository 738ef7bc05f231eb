//! Answers on pairs as votes of `discover`: seed, candidate, who, and a grade or why there is none.
//!
//! Paths become relative to the folder of the pictures, as in a store. A rater's answer to a pair that was asked
//! a second time follows the first; attention checks and answers that were taken back are left out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use lookalike_discover::votes::Vote as LabelVote;

use crate::error::{Error, Result};
use crate::project::{Answer, Project, Task};
use crate::store::Vote;

/// The votes of a project of pairs.
///
/// # Errors
/// [`Error::Project`] for a project that asks something else, and for pictures that are not in the folder.
pub fn label_votes(project: &Project, votes: &[Vote], pictures: &Path) -> Result<Vec<LabelVote>> {
    let wrong = |path: &Path, reason: String| Error::Project { path: path.to_owned(), reason };
    if !matches!(project.task, Task::Rating | Task::Similarity) {
        let reason = "expected a project of pairs, as 'lookalike discover label' makes";
        return Err(wrong(&project.folder, reason.to_owned()));
    }
    let mut names = Names { root: canonical(pictures)?, pictures, known: HashMap::new() };
    let items: HashMap<&str, _> = project
        .items
        .iter()
        .filter(|item| !item.is_check())
        .map(|item| (item.key.as_str(), &item.question))
        .collect();
    let mut all = Vec::new();
    for vote in votes.iter().filter(|vote| !vote.undone) {
        let Some(question) = items.get(vote.item.as_str()) else { continue };
        let Some(candidate) = question.candidates.first() else { continue };
        let value = match Answer::parse(&vote.answer, project.task) {
            Some(Answer::Score(grade)) => Ok(grade),
            Some(other) => Err(other.to_string()),
            None => {
                let reason = format!("the answer '{}' is no grade", vote.answer);
                return Err(wrong(&project.folder, reason));
            }
        };
        all.push(LabelVote {
            seed: names.of(&question.reference)?,
            candidate: names.of(candidate)?,
            rater: vote.rater.clone(),
            value,
            adjudicates: project.adjudicators.contains(&vote.rater),
        });
    }
    Ok(all)
}

/// Paths below a folder, as a store has them.
struct Names<'a> {
    root: PathBuf,
    pictures: &'a Path,
    known: HashMap<PathBuf, String>,
}

impl Names<'_> {
    fn of(&mut self, path: &Path) -> Result<String> {
        if let Some(known) = self.known.get(path) {
            return Ok(known.clone());
        }
        let wrong = |reason: String| Error::Project { path: path.to_owned(), reason };
        let whole = canonical(path)?;
        let relative = whole
            .strip_prefix(&self.root)
            .map_err(|_| wrong(format!("it is not in {}", self.pictures.display())))?;
        let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
        let name = parts.ok_or_else(|| wrong("its name is not Unicode".to_owned()))?.join("/");
        self.known.insert(path.to_owned(), name.clone());
        Ok(name)
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    let wrong = |error| Error::Project {
        path: path.to_owned(),
        reason: format!("it cannot be found: {error}"),
    };
    path.canonicalize().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_votes_with_paths_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join("shop");
        std::fs::create_dir(&pictures).unwrap();
        for name in ["a.png", "b.png"] {
            std::fs::write(pictures.join(name), b"").unwrap();
        }
        let items =
            "reference,candidate,expected\nshop/a.png,shop/b.png,\nshop/b.png,shop/a.png,1\n";
        std::fs::write(folder.path().join("items.csv"), items).unwrap();
        let toml = b"task = 'similarity'\nitems = 'items.csv'\nraters = ['x', 'y']\n\
                     adjudicators = ['z']\nrepeat_every = 9\n";
        let project = Project::parse(toml, folder.path()).unwrap();
        let pair = r#"["shop/a.png","shop/b.png"]"#;
        let vote = |rater: &str, item: &str, answer: &str| Vote {
            seq: 1,
            at: String::new(),
            rater: rater.into(),
            item: item.into(),
            answer: answer.into(),
            expected: None,
            first: String::new(),
            milliseconds: None,
            display: None,
            undone: false,
        };
        let again = pair.replace(']', ",\"again\"]");
        let votes = [
            vote("x", pair, "1"),
            Vote { undone: true, ..vote("y", pair, "1") },
            vote("y", pair, "unsure"),
            vote("x", r#"["shop/b.png","shop/a.png"]"#, "1"),
            vote("x", &again, "0"),
            vote("z", pair, "0"),
        ];
        let found = label_votes(&project, &votes, &pictures).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|one| (one.seed.as_str(), one.rater.as_str(), one.value.clone(), one.adjudicates))
            .collect();
        let unsure = Err("unsure".to_owned());
        let expected =
            [("x", Ok(1), false), ("y", unsure, false), ("x", Ok(0), false), ("z", Ok(0), true)];
        assert_eq!(told, expected.map(|(rater, value, last)| ("a.png", rater, value, last)));
        let message = label_votes(&project, &votes, &folder.path().join("no")).unwrap_err();
        assert!(message.to_string().contains("cannot be found"), "{message}");
        std::fs::create_dir(folder.path().join("other")).unwrap();
        let message = label_votes(&project, &votes, &folder.path().join("other")).unwrap_err();
        assert!(message.to_string().contains("is not in"), "{message}");
    }
}
