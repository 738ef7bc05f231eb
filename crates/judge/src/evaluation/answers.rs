//! What people said, as numbers: all that statistics need of judgements, without their pictures.
//!
//! Items are taken one by one and may be forgotten afterwards, so a set need not fit in memory. What stays is
//! a few numbers per item, and the name of every reference.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::dataset::{Item, Judgement, Protocol};
use crate::{Error, Result};

/// What people said, without the pictures: one entry for every item, in one order.
#[derive(Clone, Debug)]
pub struct Answers {
    pub(super) protocol: Protocol,
    /// The share that chose the second, or called both the same; or the rating, more being better. Of an
    /// odd one out the three shares.
    pub(super) values: Vec<f64>,
    /// Which of `subset_names` an item belongs to.
    pub(super) subsets: Vec<Option<usize>>,
    pub(super) subset_names: Vec<String>,
    /// A number for every reference.
    pub(super) references: Vec<usize>,
    pub(super) mean_of_subsets: bool,
}

/// Takes items one by one.
#[derive(Clone, Debug)]
pub struct AnswersBuilder {
    answers: Answers,
    names: HashMap<String, usize>,
    groups: HashMap<Vec<PathBuf>, usize>,
}

impl AnswersBuilder {
    /// No items yet of a protocol; with `mean_of_subsets` subsets do equally, whatever their size.
    pub fn new(protocol: Protocol, mean_of_subsets: bool) -> Self {
        let answers = Answers {
            protocol,
            values: Vec::new(),
            subsets: Vec::new(),
            subset_names: Vec::new(),
            references: Vec::new(),
            mean_of_subsets,
        };
        Self { answers, names: HashMap::new(), groups: HashMap::new() }
    }

    /// Takes the next item.
    ///
    /// # Errors
    /// [`Error::Mixed`] when it is of another protocol.
    pub fn push(&mut self, item: &Item) -> Result<()> {
        let all = &mut self.answers;
        if item.judgement.protocol() != all.protocol {
            return Err(Error::Mixed { index: all.count() });
        }
        match item.judgement {
            Judgement::Triplet { right_share: value, .. }
            | Judgement::Same { same: value, .. }
            | Judgement::Rating { score: value, .. } => all.values.push(value),
            Judgement::OddOneOut { odd, .. } => all.values.extend(odd),
        }
        all.subsets.push(item.subset.as_ref().map(|name| {
            *self.names.entry(name.clone()).or_insert_with(|| {
                all.subset_names.push(name.clone());
                all.subset_names.len() - 1
            })
        }));
        let next = self.groups.len();
        let group = item.judgement.group().into_iter().map(PathBuf::from).collect();
        all.references.push(*self.groups.entry(group).or_insert(next));
        Ok(())
    }

    /// What was said.
    ///
    /// # Errors
    /// [`Error::Empty`].
    pub fn finish(self) -> Result<Answers> {
        if self.answers.count() == 0 { Err(Error::Empty) } else { Ok(self.answers) }
    }
}

impl Answers {
    /// The answers of items, which must all be of one protocol.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::Mixed`].
    pub fn new<'a>(
        items: impl IntoIterator<Item = &'a Item>,
        mean_of_subsets: bool,
    ) -> Result<Self> {
        let mut items = items.into_iter().peekable();
        let protocol = items.peek().ok_or(Error::Empty)?.judgement.protocol();
        let mut answers = AnswersBuilder::new(protocol, mean_of_subsets);
        items.try_for_each(|item| answers.push(item))?;
        answers.finish()
    }

    /// How they are scored.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.subsets.len()
    }

    /// The shares that called each of three the odd one.
    pub(super) fn odd(&self, item: usize) -> [f64; 3] {
        [0, 1, 2].map(|picture| self.values[3 * item + picture])
    }

    pub(super) fn items_of(&self, subset: usize) -> Vec<usize> {
        (0..self.count()).filter(|&item| self.subsets[item] == Some(subset)).collect()
    }

    /// Items parted by their subset; those without one are a part as well.
    pub(super) fn by_subset(&self, items: &[usize]) -> Vec<Vec<usize>> {
        let mut parts = vec![Vec::new(); self.subset_names.len() + 1];
        for &item in items {
            parts[self.subsets[item].unwrap_or(self.subset_names.len())].push(item);
        }
        parts.retain(|part| !part.is_empty());
        parts
    }
}
