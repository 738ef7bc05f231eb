//! What the labels so far come to: agreement of the raters, and scores of the models.
//!
//! Labels are those of the majority, or of whoever decided where raters were divided. An evaluation is kept until
//! there is another answer, or a store was changed, as it takes seconds where there are many seeds.

use std::sync::{Mutex, PoisonError};

use lookalike_discover::agreement::panel::panel;
use lookalike_discover::evaluation::catalogue::{metadata_of, vectors_of};
use lookalike_discover::evaluation::files::Files;
use lookalike_discover::evaluation::record::{Report, Settings};
use lookalike_discover::evaluation::report::Ranked;
use lookalike_discover::evaluation::rounds::ENOUGH;
use lookalike_discover::evaluation::uncertainty::Sampling;
use lookalike_discover::evaluation::{Benchmark, Rules};
use lookalike_discover::votes::{Settlement, Votes};
use serde_json::{Value, json};

use super::Workbench;
use crate::error::{Error, Result};
use crate::labels::label_votes;

/// Lengths of lists, as in the VSD benchmark.
const LENGTHS: [usize; 2] = [5, 9];

/// What an evaluation is of: how many votes were there, and the generations of the stores.
type Of = (usize, Vec<u64>);

/// The last evaluation as JSON, its scores in their order, and what it is of.
#[derive(Default)]
pub(super) struct Evaluations(Mutex<Option<(Of, String)>>);

impl Workbench {
    fn votes(&self) -> Result<(usize, Votes)> {
        let studio = self.project()?;
        let stored = studio.votes()?;
        // What was taken back changes the labels too.
        let count = stored.len() + stored.iter().filter(|vote| vote.undone).count();
        let pictures = &self.catalogue(None)?.1.pictures;
        Ok((count, Votes::new(label_votes(studio.project(), &stored, pictures)?)))
    }

    fn least_similar(&self) -> Result<u8> {
        // Of two grades the upper is similar; of more, all above the lowest.
        Ok(self.project()?.project().scale.lowest + 1)
    }

    /// How far everybody is.
    pub(super) fn labels(&self) -> Result<String> {
        let studio = self.project()?;
        let people = studio.tokens().iter().map(|one| {
            json!({ "rater": one.rater, "adjudicates": one.adjudicates,
                    "link": format!("/label#{}", one.token) })
        });
        let people: Vec<Value> = people.collect();
        let record = json!({
            "schema": "lookalike.labels/1", "question": studio.project().question,
            "overview": studio.overview(), "people": people,
        });
        Ok(record.to_string())
    }

    /// How far raters agree, and how many labels there are: `lookalike.agree/1` and what became of pairs.
    pub(super) fn agreement(&self) -> Result<String> {
        let (_, votes) = self.votes()?;
        let sampling = Sampling::default();
        let threshold = self.least_similar()?;
        let Some(found) = panel(&votes, threshold, sampling.resamples, sampling.seed) else {
            return Err(Error::Absent("nobody has judged a pair yet".to_owned()));
        };
        let settled = votes.settle(Settlement::Majority, 1);
        let mut record = found.record();
        let similar = settled.tags.iter().filter(|tag| tag.value >= threshold).count();
        record["labels"] = json!({
            "all": settled.tags.len(), "similar": similar, "decided": votes.decided(),
            "divided": settled.divided,
        });
        Ok(record.to_string())
    }

    /// How well models do by the labels so far: `lookalike.evaluate/1`.
    pub(super) fn evaluation(&self) -> Result<String> {
        let (count, votes) = self.votes()?;
        let stores = self.catalogues.iter().map(|one| Ok((one.name.as_str(), one.store()?)));
        let stores: Vec<_> = stores.collect::<Result<_>>()?;
        let of = (count, stores.iter().map(|(_, store)| store.generation()).collect());
        let mut kept = self.evaluations.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, report)) = &*kept
            && *known == of
        {
            return Ok(report.clone());
        }
        let tags = votes.settle(Settlement::Majority, 1).tags;
        if tags.is_empty() {
            return Err(Error::Absent("no pair has a label yet".to_owned()));
        }
        let metadata = stores.first().map(|(_, store)| metadata_of(store.as_ref())).transpose()?;
        let metadata = metadata.unwrap_or_default();
        let benchmark = Benchmark::new(&Files { metadata, tags, ..Files::default() }, &[])?;
        let rules = Rules { threshold: self.least_similar()?, ..Rules::default() };
        let settings = Settings {
            compat: None,
            task: None,
            rules,
            ks: LENGTHS.to_vec(),
            sampling: Sampling::default(),
            coverage: ENOUGH,
        };
        let ranked = stores.iter().map(|(name, store)| {
            let vectors = vectors_of(name, store.as_ref(), &benchmark)?;
            Ok(Ranked::new(name, &benchmark, &vectors, settings.head())?)
        });
        let ranked: Vec<Ranked> = ranked.collect::<Result<_>>()?;
        let report = Report::new(&benchmark, &ranked, &settings, self.candidates.as_deref())?;
        let report = serde_json::to_string(&report)
            .map_err(|error| Error::Page(format!("the evaluation is no JSON: {error}")))?;
        *kept = Some((of, report.clone()));
        Ok(report)
    }
}
