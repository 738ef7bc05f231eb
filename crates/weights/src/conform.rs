//! From files to the tensors that were expected of them, or to an account of what is wrong.
//!
//! Of the layouts of a specification the one with the most names in common is taken. Then all must
//! fit: nothing missing, nothing unknown, every shape as expected, all numbers finite, channel
//! weights not negative, repeated tensors equal, constants as published.

use std::collections::{BTreeMap, HashSet};

use crate::specification::{Layout, Role, Slot, Specification};
use crate::{Checkpoint, DType, Error, Result, Tensor};

/// How many offenders of each kind a message names.
const NAMED: usize = 4;

/// Why a file does not hold the named weights.
#[derive(Debug)]
pub struct Mismatch {
    /// The file or files.
    pub file: String,
    /// The weights that were expected.
    pub name: String,
    /// The layout that came nearest; `None` when no name was in common with any.
    pub layout: Option<&'static str>,
    /// Tensors that are expected and absent, by the names of the layout.
    pub missing: Vec<String>,
    /// Tensors that are there and unknown.
    pub unknown: Vec<String>,
    /// Tensors of another shape or with values that cannot be: what was expected and found.
    pub wrong: Vec<String>,
    /// Other weights that the file does hold, or could: versions of one head differ in numbers alone.
    pub instead: Vec<String>,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: these are not the weights '{}'", self.file, self.name)?;
        match self.layout {
            Some(layout) => write!(f, " in the layout '{layout}'")?,
            None => write!(f, ", none of its tensors is known")?,
        }
        for (what, offenders) in
            [("missing", &self.missing), ("unknown", &self.unknown), ("wrong", &self.wrong)]
        {
            if !offenders.is_empty() {
                let named = offenders.iter().take(NAMED).map(String::as_str);
                let named = named.collect::<Vec<_>>().join(", ");
                let more = if offenders.len() > NAMED { ", …" } else { "" };
                write!(f, "; {} {what} ({named}{more})", offenders.len())?;
            }
        }
        match self.instead.as_slice() {
            [] => Ok(()),
            names => write!(f, "; it holds what --as {} expects", names.join(" or --as ")),
        }
    }
}

/// Tensors by canonical name, in single precision, and the layout they came in.
pub(crate) struct Conformed {
    pub(crate) tensors: BTreeMap<String, Tensor>,
    pub(crate) layout: &'static str,
}

/// Takes the expected tensors out of one file, or out of several that complete each other.
pub(crate) fn conform(
    files: &mut [Checkpoint],
    specification: &Specification,
) -> Result<Conformed> {
    for file in files.iter_mut() {
        file.strip_prefix("module.");
    }
    let held = Held::new(files)?;
    let Some((layout, common)) = nearest(&held, specification) else {
        return Err(Error::Mismatch(Box::new(held.mismatch(specification, None))));
    };
    let mut mismatch = held.mismatch(specification, Some(layout));
    if common == 0 {
        mismatch.layout = None;
    } else {
        held.compare(layout, &mut mismatch);
    }
    if mismatch.is_some() {
        mismatch.instead = instead(&held, specification.name());
        return Err(Error::Mismatch(Box::new(mismatch)));
    }
    let places = held.places;
    let mut read = |name: &str| -> Result<Tensor> {
        let file = places.get(name).copied().unwrap_or_default();
        files[file].tensor(name)
    };
    let mut tensors = BTreeMap::new();
    // Repeated tensors are compared with those that they repeat, so these come first.
    for slot in &layout.slots {
        let Role::Becomes(index) = slot.role else { continue };
        let expected = &specification.expected()[index];
        let tensor = read(&slot.name)?;
        let values = tensor.to_f32()?;
        if expected.nonnegative
            && let Some(at) = values.iter().position(|&value| value < 0.0)
        {
            mismatch.wrong.push(format!(
                "'{}' is {} at element {at}, weights of channels are not negative",
                slot.name, values[at]
            ));
        }
        let tensor = single(expected.name.clone(), expected.shape.clone(), &values);
        tensors.insert(expected.name.clone(), tensor);
    }
    for slot in &layout.slots {
        let agrees = match slot.role {
            Role::Becomes(_) => true,
            Role::Repeats(index) => {
                let repeated = tensors.get(&specification.expected()[index].name);
                let values = read(&slot.name)?.to_f32()?;
                repeated.is_some_and(|tensor| tensor.bytes == bytes(&values))
            }
            Role::Constant(published) => {
                let values = read(&slot.name)?.to_f32()?;
                values.len() == published.len()
                    && values.iter().zip(published).all(|(a, b)| (a - b).abs() <= 1e-6)
            }
        };
        if !agrees {
            mismatch.wrong.push(match slot.role {
                Role::Constant(published) => format!("'{}' is not {published:?}", slot.name),
                _ => format!("'{}' differs from the tensor that it repeats", slot.name),
            });
        }
    }
    if mismatch.is_some() {
        return Err(Error::Mismatch(Box::new(mismatch)));
    }
    Ok(Conformed { tensors, layout: layout.name })
}

/// A tensor in single precision.
pub(crate) fn single(name: String, shape: Vec<usize>, values: &[f32]) -> Tensor {
    Tensor { name, shape, dtype: DType::F32, bytes: bytes(values) }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

impl Mismatch {
    fn is_some(&self) -> bool {
        self.layout.is_none()
            || !(self.missing.is_empty() && self.unknown.is_empty() && self.wrong.is_empty())
    }
}

/// What some files hold together.
struct Held {
    file: String,
    /// Which file a tensor is in.
    places: BTreeMap<String, usize>,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Held {
    fn new(files: &[Checkpoint]) -> Result<Self> {
        let names: Vec<&str> = files.iter().map(Checkpoint::file).collect();
        let mut held =
            Self { file: names.join(" + "), places: BTreeMap::new(), shapes: BTreeMap::new() };
        for (index, file) in files.iter().enumerate() {
            for (name, shape, _) in file.tensors() {
                held.shapes.insert(name.to_owned(), shape.to_vec());
                if let Some(other) = held.places.insert(name.to_owned(), index) {
                    let reason = format!("in {} and in {}", names[other], names[index]);
                    return Err(Error::tensor(name, reason));
                }
            }
        }
        Ok(held)
    }

    fn mismatch(&self, specification: &Specification, layout: Option<&Layout>) -> Mismatch {
        Mismatch {
            file: self.file.clone(),
            name: specification.name().to_owned(),
            layout: layout.map(|layout| layout.name),
            missing: Vec::new(),
            unknown: Vec::new(),
            wrong: Vec::new(),
            instead: Vec::new(),
        }
    }

    fn common(&self, layout: &Layout) -> usize {
        layout.slots.iter().filter(|slot| self.shapes.contains_key(&slot.name)).count()
    }

    fn shaped(&self, layout: &Layout) -> usize {
        let fits = |slot: &&Slot| self.shapes.get(&slot.name) == Some(&slot.shape);
        layout.slots.iter().filter(fits).count()
    }

    /// Adds what is missing, unknown or of another shape.
    fn compare(&self, layout: &Layout, mismatch: &mut Mismatch) {
        for slot in &layout.slots {
            match self.shapes.get(&slot.name) {
                None => mismatch.missing.push(slot.name.clone()),
                Some(shape) if *shape != slot.shape => mismatch.wrong.push(format!(
                    "'{}' has shape {shape:?}, expected {:?}",
                    slot.name, slot.shape
                )),
                Some(_) => {}
            }
        }
        let known: HashSet<&str> = layout.slots.iter().map(|slot| slot.name.as_str()).collect();
        let unknown = self.shapes.keys().filter(|name| !known.contains(name.as_str()));
        mismatch.unknown.extend(unknown.filter(|name| !layout.ignores(name)).cloned());
    }
}

fn nearest<'a>(held: &Held, specification: &'a Specification) -> Option<(&'a Layout, usize)> {
    let mut best: Option<(&Layout, (usize, usize))> = None;
    for layout in specification.layouts() {
        // Layouts may share all names and differ in shapes. The first of equals stays.
        let common = (held.common(layout), held.shaped(layout));
        if best.is_none_or(|(_, most)| common > most) {
            best = Some((layout, common));
        }
    }
    best.map(|(layout, (common, _))| (layout, common))
}

/// Names of the manifest whose tensors the files hold.
fn instead(held: &Held, not: &str) -> Vec<String> {
    let others = crate::manifest().iter().map(|entry| entry.name.as_str());
    let fits = |name: &&str| {
        let Ok(specification) = Specification::of(name) else { return false };
        specification.layouts().iter().any(|layout| {
            let mut mismatch = held.mismatch(&specification, Some(layout));
            held.compare(layout, &mut mismatch);
            !mismatch.is_some()
        })
    };
    others.filter(|&name| name != not).filter(fits).map(str::to_owned).collect()
}
