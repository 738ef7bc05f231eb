//! From the object in a pickle to tensors with names.
//!
//! A state dictionary maps names to tensors. Checkpoints of training wrap one or several in a further
//! dictionary: where several are found, or one that is not under a customary name among others, the
//! caller chooses by key. Nested dictionaries and lists give names joined by dots, as PyTorch joins
//! the names of modules.

use std::collections::BTreeSet;

use super::pickle::Pickle;
use super::values::{Fault, Heap, Outcome, Value, broken};

/// Under these keys checkpoints keep what is usually wanted.
const CUSTOMARY_KEYS: [&str; 5] = ["state_dict", "model_state_dict", "model", "net", "ema"];

/// Deepest nesting of dictionaries and lists around a tensor.
const MAX_DEPTH: usize = 16;

/// Most values looked at; a list that contains itself many times over would have no end.
const MAX_VISITS: usize = 1 << 20;

/// Most bytes in the names of all tensors.
const MAX_NAME_BYTES: usize = 32 << 20;

/// Names and tensors (by index), or why the caller has to choose.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Tensors(Vec<(String, usize)>),
    /// The file has dictionaries of tensors under these keys.
    Choose(Vec<String>),
}

/// The tensors of a pickle; of the dictionary under `key` where one is named.
pub(super) fn tensors(pickle: &Pickle, key: Option<&str>) -> Outcome<Found> {
    let mut walk =
        Walk { heap: &pickle.heap, visits: 0, name_bytes: 0, path: Vec::new(), found: Vec::new() };
    walk.visit(&pickle.root)?;
    let found = walk.found;
    if found.iter().any(|(path, _)| path.is_empty()) {
        return broken("a single tensor without a name; expected a dictionary of tensors");
    }
    let below = |key: &str| {
        found
            .iter()
            .filter(|(path, _)| path.len() > 1 && path[0] == key)
            .map(|(path, at)| (path[1..].join("."), *at))
            .collect::<Vec<_>>()
    };
    let keys: BTreeSet<&String> =
        found.iter().filter(|(path, _)| path.len() > 1).map(|(path, _)| &path[0]).collect();
    let keys: Vec<String> = keys.into_iter().cloned().collect();
    if let Some(key) = key {
        let tensors = below(key);
        return Ok(if tensors.is_empty() { Found::Choose(keys) } else { Found::Tensors(tensors) });
    }
    if found.iter().any(|(path, _)| path.len() == 1) {
        let all = found.iter().map(|(path, at)| (path.join("."), *at));
        return Ok(Found::Tensors(all.collect()));
    }
    let customary: Vec<_> =
        keys.iter().filter(|key| CUSTOMARY_KEYS.contains(&key.as_str())).collect();
    match (customary.as_slice(), keys.as_slice()) {
        ([key], _) => Ok(Found::Tensors(below(key))),
        ([], [key]) => Ok(Found::Tensors(below(key))),
        _ => Ok(Found::Choose(keys)),
    }
}

struct Walk<'a> {
    heap: &'a Heap,
    visits: usize,
    name_bytes: usize,
    path: Vec<String>,
    found: Vec<(Vec<String>, usize)>,
}

impl Walk<'_> {
    /// Depth is limited, so recursion is.
    fn visit(&mut self, value: &Value) -> Outcome<()> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return broken(format!("more than {MAX_VISITS} values in nested dictionaries"));
        }
        match *value {
            Value::Tensor(at) => {
                self.name_bytes += self.path.iter().map(|name| name.len() + 24).sum::<usize>();
                if self.name_bytes > MAX_NAME_BYTES {
                    return broken(format!("names of more than {MAX_NAME_BYTES} bytes"));
                }
                self.found.push((self.path.clone(), at));
                Ok(())
            }
            Value::Dict(at) => {
                let items = &self.heap.containers[at];
                for item in items.chunks_exact(2) {
                    let name = match &item[0] {
                        Value::Text(name) => name.to_string(),
                        Value::Int(number) => number.to_string(),
                        // Other keys cannot name a tensor; what lies below is still looked at.
                        other => format!("<{}>", other.kind()),
                    };
                    self.descend(name, &item[1])?;
                }
                Ok(())
            }
            Value::List(at) | Value::Tuple(at) => {
                for (index, element) in self.heap.containers[at].iter().enumerate() {
                    self.descend(index.to_string(), element)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn descend(&mut self, name: String, value: &Value) -> Outcome<()> {
        if self.path.len() == MAX_DEPTH {
            return Err(Fault::Broken(format!(
                "dictionaries and lists nested more than {MAX_DEPTH} deep"
            )));
        }
        self.path.push(name);
        let outcome = self.visit(value);
        self.path.pop();
        outcome
    }
}
