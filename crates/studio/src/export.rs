//! Votes as files of judgements, which `judge eval` reads.
//!
//! | task | columns |
//! |---|---|
//! | 2AFC | `reference,left,right,votes_right,votes` |
//! | JND | `reference,candidate,votes_same,votes` |
//! | rating, similarity | `reference,candidate,score,std,n`: mean and sample standard deviation |
//!
//! `subset` follows where an item has one. Left out are attention checks, answers that were taken back, second
//! answers to a pair, what adjudicators decided, and items without votes. [`raw`] has every answer on its own.
//! Paths are relative to a folder.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::project::{Answer, Project, Task};
use crate::store::Vote;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// A header, then one line per row.
    Csv,
    /// One JSON object per line.
    JsonLines,
}

/// How one rater did with the attention checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaterChecks {
    /// Who.
    pub rater: String,
    /// Answers that count, checks included.
    pub answers: usize,
    /// Attention checks answered.
    pub checks: usize,
    /// Those answered as expected.
    pub met: usize,
}

impl RaterChecks {
    /// Whether a smaller share than `least` of `of` was met. Who saw no check cannot fail.
    pub fn fails(&self, least: usize, of: usize) -> bool {
        self.checks > 0 && self.met * of < least * self.checks
    }
}

/// How the raters did with the attention checks.
pub fn checks(project: &Project, votes: &[Vote]) -> Vec<RaterChecks> {
    let plan = Plan::new(project, votes);
    // Adjudicators, who are the last, see no checks.
    let raters = project.raters.iter().zip(&plan.raters);
    raters
        .map(|(rater, state)| RaterChecks {
            rater: rater.clone(),
            answers: state.answered.len(),
            checks: state.checks.0,
            met: state.checks.1,
        })
        .collect()
}

type Row = Vec<(&'static str, Value)>;

/// One row per item that has at least `least` votes of raters who are not `excluded`.
pub fn judgements(
    project: &Project,
    votes: &[Vote],
    excluded: &[String],
    least: usize,
    folder: &Path,
) -> Vec<Row> {
    let mut answers: HashMap<&str, Vec<Answer>> = HashMap::new();
    for vote in votes.iter().filter(|vote| !vote.undone && !excluded.contains(&vote.rater)) {
        if let Some(answer) = Answer::parse(&vote.answer, project.task) {
            // What an adjudicator says is no judgement of its own.
            if !project.adjudicators.contains(&vote.rater) {
                answers.entry(&vote.item).or_default().push(answer);
            }
        }
    }
    let has_subsets = project.items.iter().any(|item| item.question.subset.is_some());
    let mut rows = Vec::new();
    for item in project.items.iter().filter(|item| item.is_ordinary()) {
        let Some(answers) = answers.get(item.key.as_str()).filter(|a| a.len() >= least.max(1))
        else {
            continue;
        };
        let mut row = pictures(project, &item.question, folder);
        let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
        match project.task {
            Task::TwoAlternative => row.extend([
                ("votes_right", json!(count(Answer::Right))),
                ("votes", json!(answers.len())),
            ]),
            Task::JustNoticeable => row.extend([
                ("votes_same", json!(count(Answer::Same))),
                ("votes", json!(answers.len())),
            ]),
            Task::Rating | Task::Similarity => {
                let scores: Vec<f64> = answers
                    .iter()
                    .filter_map(
                        |a| if let Answer::Score(s) = a { Some(f64::from(*s)) } else { None },
                    )
                    .collect();
                // "Unsure" and the like are no scores.
                if scores.len() < least.max(1) {
                    continue;
                }
                let n = scores.len() as f64;
                let mean = scores.iter().sum::<f64>() / n;
                let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
                let deviation = match scores.len() {
                    1 => Value::Null,
                    _ => json!((squares / (n - 1.0)).sqrt()),
                };
                row.extend([
                    ("score", json!(mean)),
                    ("std", deviation),
                    ("n", json!(scores.len())),
                ]);
            }
        }
        if has_subsets {
            row.push(("subset", json!(item.question.subset)));
        }
        rows.push(row);
    }
    rows
}

/// One row per answer, attention checks and answers taken back included.
pub fn raw(project: &Project, votes: &[Vote], folder: &Path) -> Vec<Row> {
    let items: HashMap<&str, _> =
        project.items.iter().map(|item| (item.key.as_str(), &item.question)).collect();
    let mut rows = Vec::new();
    for vote in votes {
        let Some(question) = items.get(vote.item.as_str()) else { continue };
        let mut row: Row = vec![("rater", json!(vote.rater))];
        row.extend(pictures(project, question, folder));
        row.extend([
            ("subset", json!(question.subset)),
            ("answer", json!(vote.answer)),
            ("expected", json!(vote.expected)),
            ("shown_first", json!(vote.first)),
            ("milliseconds", json!(vote.milliseconds)),
            ("display", json!(vote.display)),
            ("at", json!(vote.at)),
            ("undone", json!(vote.undone)),
        ]);
        rows.push(row);
    }
    rows
}

fn pictures(
    project: &Project,
    question: &lookalike_judge::dataset::Question,
    folder: &Path,
) -> Row {
    let names: &[&str] = match project.task {
        Task::TwoAlternative => &["left", "right"],
        Task::JustNoticeable | Task::Rating | Task::Similarity => &["candidate"],
    };
    let name = |path: &Path| {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let relative = pathdiff::diff_paths(absolute(path), absolute(folder));
        json!(relative.as_deref().unwrap_or(path).to_string_lossy())
    };
    let mut row = vec![("reference", name(&question.reference))];
    row.extend(names.iter().copied().zip(question.candidates.iter().map(|path| name(path))));
    row
}

/// Writes rows, which all have the same columns.
///
/// # Errors
/// [`Error::Write`].
pub fn write(rows: &[Row], format: RowFormat, to: &mut dyn Write) -> Result<()> {
    match format {
        RowFormat::JsonLines => {
            for row in rows {
                let object: Map<String, Value> = row
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect();
                serde_json::to_writer(&mut *to, &object).map_err(|e| Error::Write(e.into()))?;
                writeln!(to).map_err(Error::Write)?;
            }
        }
        RowFormat::Csv => {
            let failed = |error: csv::Error| Error::Write(std::io::Error::other(error));
            let mut writer = csv::Writer::from_writer(to);
            if let Some(first) = rows.first() {
                writer.write_record(first.iter().map(|(name, _)| name)).map_err(failed)?;
            }
            for row in rows {
                let texts = row.iter().map(|(_, value)| match value {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                writer.write_record(texts).map_err(failed)?;
            }
            writer.flush().map_err(Error::Write)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(rater: &str, item: &str, answer: &str) -> Vote {
        Vote {
            seq: 1,
            at: "2026-01-01T00:00:00.000Z".into(),
            rater: rater.into(),
            item: item.into(),
            answer: answer.into(),
            expected: None,
            first: "left".into(),
            milliseconds: Some(900),
            display: None,
            undone: false,
        }
    }

    fn exported(task: &str, items: &str, votes: &[Vote], format: RowFormat) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("items.csv"), items).unwrap();
        let toml = format!("task = '{task}'\nitems = 'items.csv'\nraters = ['x', 'y']\n");
        let project = Project::parse(toml.as_bytes(), folder.path()).unwrap();
        let rows = judgements(&project, votes, &[], 1, &folder.path().join("out"));
        let mut text = Vec::new();
        write(&rows, format, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn votes_are_counted_by_task() {
        let key = r#"["r","a","b"]"#;
        let undone = Vote { undone: true, ..vote("x", key, "left") };
        let votes = [undone, vote("x", key, "right"), vote("y", key, "left")];
        let items = "reference,left,right,subset\nr,a,b,s\nr,c,d,\n";
        let csv = exported("2afc", items, &votes, RowFormat::Csv);
        assert_eq!(csv, "reference,left,right,votes_right,votes,subset\n../r,../a,../b,1,2,s\n");
        let key = r#"["r","a"]"#;
        let pairs = "reference,candidate\nr,a\n";
        let csv = exported("jnd", pairs, &[vote("x", key, "same")], RowFormat::Csv);
        assert_eq!(csv, "reference,candidate,votes_same,votes\n../r,../a,1,1\n");
        let votes = [vote("x", key, "2"), vote("y", key, "4")];
        let csv = exported("rating", pairs, &votes, RowFormat::Csv);
        assert_eq!(csv, "reference,candidate,score,std,n\n../r,../a,3.0,1.4142135623730951,2\n");
        let json = exported("rating", pairs, &votes[..1], RowFormat::JsonLines);
        assert_eq!(json, "{\"candidate\":\"../a\",\"n\":1,\"reference\":\"../r\",\"score\":2.0}\n");
    }

    #[test]
    fn failing_is_a_share() {
        let rater = |checks, met| RaterChecks { rater: "x".into(), answers: 20, checks, met };
        assert!(rater(15, 13).fails(14, 15) && !rater(15, 14).fails(14, 15));
        assert!(rater(3, 2).fails(14, 15) && !rater(3, 3).fails(14, 15));
        assert!(!rater(0, 0).fails(14, 15));
    }
}
