//! A project that is under way: its questions, its votes, and what each rater has in front of them.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::pictures;
use crate::plan::Plan;
use crate::project::{Answer, Project, Task};
use crate::store::{NewVote, Store, Vote};

/// Raters' links have these at their end; so has the owner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaterToken {
    /// Who.
    pub rater: String,
    /// Whether they decide where raters are divided.
    pub adjudicates: bool,
    /// What proves it.
    pub token: String,
}

/// Whom a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visitor {
    Rater(usize),
    Owner,
}

/// A project under way.
pub struct Studio {
    project: Project,
    owner: String,
    tokens: Vec<RaterToken>,
    pictures: HashMap<String, PathBuf>,
    ids: Vec<String>,
    numbers: HashMap<String, usize>,
    desk: Mutex<Desk>,
}

struct Desk {
    store: Store,
    plan: Plan,
}

/// What a rater's page is told.
#[derive(Serialize)]
pub(crate) struct State<'a> {
    rater: &'a str,
    task: &'static str,
    question: &'a str,
    zoom: u32,
    show: u32,
    gap: u32,
    lowest: u8,
    highest: u8,
    lowest_label: &'a str,
    highest_label: &'a str,
    guidelines: &'a str,
    adjudicates: bool,
    answered: usize,
    left: usize,
    votes: usize,
    wanted: usize,
    last: Option<i64>,
    current: Option<Asked>,
    /// What can be asked together with it.
    beside: Vec<Asked>,
    upcoming: Vec<String>,
}

/// A question as it is shown: ids of pictures, in the order of the screen.
#[derive(Serialize)]
struct Asked {
    item: String,
    reference: Option<String>,
    shown: Vec<String>,
    /// What raters said, for whoever decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<BTreeMap<String, usize>>,
}

/// An answer as a page sends it, in terms of what it showed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    nonce: String,
    item: String,
    answer: String,
    milliseconds: Option<f64>,
    display: Option<Display>,
}

/// How a page showed the pictures.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Display {
    /// Device pixels per sample.
    scale: f64,
    /// Milliseconds for which each picture and the gap were really shown, of a timed task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    times: Vec<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undo {
    nonce: String,
    last: i64,
}

/// How far everybody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Votes that count towards what is wanted.
    pub votes: usize,
    /// Votes wanted.
    pub wanted: usize,
    /// Each rater.
    pub raters: Vec<RaterProgress>,
    /// Each of those who decide where raters are divided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adjudicators: Vec<RaterProgress>,
    /// Pairs on which raters are divided and nobody has decided.
    pub divided: usize,
}

/// How far a rater is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RaterProgress {
    /// Who.
    pub rater: String,
    /// Answers given, attention checks included.
    pub answered: usize,
    /// Questions left.
    pub left: usize,
    /// Attention checks answered.
    pub checks: usize,
    /// Those answered as expected.
    pub met: usize,
}

fn id(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Studio {
    /// Opens a project: looks for its pictures and takes up its votes.
    ///
    /// # Errors
    /// All of [`Store::open`]; [`Error::Project`] for pictures that are missing.
    pub fn open(project: Project) -> Result<Self> {
        pictures::check(&project)?;
        let store = Store::open(&project)?;
        let plan = Plan::new(&project, &store.votes()?);
        let tokens = project.people().enumerate().map(|(person, rater)| {
            let adjudicates = project.is_adjudicator(person);
            Ok(RaterToken { rater: rater.clone(), adjudicates, token: store.token(rater)? })
        });
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        let owner = store.owner_token()?;
        let paths = project.items.iter().flat_map(|item| item.pictures());
        let pictures = paths.map(|path| (id(&path.to_string_lossy()), path.to_owned())).collect();
        let ids: Vec<String> = project.items.iter().map(|item| id(&item.key)).collect();
        let numbers = ids.iter().cloned().zip(0..).collect();
        let desk = Mutex::new(Desk { store, plan });
        Ok(Self { project, owner, tokens, pictures, ids, numbers, desk })
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The tokens of everybody who answers.
    pub fn tokens(&self) -> &[RaterToken] {
        &self.tokens
    }

    /// The token of the page with the progress.
    pub fn owner_token(&self) -> &str {
        &self.owner
    }

    /// How far everybody is.
    pub fn overview(&self) -> Overview {
        let desk = self.desk();
        let (votes, wanted) = desk.plan.progress(&self.project);
        let people = self.project.people().enumerate().map(|(number, rater)| {
            let state = &desk.plan.raters[number];
            RaterProgress {
                rater: rater.clone(),
                answered: state.answered.len(),
                left: desk.plan.left(&self.project, number),
                checks: state.checks.0,
                met: state.checks.1,
            }
        });
        let mut raters: Vec<RaterProgress> = people.collect();
        let adjudicators = raters.split_off(self.project.raters.len());
        Overview { votes, wanted, raters, adjudicators, divided: desk.plan.divided(&self.project) }
    }

    /// All answers so far, in the order in which they came.
    ///
    /// # Errors
    /// [`Error::Votes`].
    pub fn votes(&self) -> Result<Vec<Vote>> {
        self.desk().store.votes()
    }

    pub(crate) fn visitor(&self, token: &str) -> Option<Visitor> {
        // Comparing hashes tells nothing about the token by the time it takes.
        let given = Sha256::digest(token);
        let is = |known: &str| Sha256::digest(known) == given;
        if is(&self.owner) {
            return Some(Visitor::Owner);
        }
        self.tokens.iter().position(|known| is(&known.token)).map(Visitor::Rater)
    }

    pub(crate) fn picture(&self, id: &str) -> Option<&PathBuf> {
        self.pictures.get(id)
    }

    // A panic elsewhere cannot leave half a change: rows are written before they are counted.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a rater is shown now.
    pub(crate) fn state(&self, rater: usize) -> State<'_> {
        let mut desk = self.desk();
        let current = desk.plan.next(&self.project, rater, &[]);
        desk.plan.raters[rater].open = current;
        let after = current.and_then(|item| desk.plan.next(&self.project, rater, &[item]));
        let adjudicates = self.project.is_adjudicator(rater);
        let asked = |item| self.asked(rater, item, adjudicates.then(|| desk.plan.said(item)));
        let upcoming = after
            .map(asked)
            .map_or_else(Vec::new, |next| next.reference.into_iter().chain(next.shown).collect());
        let beside = current.map_or_else(Vec::new, |item| {
            let others = desk.plan.beside(&self.project, rater, item);
            others.into_iter().map(asked).collect()
        });
        let (votes, wanted) = desk.plan.progress(&self.project);
        let (project, state) = (&self.project, &desk.plan.raters[rater]);
        let name = project.people().nth(rater).map_or("", String::as_str);
        State {
            rater: name,
            task: project.task.as_str(),
            question: &project.question,
            zoom: project.zoom,
            show: project.timing.show,
            gap: project.timing.gap,
            lowest: project.scale.lowest,
            highest: project.scale.highest,
            lowest_label: &project.scale.lowest_label,
            highest_label: &project.scale.highest_label,
            guidelines: &project.guidelines,
            adjudicates,
            answered: state.answered.len(),
            left: desk.plan.left(project, rater),
            votes,
            wanted,
            last: state.history.last().map(|(seq, _)| *seq),
            current: current.map(asked),
            beside,
            upcoming,
        }
    }

    fn asked(&self, rater: usize, item: usize, said: Option<BTreeMap<String, usize>>) -> Asked {
        let swapped = Plan::is_swapped(&self.project, rater, item);
        let question = &self.project.items[item].question;
        let picture = |path: &PathBuf| id(&path.to_string_lossy());
        let others: Vec<String> = question.candidates.iter().map(picture).collect();
        let reference = picture(&question.reference);
        let (reference, mut shown) = match self.project.task {
            Task::JustNoticeable => (None, [vec![reference], others].concat()),
            _ => (Some(reference), others),
        };
        if swapped {
            shown.reverse();
        }
        Asked { item: self.ids[item].clone(), reference, shown, said }
    }

    /// Stores an answer.
    ///
    /// # Errors
    /// [`Error::Conflict`] for what is no answer or answered otherwise; [`Error::Votes`].
    pub(crate) fn answer(&self, rater: usize, sent: &Sent) -> Result<()> {
        let refuse = |reason: &str| Err(Error::Conflict(reason.to_owned()));
        if !(8..=64).contains(&sent.nonce.len()) {
            return refuse("expected a nonce of 8 to 64 bytes");
        }
        let Some(&item) = self.numbers.get(&sent.item) else {
            return refuse("there is no such question");
        };
        let swapped = Plan::is_swapped(&self.project, rater, item);
        let answer = match (self.project.task, sent.answer.as_str()) {
            (Task::TwoAlternative, "first") => {
                Some([Answer::Left, Answer::Right][usize::from(swapped)])
            }
            (Task::TwoAlternative, "second") => {
                Some([Answer::Right, Answer::Left][usize::from(swapped)])
            }
            (Task::TwoAlternative, _) => None,
            (task, text) => Answer::parse(text, task),
        };
        let scale = self.project.scale.lowest..=self.project.scale.highest;
        let Some(answer) = answer
            .filter(|answer| !matches!(answer, Answer::Score(score) if !scale.contains(score)))
        else {
            return refuse("that is no answer to this question");
        };
        let first = match self.project.task {
            Task::TwoAlternative => ["left", "right"][usize::from(swapped)],
            Task::JustNoticeable => ["reference", "candidate"][usize::from(swapped)],
            Task::Rating | Task::Similarity => "reference",
        };
        let Some(name) = self.project.people().nth(rater) else {
            return refuse("nobody has this number");
        };
        let expected = self.project.items[item].question.expected.as_deref();
        let display = sent.display.as_ref().filter(|display| display.times.len() <= 8);
        let display = display.and_then(|display| serde_json::to_string(display).ok());
        let vote = NewVote {
            nonce: &sent.nonce,
            rater: name,
            item: &self.project.items[item].key,
            answer: &answer.to_string(),
            expected,
            first,
            milliseconds: sent
                .milliseconds
                .filter(|ms| (0.0..1e12).contains(ms))
                .map(|ms| ms as i64),
            display: display.as_deref(),
        };
        let mut desk = self.desk();
        let (seq, is_new) = desk.store.add(&vote)?;
        // The same answer sent again may have been taken back in between.
        if is_new {
            desk.plan.add(&self.project, rater, item, seq, answer);
        }
        Ok(())
    }

    /// Takes back a rater's last answer.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is not the last; [`Error::Votes`].
    pub(crate) fn undo(&self, rater: usize, undo: &Undo) -> Result<()> {
        let mut desk = self.desk();
        let name = self.project.people().nth(rater).map_or("", String::as_str);
        desk.store.undo(&undo.nonce, name, undo.last)?;
        let votes = desk.store.votes()?;
        let open: Vec<_> = desk.plan.raters.iter().map(|state| state.open).collect();
        desk.plan = Plan::new(&self.project, &votes);
        for (state, open) in desk.plan.raters.iter_mut().zip(open) {
            state.open = open;
        }
        Ok(())
    }
}
