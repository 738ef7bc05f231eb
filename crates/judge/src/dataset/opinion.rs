//! Published sets of mean opinion scores, by the files in which they come.
//!
//! * TID2013 (Ponomarenko et al. 2015): `mos_with_names.txt`, lines of a score and a name `I01_02_3.bmp`;
//!   pictures in `distorted_images`, references `I01.BMP` in `reference_images`. More is better.
//! * KADID-10k (Lin, Hosu, Saupe 2019): `dmos.csv` with `dist_img,ref_img,dmos,var`; pictures in `images`.
//!   In spite of its name the score is 5 where no difference is seen and 1 where it is very annoying, so
//!   more is better.
//! * PIPAL (Gu et al. 2020): `Train_Label/*.txt`, lines of a name `A0001_02_03.bmp` and an Elo score;
//!   pictures in `Train_Dist` or folders called so with a suffix, references `A0001.bmp` in `Train_Ref`. More
//!   is better.
//!
//! Subsets are the kinds of distortion (TID2013, PIPAL: the number after the reference). Names are matched
//! without regard to case, as the published files mix both.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::rows::rows;
use super::{DatasetError, Item, Judgement};

type Items = Box<dyn Iterator<Item = Result<Item, DatasetError>> + Send>;

/// The files below a folder by their name in lower case.
fn files(folder: &Path) -> HashMap<String, PathBuf> {
    let entries =
        walkdir::WalkDir::new(folder).max_depth(2).sort_by_file_name().into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|e| (e.file_name().to_string_lossy().to_lowercase(), e.into_path())).collect()
}

/// A file of a name, or where it should have been.
fn find(files: &HashMap<String, PathBuf>, folder: &Path, name: &str) -> PathBuf {
    files.get(&name.to_lowercase()).cloned().unwrap_or_else(|| folder.join(name))
}

struct Folders {
    references: PathBuf,
    candidates: PathBuf,
    reference_files: HashMap<String, PathBuf>,
    candidate_files: HashMap<String, PathBuf>,
}

impl Folders {
    fn new(references: PathBuf, candidates: Vec<PathBuf>) -> Self {
        let reference_files = files(&references);
        let candidate_files = candidates.iter().flat_map(|folder| files(folder)).collect();
        let candidates = candidates.into_iter().next().unwrap_or_default();
        Self { references, candidates, reference_files, candidate_files }
    }

    /// The rating of `REFERENCE_KIND_LEVEL.bmp`.
    fn rating(
        &self,
        name: &str,
        score: &str,
        wrong: impl Fn(String) -> DatasetError,
    ) -> Result<Item, DatasetError> {
        let score: f64 =
            score.trim().parse().ok().filter(|score: &f64| score.is_finite()).ok_or_else(|| {
                wrong(format!("expected a number as the score of '{name}', found '{score}'"))
            })?;
        let mut parts = name.split('_');
        let (Some(reference), Some(kind)) = (parts.next(), parts.next()) else {
            return Err(wrong(format!("expected a name such as I01_02_3.bmp, found '{name}'")));
        };
        let reference = format!("{reference}.bmp");
        Ok(Item {
            judgement: Judgement::Rating {
                reference: find(&self.reference_files, &self.references, &reference),
                candidate: find(&self.candidate_files, &self.candidates, name),
                score,
            },
            subset: Some(kind.to_owned()),
        })
    }
}

fn lines(path: &Path) -> Result<Vec<String>, DatasetError> {
    let failed = |reason| DatasetError::Read { path: path.to_owned(), reason };
    Ok(std::fs::read_to_string(path).map_err(failed)?.lines().map(str::to_owned).collect())
}

pub(super) fn tid2013(root: &Path) -> Result<Items, DatasetError> {
    let list = root.join("mos_with_names.txt");
    let folders = Folders::new(root.join("reference_images"), vec![root.join("distorted_images")]);
    let lines = lines(&list)?.into_iter().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty());
    Ok(Box::new(lines.map(move |(text, line)| {
        let wrong = |reason| DatasetError::malformed(&list, Some(line), reason);
        let mut words = text.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(score), Some(name), None) => folders.rating(name, score, wrong),
            _ => Err(wrong(format!("expected a score and a name, found '{text}'"))),
        }
    })))
}

pub(super) fn kadid10k(root: &Path) -> Result<Items, DatasetError> {
    let folder = root.join("images");
    let rows = rows(&root.join("dmos.csv"), Some(&["dist_img", "ref_img", "dmos", "var"]))?;
    Ok(Box::new(rows.map(move |row| {
        let row = row?;
        let candidate = row.text("dist_img")?;
        Ok(Item {
            judgement: Judgement::Rating {
                reference: folder.join(row.text("ref_img")?),
                candidate: folder.join(candidate),
                score: row.number("dmos")?,
            },
            subset: candidate.split('_').nth(1).map(str::to_owned),
        })
    })))
}

pub(super) fn pipal(root: &Path) -> Result<Items, DatasetError> {
    let labels = root.join("Train_Label");
    let failed = |reason| DatasetError::Read { path: root.to_owned(), reason };
    let mut distorted = Vec::new();
    for entry in std::fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with("Train_Dist") {
            distorted.push(entry.path());
        }
    }
    distorted.sort();
    let folders = Folders::new(root.join("Train_Ref"), distorted);
    let mut lists: Vec<PathBuf> = files(&labels).into_values().collect();
    lists.sort();
    let mut all = Vec::new();
    for list in lists {
        for (text, line) in lines(&list)?.into_iter().zip(1_u64..) {
            if !text.trim().is_empty() {
                all.push((list.clone(), line, text));
            }
        }
    }
    Ok(Box::new(all.into_iter().map(move |(list, line, text)| {
        let wrong = |reason| DatasetError::malformed(&list, Some(line), reason);
        match text.split_once(',') {
            Some((name, score)) => folders.rating(name.trim(), score, wrong),
            None => Err(wrong(format!("expected a name, a comma and a score, found '{text}'"))),
        }
    })))
}
