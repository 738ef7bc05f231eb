//! A trained network with inputs that it has not learned yet.
//!
//! Filters of a new source's channels and the matrix of a new vector start at 0, so that the network gives what it
//! gave before whatever it is shown there; classes that are given up leave their last row, which stands for none, in
//! the biases of the time.

use super::architecture::Architecture;
use super::network::Dit;
use crate::{Error, Result};

/// A network of another architecture that starts from one with its parameters. Sizes, patches and heads must be the
/// same; what is read beside, in the sequence or as a vector may be new, classes may go, and learned variances may
/// stay only as they are.
///
/// # Errors
/// [`Error::Refused`] for other differences.
pub fn grown(from: &Dit, parameters: &[f32], to: Architecture) -> Result<(Dit, Vec<f32>)> {
    let old = *from.architecture();
    let like = Architecture {
        beside: to.beside,
        sequence: to.sequence,
        vector: to.vector,
        classes: to.classes,
        ..old
    };
    let keeps = |old: usize, new: usize| old == 0 || old == new;
    let kept = like == to
        && keeps(old.beside, to.beside)
        && keeps(old.sequence, to.sequence)
        && keeps(old.vector, to.vector)
        && [0, old.classes].contains(&to.classes);
    if !kept || parameters.len() != from.count() {
        return Err(Error::Refused(format!(
            "a network that is to go on learning: expected the same sizes and inputs besides, {old:?}, found {to:?}"
        )));
    }
    let dit = Dit::new(to)?;
    let initial = dit.initial(0);
    let (mut place, mut numbers) = (0, Vec::with_capacity(dit.count()));
    let mut known = std::collections::HashMap::new();
    let mut start = 0;
    for (name, shape) in from.tensors() {
        let count: usize = shape.iter().product();
        known.insert(name, (shape, &parameters[start..start + count]));
        start += count;
    }
    for (name, shape) in dit.tensors() {
        let count: usize = shape.iter().product();
        let new = &initial[place..place + count];
        place += count;
        match known.get(&name) {
            Some((had, learned)) if *had == shape => numbers.extend_from_slice(learned),
            Some((had, learned)) => {
                // Filters with channels behind those they had.
                let (had, now) = (had[1..].iter().product(), shape[1..].iter().product::<usize>());
                for filter in learned.chunks_exact(had) {
                    numbers.extend_from_slice(filter);
                    numbers.resize(numbers.len() + now - had, 0.0);
                }
            }
            None if name.starts_with("vector_embedder.proj") => {
                numbers.resize(numbers.len() + count, 0.0);
            }
            None => numbers.extend_from_slice(new),
        }
    }
    if to.classes == 0
        && let Some((shape, table)) = known.get("y_embedder.embedding_table.weight")
    {
        let none = &table[(shape[0] - 1) * shape[1]..];
        let mut place = 0;
        for (name, shape) in dit.tensors() {
            let count: usize = shape.iter().product();
            if name == "t_embedder.mlp.2.bias" {
                let bias = &mut numbers[place..place + count];
                bias.iter_mut().zip(none).for_each(|(bias, none)| *bias += none);
            }
            place += count;
        }
    }
    Ok((dit, numbers))
}
