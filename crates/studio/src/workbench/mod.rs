//! The workbench: stores that can be searched, and a project of pairs with its labels, agreement and evaluation.
//!
//! Several stores are several models of one catalogue. Pictures are known by the number of a store and of a row;
//! paths that leave the folder of the pictures are refused, whatever a store says.
//!
//! Stores are read anew while others write to them ([`Catalogue`]).

mod access;
mod catalogue;
mod evaluated;
mod parameters;
mod picture;
mod routes;

use std::path::PathBuf;
use std::sync::Arc;

use lookalike_core::AlphaPolicy;
use lookalike_core::decode::DecodeOptions;
use lookalike_discover::candidates::Candidate;
use lookalike_discover::query::Query;
use lookalike_discover::search::{Request, search};
use lookalike_discover::store::{Effort, Filter, VectorStore};
use serde_json::{Value, json};

use self::evaluated::Evaluations;
use self::parameters::Parameters;
use crate::error::{Error, Result};
use crate::project::{Project, Task};
use crate::studio::Studio;

pub use access::Access;
pub use catalogue::Catalogue;
pub(crate) use routes::routes;

/// The largest picture that somebody may look for, in pixels.
const LARGEST_PICTURE: u64 = 64 << 20;

/// Stores and, where there is one, a project of pairs.
pub struct Workbench {
    catalogues: Vec<Catalogue>,
    studio: Option<Arc<Studio>>,
    candidates: Option<Vec<Candidate>>,
    access: Access,
    evaluations: Evaluations,
}

impl Workbench {
    /// A workbench of stores, the first of which is asked where nobody says which.
    ///
    /// # Errors
    /// [`Error::Absent`] without a store.
    pub fn new(catalogues: Vec<Catalogue>, access: Access) -> Result<Self> {
        if catalogues.is_empty() {
            return Err(Error::Absent("expected a store at least".to_owned()));
        }
        let evaluations = Evaluations::default();
        Ok(Self { catalogues, studio: None, candidates: None, access, evaluations })
    }

    /// The same with a project of pairs.
    ///
    /// # Errors
    /// [`Error::Project`] for a project that asks something else; all of [`Studio::open`].
    pub fn with_project(self, project: Project) -> Result<Self> {
        if project.task != Task::Similarity {
            let reason = format!(
                "expected the task similarity, found {}; 'lookalike discover label' makes such a project, and \
                 'lookalike judge collect' asks what this one does",
                project.task.as_str()
            );
            return Err(Error::Project { path: project.folder, reason });
        }
        Ok(Self { studio: Some(Arc::new(Studio::open(project)?)), ..self })
    }

    /// The same with candidates, which say who proposed which pair.
    #[must_use]
    pub fn with_candidates(self, candidates: Vec<Candidate>) -> Self {
        Self { candidates: Some(candidates), ..self }
    }

    /// The project under way.
    pub fn studio(&self) -> Option<&Arc<Studio>> {
        self.studio.as_ref()
    }

    /// Who may do what.
    pub fn access(&self) -> &Access {
        &self.access
    }

    fn project(&self) -> Result<&Arc<Studio>> {
        self.studio.as_ref().ok_or_else(|| {
            Error::Absent(
                "there is no project of pairs here; 'lookalike discover candidates' chooses pairs, \
                 'lookalike discover label' makes a project of them, and 'lookalike studio --project DIR' asks"
                    .to_owned(),
            )
        })
    }

    fn catalogue(&self, name: Option<&str>) -> Result<(usize, &Catalogue)> {
        let mut numbered = self.catalogues.iter().enumerate();
        let found = numbered.find(|(_, one)| name.is_none_or(|name| one.name == name));
        found.ok_or_else(|| {
            let known: Vec<&str> = self.catalogues.iter().map(|one| one.name.as_str()).collect();
            let name = name.unwrap_or_default();
            Error::Absent(format!(
                "there is no model '{name}' here; there are {}",
                known.join(", ")
            ))
        })
    }

    /// What was found for a picture from outside, or one of the store: `lookalike.search/1`.
    fn search(&self, asked: &Parameters, upload: Option<(&str, &[u8])>) -> Result<Value> {
        let (number, catalogue) = self.catalogue(asked.model.as_deref())?;
        let store = catalogue.store()?;
        let store = store.as_ref();
        let refused =
            |reason: &str| Error::from(lookalike_discover::Error::Request(reason.to_owned()));
        let filter = asked.filter.as_deref().map(Filter::parse).transpose()?;
        let (name, query) = match (upload, asked.id) {
            (Some(_), Some(_)) => return Err(refused("expected a picture or an id, found both")),
            (None, None) => return Err(refused("expected the bytes of a picture, or an id")),
            (None, Some(_)) if asked.crop.is_some() => {
                return Err(refused("a crop is of a picture that is sent along"));
            }
            (None, Some(id)) => (format!("#{id}"), Query::of_row(store, id)?),
            (Some((name, bytes)), None) => {
                let embedder = match &catalogue.embedder {
                    Ok(embedder) => embedder.as_ref(),
                    Err(reason) => return Err(refused(reason)),
                };
                let options = DecodeOptions {
                    alpha: AlphaPolicy::White,
                    max_pixels: LARGEST_PICTURE,
                    shorter_side: None,
                };
                let query =
                    Query::of_file(store, || Ok(embedder), bytes, name, &options, asked.crop)?;
                (name.to_owned(), query)
            }
        };
        let request = Request {
            k: asked.k,
            filter,
            effort: if asked.exact { Effort::Exact } else { Effort::Recall95 },
            one_per_product: asked.one_per_product,
            collapse: asked.collapse,
            ..Request::default()
        };
        let request = request.about(&query, asked.exclude_same_product);
        let found = search(store, &query.vector, &request)?;
        let results = found.iter().enumerate().map(|(index, one)| {
            let mut result = one.record(index + 1);
            result["picture"] = format!("api/catalogue/{number}/{}", one.record.id).into();
            result
        });
        let results: Vec<Value> = results.collect();
        let own =
            query.own.map(|own| json!({"id": own.id, "path": own.path, "product": own.product}));
        Ok(json!({
            "schema": "lookalike.search/1", "model": catalogue.name,
            "queries": [{"query": name, "own": own, "results": results}], "errors": [],
        }))
    }

    /// The file of a picture of a store.
    fn picture(&self, number: usize, id: u64) -> Result<PathBuf> {
        let absent = || Error::Absent("there is no such picture".to_owned());
        let catalogue = self.catalogues.get(number).ok_or_else(absent)?;
        let record = catalogue.store()?.records(&[id])?.pop().flatten().ok_or_else(absent)?;
        picture::below(&catalogue.pictures, &record.path)
    }

    /// What pages are told of the stores.
    fn record(&self) -> Result<String> {
        let catalogues = self.catalogues.iter().map(Catalogue::record);
        let catalogues: Vec<Value> = catalogues.collect::<Result<_>>()?;
        Ok(json!({ "catalogues": catalogues, "project": self.studio.is_some() }).to_string())
    }
}
