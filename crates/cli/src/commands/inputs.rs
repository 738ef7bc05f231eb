//! What the paths of `lookalike compare` stand for.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lookalike::pairing::{self, NameFilter, Separator, WorkList};

use crate::args::CompareArgs;

/// The pairs that the paths on the command line stand for.
pub(crate) fn work_list(args: &CompareArgs) -> anyhow::Result<WorkList> {
    let filter = NameFilter::new(&args.include, &args.exclude)?;
    if let Some(folder) = &args.all_pairs {
        return Ok(pairing::all_pairs(folder, &filter)?);
    }
    if let Some(folder) = &args.consecutive {
        return Ok(pairing::consecutive(folder, &filter)?);
    }
    let dash = Path::new("-");
    let separator = if args.null { Separator::Nul } else { Separator::Line };
    let Some(reference) = &args.reference else { bail!("expected a reference") };
    if reference == dash {
        if !args.candidates.is_empty() {
            bail!(
                "a list of pairs on standard input ('-') stands alone; found candidates beside it"
            );
        }
        let work = pairing::parse_pairs(&standard_input()?, separator)?;
        if work.pairs() == 0 {
            bail!("the list on standard input is empty");
        }
        return Ok(work);
    }
    let mut candidates: Vec<PathBuf> = Vec::new();
    let mut list_read = false;
    for candidate in &args.candidates {
        if candidate != dash {
            candidates.push(candidate.clone());
        } else if !std::mem::replace(&mut list_read, true) {
            candidates.extend(pairing::parse_paths(&standard_input()?, separator)?);
        }
    }
    if candidates.is_empty() {
        bail!("expected at least one candidate after the reference {}", reference.display());
    }
    // A list may name files that have gone; they are reported with the others.
    let (present, absent): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|path| !list_read || path.exists());
    let mut work = if present.is_empty() {
        WorkList::default()
    } else {
        pairing::pair(reference, &present, &filter)?
    };
    work.unpaired.extend(absent.into_iter().map(|path| pairing::Unpaired {
        path,
        message: "listed on standard input, but there is no such file".to_owned(),
        kind: pairing::Alone::Unclear,
    }));
    Ok(work)
}

pub(crate) fn standard_input() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).context("cannot read the list on standard input")?;
    Ok(bytes)
}
