//! What a pickle builds: plain values in one flat table that refer to each other by index.

use std::collections::HashMap;
use std::rc::Rc;

use super::constructors::Global;
use super::strided::View;
use crate::DType;

/// Why a pickle was given up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It contradicts itself or its format, or is too large.
    Broken(String),
    /// It names something that is no constructor of tensors.
    Forbidden(String),
}

pub(super) type Outcome<T> = Result<T, Fault>;

pub(super) fn broken<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Fault::Broken(reason.into()))
}

/// What an opcode can leave on the stack.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float,
    Text(Rc<str>),
    /// Bytes are never part of a tensor here.
    Bytes,
    Tuple(usize),
    List(usize),
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
    /// An object of no interest, such as the arguments of a training run.
    Inert,
}

impl Value {
    /// What to call it in a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float => "a number",
            Self::Text(_) => "text",
            Self::Bytes => "bytes",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Global(_) => "a name",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Inert => "an object",
        }
    }
}

/// A storage that the pickle refers to: elements that lie elsewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StorageReference {
    pub(super) key: Rc<str>,
    pub(super) dtype: DType,
    pub(super) elements: usize,
}

/// Everything that one pickle built.
#[derive(Debug, Default)]
pub(super) struct Heap {
    /// Elements of tuples and lists; keys and values of dictionaries in turn.
    pub(super) containers: Vec<Vec<Value>>,
    pub(super) storages: Vec<StorageReference>,
    pub(super) storage_by_key: HashMap<Rc<str>, usize>,
    pub(super) tensors: Vec<View>,
}

impl Heap {
    pub(super) fn container(&mut self, elements: Vec<Value>) -> usize {
        self.containers.push(elements);
        self.containers.len() - 1
    }

    /// The elements of a tuple.
    pub(super) fn tuple(&self, value: &Value, what: &str) -> Outcome<&[Value]> {
        match value {
            Value::Tuple(at) => Ok(&self.containers[*at]),
            other => broken(format!("expected {what} as a tuple, found {}", other.kind())),
        }
    }
}
