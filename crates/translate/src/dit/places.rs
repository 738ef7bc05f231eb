//! Where every tensor of a network stands in the one vector of numbers that the optimiser sees, and what they start
//! from.
//!
//! Names are those of facebookresearch/DiT. What that code has not: `source_embedder.proj` for the patches of a
//! source in the sequence, `source_embedder.kind` that is added to them, `vector_embedder.proj` and
//! `vector_embedder.null` for a vector and for its absence.
//!
//! Start: dense layers uniform within √(6/(inputs + outputs)) (Glorot and Bengio 2010), the time's two normal with a
//! deviation of 0.02 as are classes, all that modulates and the last layer 0, so that a new network gives 0.

use std::ops::Range;

use lookalike_nn::vision_transformer::Attention;
use lookalike_train::random::{Purpose, Stream};

use super::architecture::{Architecture, Convention};
use super::block::Block;
use super::linear::Linear;
use super::time;

/// How a tensor starts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    Zero,
    /// Uniform within √(6/n).
    Uniform(usize),
    /// Normal with a deviation of 0.02.
    Normal,
}

/// A tensor by its name, shape and start.
#[derive(Clone, Debug)]
struct Slot {
    name: String,
    shape: Vec<usize>,
    start: Start,
}

/// All layers at their places.
#[derive(Clone, Debug)]
pub(super) struct Places {
    slots: Vec<Slot>,
    pub(super) count: usize,
    pub(super) patches: Linear,
    /// Of the patches of a source in the sequence, with what is added to all of them.
    pub(super) sequence: Option<(Linear, Range<usize>)>,
    pub(super) time: [Linear; 2],
    pub(super) classes: Option<Range<usize>>,
    /// Of a vector, with what stands for none.
    pub(super) vector: Option<(Linear, Range<usize>)>,
    pub(super) blocks: Vec<Block>,
    pub(super) last_modulation: Linear,
    pub(super) last: Linear,
}

/// Places that are given out one after the other.
#[derive(Default)]
struct Row {
    slots: Vec<Slot>,
    next: usize,
}

impl Row {
    fn slot(&mut self, name: &str, shape: &[usize], start: Start) {
        self.slots.push(Slot { name: name.to_owned(), shape: shape.to_vec(), start });
    }

    fn numbers(&mut self, name: &str, shape: &[usize], start: Start) -> Range<usize> {
        self.slot(name, shape, start);
        let first = self.next;
        self.next += shape.iter().product::<usize>();
        first..self.next
    }

    fn linear(
        &mut self,
        path: &str,
        [outputs, inputs]: [usize; 2],
        start: Option<Start>,
    ) -> Linear {
        self.shaped(path, &[outputs, inputs], start)
    }

    /// A dense layer whose weights have a shape of more extents in files; uniform unless it starts otherwise.
    fn shaped(&mut self, path: &str, shape: &[usize], start: Option<Start>) -> Linear {
        let outputs = shape[0];
        let inputs = shape[1..].iter().product();
        let start = start.unwrap_or(Start::Uniform(inputs + outputs));
        self.slot(&format!("{path}.weight"), shape, start);
        self.slot(&format!("{path}.bias"), &[outputs], Start::Zero);
        Linear::place(&mut self.next, [outputs, inputs])
    }
}

impl Places {
    pub(super) fn new(architecture: &Architecture) -> Self {
        let Architecture { width, patch, heads, vector, classes, .. } = *architecture;
        let mut row = Row::default();
        let read = architecture.channels + architecture.beside;
        let patches = row.shaped("x_embedder.proj", &[width, read, patch, patch], None);
        let sequence = (architecture.sequence > 0).then(|| {
            let shape = [width, architecture.sequence, patch, patch];
            let patches = row.shaped("source_embedder.proj", &shape, None);
            (patches, row.numbers("source_embedder.kind", &[width], Start::Normal))
        });
        let time = [("t_embedder.mlp.0", time::COUNT), ("t_embedder.mlp.2", width)]
            .map(|(path, inputs)| row.linear(path, [width, inputs], Some(Start::Normal)));
        let classes = (classes > 0).then(|| {
            row.numbers("y_embedder.embedding_table.weight", &[classes, width], Start::Normal)
        });
        let vector = (vector > 0).then(|| {
            let layer = row.linear("vector_embedder.proj", [width, vector], None);
            (layer, row.numbers("vector_embedder.null", &[vector], Start::Zero))
        });
        let second = match architecture.convention {
            Convention::Original => 1e-6,
            Convention::Diffusers => 1e-5,
        };
        let blocks = (0..architecture.depth)
            .map(|index| {
                let path = |rest: &str| format!("blocks.{index}.{rest}");
                Block {
                    attention: Attention { width, heads },
                    qkv: row.linear(&path("attn.qkv"), [3 * width, width], None),
                    projection: row.linear(&path("attn.proj"), [width, width], None),
                    feed: [
                        row.linear(&path("mlp.fc1"), [4 * width, width], None),
                        row.linear(&path("mlp.fc2"), [width, 4 * width], None),
                    ],
                    modulation: row.linear(
                        &path("adaLN_modulation.1"),
                        [6 * width, width],
                        Some(Start::Zero),
                    ),
                    epsilons: [1e-6, second],
                }
            })
            .collect();
        let drawn = architecture.of_patch(architecture.outputs);
        let zero = Some(Start::Zero);
        let last = row.linear("final_layer.linear", [drawn, width], zero);
        let last_modulation =
            row.linear("final_layer.adaLN_modulation.1", [2 * width, width], zero);
        let Row { slots, next: count } = row;
        Self {
            slots,
            count,
            patches,
            sequence,
            time,
            classes,
            vector,
            blocks,
            last_modulation,
            last,
        }
    }

    /// Names and shapes of all tensors, in the order of the numbers.
    pub(super) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        self.slots.iter().map(|slot| (slot.name.clone(), slot.shape.clone())).collect()
    }

    /// Numbers to start from.
    pub(super) fn initial(&self, seed: u64) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(self.count);
        for (index, slot) in self.slots.iter().enumerate() {
            let count: usize = slot.shape.iter().product();
            let mut stream = Stream::new(seed, Purpose::Initialisation, index as u64);
            match slot.start {
                Start::Zero => numbers.resize(numbers.len() + count, 0.0),
                Start::Uniform(fans) => {
                    let bound = (6.0 / fans as f64).sqrt();
                    numbers.extend((0..count).map(|_| stream.symmetric(bound)));
                }
                Start::Normal => {
                    numbers.extend((0..count).map(|_| (0.02 * stream.normal()) as f32));
                }
            }
        }
        numbers
    }
}
