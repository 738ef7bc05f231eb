//! Candidates on disk: one JSON object a line,
//! `{"seed":…,"candidate":…,"proposals":[{"model":…,"rank":…,"score":…}],"stratum":…,"p_incl":…}`.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;

use super::{Candidate, Stratum};
use crate::error::{malformed, unreadable};
use crate::evaluation::Benchmark;
use crate::evaluation::audit::Drawn;
use crate::evaluation::leave_one_out::Proposals;
use crate::{Error, Result, tables};

/// Reads candidates: JSON lines, or the same in Parquet.
///
/// # Errors
/// [`Error::Read`]; [`Error::Malformed`] with the line.
pub fn read(path: &Path) -> Result<Vec<Candidate>> {
    let text = match tables::is_parquet(path) {
        true => String::from_utf8_lossy(&tables::of_parquet(path, "jsonl")?).into_owned(),
        false => std::fs::read_to_string(path).map_err(unreadable(path))?,
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let candidates = lines.map(|(number, line)| {
        serde_json::from_str(line)
            .map_err(|error| malformed(path, format!("line {}: {error}", number + 1)))
    });
    candidates.collect()
}

/// Writes candidates.
///
/// # Errors
/// [`Error::Request`] with what the system says.
pub fn write(candidates: &[Candidate], mut to: impl Write) -> Result<()> {
    let failed = |error: String| Error::Request(format!("cannot write candidates: {error}"));
    for candidate in candidates {
        serde_json::to_writer(&mut to, candidate).map_err(|error| failed(error.to_string()))?;
        to.write_all(b"\n").map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// Pairs of a benchmark that were drawn to audit a model.
pub fn audited(candidates: &[Candidate], benchmark: &Benchmark, model: &str) -> BTreeSet<Drawn> {
    let of_model = |one: &&Candidate| {
        one.stratum == Stratum::Audit && one.proposals.iter().any(|p| p.model == model)
    };
    let chosen: Vec<Candidate> = candidates.iter().filter(of_model).cloned().collect();
    pairs(&chosen, benchmark).into_iter().map(|(_, pair)| pair).collect()
}

/// Candidates as the numbers of their seed and of their place in the gallery.
fn pairs<'a>(candidates: &'a [Candidate], benchmark: &Benchmark) -> Vec<(&'a Candidate, Drawn)> {
    let seeds: HashMap<&str, usize> =
        (0..benchmark.seeds.len()).map(|seed| (benchmark.seed_path(seed), seed)).collect();
    let places: HashMap<&str, usize> =
        (0..benchmark.gallery.len()).map(|place| (benchmark.gallery_path(place), place)).collect();
    let pair = |one: &'a Candidate| {
        let seed = *seeds.get(one.seed.as_str())?;
        Some((one, (seed, *places.get(one.candidate.as_str())?)))
    };
    candidates.iter().filter_map(pair).collect()
}

/// Which generator proposed which pair of a benchmark. Pairs that are not of it are left out.
pub fn proposals(candidates: &[Candidate], benchmark: &Benchmark) -> Proposals {
    let mut found = Proposals::new();
    for (one, pair) in pairs(candidates, benchmark) {
        if one.stratum == Stratum::Pool {
            let models = one.proposals.iter().map(|proposal| proposal.model.clone());
            found.entry(pair).or_default().extend(models);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Proposal;

    #[test]
    fn candidates_survive_a_file() {
        let all = [
            Candidate {
                seed: "a \"b\".png".into(),
                candidate: "c.png".into(),
                proposals: vec![Proposal { model: "hog".into(), rank: 3, score: 0.1 }],
                stratum: Stratum::Pool,
                p_incl: 1.0,
            },
            Candidate {
                seed: "a".into(),
                candidate: "d".into(),
                proposals: Vec::new(),
                stratum: Stratum::Random,
                p_incl: 1.0 / 3.0,
            },
        ];
        let file = tempfile::NamedTempFile::new().unwrap();
        write(&all, file.as_file()).unwrap();
        assert_eq!(read(file.path()).unwrap(), all);
        std::fs::write(file.path(), "\n{\"seed\":1}\n").unwrap();
        assert!(read(file.path()).unwrap_err().to_string().contains("line 2"));
    }
}
