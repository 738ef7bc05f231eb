//! Candidates on disk: one JSON object a line,
//! `{"seed":…,"candidate":…,"proposals":[{"model":…,"rank":…,"score":…}],"stratum":…,"p_incl":…}`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use super::Candidate;
use crate::error::{malformed, unreadable};
use crate::evaluation::Benchmark;
use crate::evaluation::leave_one_out::Proposals;
use crate::{Error, Result};

/// Reads candidates.
///
/// # Errors
/// [`Error::Read`]; [`Error::Malformed`] with the line.
pub fn read(path: &Path) -> Result<Vec<Candidate>> {
    let text = std::fs::read_to_string(path).map_err(unreadable(path))?;
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

/// Who proposed which pair of a benchmark. Pairs that are not of it are left out.
pub fn proposals(candidates: &[Candidate], benchmark: &Benchmark) -> Proposals {
    let seeds: std::collections::HashMap<&str, usize> =
        (0..benchmark.seeds.len()).map(|seed| (benchmark.seed_path(seed), seed)).collect();
    let places: std::collections::HashMap<&str, usize> =
        (0..benchmark.gallery.len()).map(|place| (benchmark.gallery_path(place), place)).collect();
    let mut found = Proposals::new();
    for one in candidates.iter().filter(|one| !one.proposals.is_empty()) {
        if let (Some(&seed), Some(&place)) =
            (seeds.get(one.seed.as_str()), places.get(one.candidate.as_str()))
        {
            let models: BTreeSet<String> =
                one.proposals.iter().map(|proposal| proposal.model.clone()).collect();
            found.entry((seed, place)).or_default().extend(models);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::{Proposal, Stratum};

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
