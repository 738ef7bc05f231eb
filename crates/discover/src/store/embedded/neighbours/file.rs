//! Graphs on disk: safetensors with the ids, rows and links of the nodes, and the nodes and links of every higher
//! level. Rows are pairs of numbers in bf16, the first of a pair in the lower half, filled up with zeros to whole lines.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::View;
use safetensors::{Dtype, SafeTensors, serialize_to_file};

use super::graph::{Graph, LANES, LINES, Level, Line, NONE, lines};
use crate::error::{malformed, unreadable, unwritable};
use crate::{Error, Result};

/// The greatest number of levels: each has about a sixteenth of the nodes of the one below.
const LEVELS: usize = 16;

/// A tensor whose bytes are made when they are written.
struct Tensor<'a> {
    kind: Dtype,
    shape: Vec<usize>,
    bytes: Box<dyn Fn() -> Vec<u8> + 'a>,
}

impl View for &Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.kind
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned((self.bytes)())
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.kind.bitsize() / 8
    }
}

/// Some lines for each of so many nodes.
fn of_lines(all: &[Line], count: usize, lines: usize) -> Tensor<'_> {
    Tensor {
        kind: Dtype::U32,
        shape: vec![count, lines * LANES],
        bytes: Box::new(|| {
            all.iter().flat_map(|line| line.0).flat_map(|number| number.to_le_bytes()).collect()
        }),
    }
}

/// Writes a graph; the file appears whole or not at all.
pub(super) fn write(graph: &Graph, path: &Path) -> Result<()> {
    let count = graph.ids.len();
    let ids = || graph.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let mut tensors = vec![
        ("ids".to_owned(), Tensor { kind: Dtype::U64, shape: vec![count], bytes: Box::new(ids) }),
        ("rows".to_owned(), of_lines(&graph.rows, count, lines(graph.dimension))),
        ("links".to_owned(), of_lines(&graph.links, count, LINES)),
    ];
    for (number, level) in graph.levels.iter().enumerate() {
        let nodes = || level.nodes.iter().flat_map(|node| node.to_le_bytes()).collect();
        let shape = vec![level.nodes.len()];
        let nodes = Tensor { kind: Dtype::U32, shape, bytes: Box::new(nodes) };
        tensors.push((format!("level.{}.nodes", number + 1), nodes));
        let links = of_lines(&level.links, level.nodes.len(), 1);
        tensors.push((format!("level.{}.links", number + 1), links));
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(unwritable(path))?;
    let named = tensors.iter().map(|(name, tensor)| (name, tensor));
    serialize_to_file(named, None::<HashMap<String, String>>, file.path()).map_err(|error| {
        let reason = match error {
            safetensors::SafeTensorError::IoError(reason) => reason,
            other => std::io::Error::other(other),
        };
        Error::Write { path: path.to_owned(), reason }
    })?;
    file.persist(path).map_err(|error| unwritable(path)(error.error))?;
    Ok(())
}

/// Reads a graph of rows of `dimension` numbers, and the hash of its file.
pub(super) fn read(path: &Path, dimension: usize) -> Result<(Graph, blake3::Hash)> {
    let bytes = std::fs::read(path).map_err(unreadable(path))?;
    let hash = blake3::hash(&bytes);
    let wrong = |what: &str| malformed(path, what);
    let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(path, error))?;
    let data = |name: &str, kind: Dtype, shape: &[usize]| {
        let tensor = file.tensor(name).map_err(|error| malformed(path, error))?;
        if tensor.dtype() != kind || tensor.shape() != shape {
            let found = (tensor.dtype(), tensor.shape());
            return Err(wrong(&format!("{name}: expected {kind:?} {shape:?}, found {found:?}")));
        }
        Ok(tensor.data())
    };
    let length = |name: &str| match file.tensor(name).map(|tensor| tensor.shape().to_vec()) {
        Ok(shape) if shape.len() == 1 => Ok(shape[0]),
        _ => Err(wrong(&format!("expected a list called {name}"))),
    };
    let count = length("ids")?;
    if u32::try_from(count).is_err() {
        return Err(wrong("expected fewer nodes"));
    }
    let is_node = |node: u32| (node as usize) < count;
    let ids = data("ids", Dtype::U64, &[count])?.as_chunks().0;
    let linked = |name: &str, count: usize, lines: usize| {
        let links = lines_of(data(name, Dtype::U32, &[count, lines * LANES])?);
        match links.iter().flat_map(|line| line.0).all(|node| node == NONE || is_node(node)) {
            true => Ok(links),
            false => Err(wrong(&format!("{name}: a link leads nowhere"))),
        }
    };
    let mut levels = Vec::new();
    while let (number, true) = (levels.len() + 1, levels.len() < LEVELS) {
        let (nodes, links) = (format!("level.{number}.nodes"), format!("level.{number}.links"));
        let Ok(count) = length(&nodes) else { break };
        let found = data(&nodes, Dtype::U32, &[count])?.as_chunks().0;
        let found: Vec<u32> = found.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect();
        if found.is_empty() || !found.is_sorted() || !found.iter().all(|&node| is_node(node)) {
            return Err(wrong(&format!("{nodes}: expected nodes, rising")));
        }
        levels.push(Level::new(found, linked(&links, count, 1)?));
    }
    let graph = Graph {
        dimension,
        ids: ids.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect(),
        rows: lines_of(data("rows", Dtype::U32, &[count, lines(dimension) * LANES])?),
        links: linked("links", count, LINES)?,
        levels,
    };
    Ok((graph, hash))
}

fn lines_of(bytes: &[u8]) -> Vec<Line> {
    let line = |bytes: &[u8; 4 * LANES]| {
        let mut line = Line([0; LANES]);
        for (to, &bytes) in line.0.iter_mut().zip(bytes.as_chunks().0) {
            *to = u32::from_le_bytes(bytes);
        }
        line
    };
    bytes.as_chunks().0.iter().map(line).collect()
}
