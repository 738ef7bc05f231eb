//! Where the numbers of a network come from.

mod initial;
mod seeded;

use std::collections::BTreeMap;

pub use initial::Initial;
pub use seeded::Seeded;

use crate::{Error, Result};

/// Named parameters, wherever they are kept.
pub trait Parameters {
    /// The numbers of one parameter in the expected shape, the last dimension fastest.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is none of the name, or its shape is another.
    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;
}

/// Parameters in memory: shape and numbers by name.
#[derive(Clone, Debug, Default)]
pub struct NamedTensors {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl NamedTensors {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter; one of that name is replaced.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], numbers: Vec<f32>) {
        self.tensors.insert(name.into(), (shape.to_vec(), numbers));
    }
}

impl Parameters for NamedTensors {
    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let wrong = |reason: String| Error::Parameter { name: name.to_owned(), reason };
        let (found, numbers) =
            self.tensors.get(name).ok_or_else(|| wrong("there is none of this name".to_owned()))?;
        if found != shape || numbers.len() != shape.iter().product::<usize>() {
            return Err(wrong(format!(
                "expected shape {shape:?}, found {found:?} with {} numbers",
                numbers.len()
            )));
        }
        Ok(numbers.clone())
    }
}

impl<P: Parameters + ?Sized> Parameters for Box<P> {
    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        (**self).f32(name, shape)
    }
}

impl<P: Parameters + ?Sized> Parameters for &P {
    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        (**self).f32(name, shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_shapes_are_checked() {
        let mut tensors = NamedTensors::new();
        tensors.insert("a", &[2, 1], vec![1.0, 2.0]);
        assert_eq!(tensors.f32("a", &[2, 1]).unwrap(), [1.0, 2.0]);
        let message = tensors.f32("a", &[1, 2]).unwrap_err().to_string();
        assert!(message.contains("[1, 2]") && message.contains("[2, 1]"), "{message}");
        assert!(tensors.f32("b", &[1]).is_err());
    }
}
