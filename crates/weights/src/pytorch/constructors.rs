//! The names that a pickle may use, and what they build: ordered dictionaries, storages, tensors.
//!
//! A training run's arguments (`argparse.Namespace`) are let through as an object without content,
//! because they lie beside the tensors in many checkpoints.

use std::rc::Rc;

use super::strided::View;
use super::values::{Fault, Heap, Outcome, StorageReference, Value, broken};
use crate::DType;

/// More than any known name takes.
const MAX_ARGUMENTS: usize = 8;

/// Most tensors of a file; the largest published checkpoints have a few thousand.
const MAX_TENSORS: usize = 100_000;

/// A name from the list of those that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    Namespace,
    Size,
    Storage(DType),
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
}

impl Global {
    pub(super) fn find(module: &str, name: &str) -> Outcome<Self> {
        let global = match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("argparse", "Namespace") => Self::Namespace,
            ("torch", "Size") => Self::Size,
            ("torch._utils", "_rebuild_tensor") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensorV2,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", name) => match storage_type(name) {
                Some(dtype) => Self::Storage(dtype),
                None => return Err(Fault::Forbidden(format!("torch.{name}"))),
            },
            _ => return Err(Fault::Forbidden(format!("{module}.{name}"))),
        };
        Ok(global)
    }
}

fn storage_type(name: &str) -> Option<DType> {
    Some(match name {
        "DoubleStorage" => DType::F64,
        "FloatStorage" => DType::F32,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "LongStorage" => DType::I64,
        "IntStorage" => DType::I32,
        "ShortStorage" => DType::I16,
        "CharStorage" => DType::I8,
        "ByteStorage" => DType::U8,
        "BoolStorage" => DType::Bool,
        _ => return None,
    })
}

/// What a known name builds from its arguments.
pub(super) fn call(global: Global, arguments: &Value, heap: &mut Heap) -> Outcome<Value> {
    let arguments = heap.tuple(arguments, "arguments")?;
    if arguments.len() > MAX_ARGUMENTS {
        return broken(format!("{global:?} is called with {} arguments", arguments.len()));
    }
    let arguments = arguments.to_vec();
    match (global, arguments.as_slice()) {
        (Global::OrderedDict, []) => Ok(Value::Dict(heap.container(Vec::new()))),
        (Global::OrderedDict, [Value::List(pairs)]) => {
            let mut items = Vec::new();
            for pair in &heap.containers[*pairs] {
                match pair {
                    Value::Tuple(at) | Value::List(at) if heap.containers[*at].len() == 2 => {
                        items.extend_from_slice(&heap.containers[*at]);
                    }
                    other => return broken(format!("an item of a dictionary is {}", other.kind())),
                }
            }
            Ok(Value::Dict(heap.container(items)))
        }
        (Global::Namespace, _) => Ok(Value::Inert),
        (Global::Size, [Value::Tuple(at)]) => Ok(Value::Tuple(*at)),
        (Global::RebuildTensor, [storage, offset, shape, strides]) => {
            tensor(storage, offset, shape, strides, heap)
        }
        (
            Global::RebuildTensorV2,
            [storage, offset, shape, strides, _gradient, _hooks, rest @ ..],
        ) => {
            match rest {
                [] | [Value::None] => {}
                // Bits such as "conjugated" would change the values.
                [Value::Dict(at)] if heap.containers[*at].is_empty() => {}
                _ => return broken("a tensor with attributes that change its meaning"),
            }
            tensor(storage, offset, shape, strides, heap)
        }
        (Global::RebuildParameter, [tensor @ Value::Tensor(_), _gradient, _hooks]) => {
            Ok(tensor.clone())
        }
        (global, arguments) => {
            broken(format!("{global:?} is called with {} unsuitable arguments", arguments.len()))
        }
    }
}

fn tensor(
    storage: &Value,
    offset: &Value,
    shape: &Value,
    strides: &Value,
    heap: &mut Heap,
) -> Outcome<Value> {
    let Value::Storage(storage) = *storage else {
        return broken(format!("a tensor is built on {}", storage.kind()));
    };
    let numbers = |value: &Value, what: &str| -> Outcome<Vec<usize>> {
        heap.tuple(value, what)?.iter().map(|number| extent(number, what)).collect()
    };
    let (shape, strides) = (numbers(shape, "a shape")?, numbers(strides, "strides")?);
    let offset = extent(offset, "an offset")?;
    let elements = heap.storages[storage].elements;
    let view = View::new(storage, elements, offset, shape, strides).map_err(Fault::Broken)?;
    if heap.tensors.len() == MAX_TENSORS {
        return broken(format!("more than {MAX_TENSORS} tensors"));
    }
    heap.tensors.push(view);
    Ok(Value::Tensor(heap.tensors.len() - 1))
}

fn extent(value: &Value, what: &str) -> Outcome<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number)
            .map_err(|_| Fault::Broken(format!("{what} with {number}, expected 0 or more"))),
        other => broken(format!("{what} with {}, expected an integer", other.kind())),
    }
}

/// The storage behind a persistent id: `('storage', type, key, location, elements[, view])`.
/// The location, such as `cuda:0`, says where it was when it was saved and is of no interest.
pub(super) fn storage(identity: &Value, heap: &mut Heap) -> Outcome<Value> {
    let (tag, dtype, key, elements) = match heap.tuple(identity, "the identity of a storage")? {
        [
            Value::Text(tag),
            Value::Global(Global::Storage(dtype)),
            Value::Text(key),
            Value::Text(_),
            elements,
        ]
        | [
            Value::Text(tag),
            Value::Global(Global::Storage(dtype)),
            Value::Text(key),
            Value::Text(_),
            elements,
            Value::None,
        ] => (tag, *dtype, Rc::clone(key), extent(elements, "a storage")?),
        _ => {
            return broken(
                "the identity of a storage has another form than type, key, location, size",
            );
        }
    };
    if &**tag != "storage" {
        return broken(format!("expected a storage, found an object called '{tag}'"));
    }
    let found = StorageReference { key: Rc::clone(&key), dtype, elements };
    if let Some(&at) = heap.storage_by_key.get(&key) {
        if heap.storages[at] != found {
            return broken(format!("storage '{key}' is described in two ways"));
        }
        return Ok(Value::Storage(at));
    }
    heap.storages.push(found);
    let at = heap.storages.len() - 1;
    heap.storage_by_key.insert(key, at);
    Ok(Value::Storage(at))
}
