//! Which tensors the named weights consist of, and the layouts in which files bring them.
//!
//! Canonical names are torchvision's where torchvision has the network. A [`Layout`] lists every
//! tensor a file may have: those that become canonical ones, those that must repeat one, constants
//! that must have the published value, and prefixes that are of no interest (a classifier behind the
//! features).

mod lpips;
mod mobilenet;
mod trunks;

use crate::tensor::elements;
use crate::{Error, Result};

/// A tensor that has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    /// Whether its numbers must not be negative.
    pub(crate) nonnegative: bool,
}

impl Expected {
    pub(crate) fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), nonnegative: false }
    }
}

/// What a tensor of a file is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Role {
    /// It becomes the expected tensor of this index.
    Becomes(usize),
    /// It repeats the expected tensor of this index.
    Repeats(usize),
    /// It holds published constants.
    Constant(&'static [f32]),
}

/// A tensor as a layout has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) role: Role,
}

/// One way in which files name and shape the tensors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    pub(crate) slots: Vec<Slot>,
    /// Names that begin or end like this may be there and are not read.
    pub(crate) ignored_prefixes: &'static [&'static str],
    pub(crate) ignored_suffixes: &'static [&'static str],
}

impl Layout {
    pub(crate) fn ignores(&self, name: &str) -> bool {
        self.ignored_prefixes.iter().any(|prefix| name.starts_with(prefix))
            || self.ignored_suffixes.iter().any(|suffix| name.ends_with(suffix))
    }
}

/// The tensors that weights of a name consist of.
#[derive(Clone, Debug)]
pub struct Specification {
    name: String,
    expected: Vec<Expected>,
    layouts: Vec<Layout>,
}

impl Specification {
    /// The specification of weights in the manifest.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn of(name: &str) -> Result<Self> {
        let known = trunks::specification(name)
            .or_else(|| mobilenet::specification(name))
            .or_else(|| lpips::specification(name));
        known.ok_or_else(|| Error::UnknownName {
            name: name.to_owned(),
            hint: "`lookalike weights list` prints the names".to_owned(),
        })
    }

    /// A specification of one's own: names and shapes, which files must have as they are.
    pub fn new<'a>(
        name: impl Into<String>,
        tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>,
    ) -> Self {
        let expected =
            tensors.into_iter().map(|(name, shape)| Expected::new(name, shape)).collect();
        Self::canonical(name, expected)
    }

    /// The name of the weights.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Canonical names and shapes.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.expected.iter().map(|expected| (expected.name.as_str(), expected.shape.as_slice()))
    }

    /// Numbers in all tensors together.
    pub fn parameters(&self) -> usize {
        self.expected.iter().filter_map(|expected| elements(&expected.shape)).sum()
    }

    pub(crate) fn expected(&self) -> &[Expected] {
        &self.expected
    }

    pub(crate) fn layouts(&self) -> &[Layout] {
        &self.layouts
    }

    /// With the canonical names as the one layout.
    fn canonical(name: impl Into<String>, expected: Vec<Expected>) -> Self {
        let mut specification = Self { name: name.into(), expected, layouts: Vec::new() };
        specification.add("lookalike", |expected| (expected.name.clone(), expected.shape.clone()));
        specification
    }

    /// Adds a layout that has each expected tensor under another name or in another shape.
    fn add(
        &mut self,
        name: &'static str,
        rename: impl Fn(&Expected) -> (String, Vec<usize>),
    ) -> &mut Layout {
        let slots = self.expected.iter().enumerate().map(|(index, expected)| {
            let (name, shape) = rename(expected);
            Slot { name, shape, role: Role::Becomes(index) }
        });
        let slots = slots.collect();
        let layout = Layout { name, slots, ignored_prefixes: &[], ignored_suffixes: &[] };
        self.layouts.push(layout);
        let last = self.layouts.len() - 1;
        &mut self.layouts[last]
    }
}
