//! How well classes are told apart from the codes by a linear machine.
//!
//! As in Snell et al. 2017: the encoder stays as it is, codes are standardised, and a linear support vector machine
//! learns the classes of the pictures that the network learned from; the cost of errors is one of 10⁻⁴ … 10², chosen
//! by five-fold cross-validation there; accuracy is on held-out pictures. Beside the codes of every loss stand those of
//! an encoder before training, and as many principal components.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use lookalike::judge::statistics::bootstrap::{self, RESAMPLES};
use lookalike_train::reconstruction::{LinearSvm, Pictures, Principal, Role, Studied, codes};
use rayon::prelude::*;

use super::record::{ClassificationRecord, CodeRecord};

/// Costs of errors to choose from.
const COSTS: [f64; 7] = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0];
const FOLDS: usize = 5;

/// Classes of pictures, by column.
pub(super) struct Labels {
    /// A column's name, and the class of every picture that has one.
    columns: Vec<(String, BTreeMap<usize, String>)>,
}

impl Labels {
    /// Reads a CSV, or takes the names of folders.
    pub(super) fn read(source: &str, pictures: &Pictures) -> anyhow::Result<Self> {
        let places = pictures.names.iter().enumerate();
        if source == "folder" {
            let folder = |name: &str| {
                let parent = Path::new(name).parent()?.file_name()?.to_str()?;
                Some(parent.to_owned())
            };
            let found = places.filter_map(|(at, name)| Some((at, folder(name)?))).collect();
            return Ok(Self { columns: vec![("folder".to_owned(), found)] });
        }
        let mut reader = csv::Reader::from_path(source)
            .with_context(|| format!("{source}: cannot read the labels"))?;
        let header = reader.headers().with_context(|| format!("{source}: no header"))?.clone();
        let path = header.iter().position(|name| name == "path").with_context(|| {
            let found: Vec<&str> = header.iter().collect();
            format!(
                "{source}: expected a column path and columns of classes, found {}",
                found.join(", ")
            )
        })?;
        let by_name: BTreeMap<&str, usize> = places.map(|(at, name)| (name.as_str(), at)).collect();
        let mut columns: Vec<(String, BTreeMap<usize, String>)> =
            header.iter().map(|name| (name.to_owned(), BTreeMap::new())).collect();
        for (line, row) in reader.records().enumerate() {
            let row = row.with_context(|| format!("{source}: line {}", line + 2))?;
            let Some(&at) = row.get(path).and_then(|name| by_name.get(name)) else { continue };
            for ((_, classes), value) in columns.iter_mut().zip(&row) {
                if !value.is_empty() {
                    classes.insert(at, value.to_owned());
                }
            }
        }
        columns.remove(path);
        columns.retain(|(_, classes)| !classes.is_empty());
        if columns.is_empty() {
            bail!(
                "{source}: expected classes of the pictures by the paths below the folder of data, such as {}; found \
                 none",
                pictures.names.first().map_or("", String::as_str)
            );
        }
        Ok(Self { columns })
    }
}

/// A kind of code: its name, and by run the codes of pictures.
type Coder<'a> =
    (String, Vec<Box<dyn Fn(&[usize]) -> lookalike_train::Result<(Vec<f64>, usize)> + 'a>>);

/// Accuracies by column and code.
pub(super) fn classify(
    labels: &Labels,
    pictures: &Pictures,
    studied: &[Studied],
    width: usize,
    seed: u64,
) -> anyhow::Result<Vec<ClassificationRecord>> {
    let learned = pictures.places(Role::Learned);
    let [channels, height, columns] = pictures.shape();
    let principal = Principal::of(&pictures.batch(&learned), channels * height * columns, width)?;
    let mut coders: Vec<Coder<'_>> = Vec::new();
    for one in studied {
        let mut runs: Coder<'_> = (format!("code of {}", one.loss), Vec::new());
        for (_, model, _) in &one.runs {
            runs.1.push(Box::new(move |places| codes(model, None, pictures, places)));
        }
        coders.push(runs);
    }
    if let Some((seed, model, _)) = studied.first().and_then(|one| one.runs.first()) {
        let untrained = move |places: &[usize]| codes(model, Some(*seed), pictures, places);
        coders.push(("code before training".to_owned(), vec![Box::new(untrained)]));
    }
    let coordinates = |places: &[usize]| Ok(principal.code(&pictures.batch(places)));
    coders.push((format!("{width} principal components"), vec![Box::new(coordinates)]));
    labels.columns.iter().map(|column| of_column(column, pictures, &coders, seed)).collect()
}

fn of_column(
    (name, classes): &(String, BTreeMap<usize, String>),
    pictures: &Pictures,
    coders: &[Coder<'_>],
    seed: u64,
) -> anyhow::Result<ClassificationRecord> {
    let labelled = |role: Role| -> Vec<usize> {
        pictures.places(role).into_iter().filter(|at| classes.contains_key(at)).collect()
    };
    let [learned, held_out] = [Role::Learned, Role::HeldOut].map(labelled);
    let mut names: Vec<&String> = learned.iter().filter_map(|at| classes.get(at)).collect();
    names.sort();
    names.dedup();
    let class = |at: &usize| names.iter().position(|name| Some(*name) == classes.get(at));
    let known: Vec<usize> = learned.iter().filter_map(class).collect();
    if names.len() < 2 || learned.len() < FOLDS * 2 || held_out.is_empty() {
        bail!(
            "labels '{name}': expected two classes among pictures to learn from, and held-out pictures with classes; \
             found {} classes, {} and {} pictures",
            names.len(),
            learned.len(),
            held_out.len()
        );
    }
    let mut records = Vec::new();
    for (code, runs) in coders {
        let mut right = vec![0.0; held_out.len()];
        let mut costs = Vec::new();
        for encode in runs {
            let (rows, width) = encode(&learned)?;
            let cost = chosen(&rows, width, &known, names.len())?;
            let machine = LinearSvm::fit(&rows, width, &known, names.len(), cost)?;
            let (rows, _) = encode(&held_out)?;
            for ((right, row), at) in right.iter_mut().zip(rows.chunks_exact(width)).zip(&held_out)
            {
                if Some(machine.class(row)) == class(at) {
                    *right += 1.0 / runs.len() as f64;
                }
            }
            costs.push(cost);
        }
        let units: Vec<usize> = (0..right.len()).collect();
        let mean = |items: &[usize]| {
            Some(items.iter().map(|&at| right[at]).sum::<f64>() / items.len() as f64)
        };
        let ci = bootstrap::interval(&units, RESAMPLES, seed, mean).map(|ci| [ci.low, ci.high]);
        let accuracy = mean(&units).unwrap_or(0.0);
        records.push(CodeRecord { code: code.clone(), accuracy, ci, costs });
    }
    let most = names
        .iter()
        .map(|name| held_out.iter().filter(|at| classes.get(at) == Some(name)).count() as f64);
    let chance = most.fold(0.0, f64::max) / held_out.len() as f64;
    Ok(ClassificationRecord { labels: name.clone(), classes: names.len(), chance, codes: records })
}

/// The cost with the most right answers in cross-validation; the smaller of equal ones.
fn chosen(rows: &[f64], width: usize, labels: &[usize], classes: usize) -> anyhow::Result<f64> {
    let tasks: Vec<(f64, usize)> =
        COSTS.into_iter().flat_map(|cost| (0..FOLDS).map(move |fold| (cost, fold))).collect();
    let right: Vec<usize> = tasks
        .par_iter()
        .map(|&(cost, fold)| {
            let (mut kept, mut known) = (Vec::new(), Vec::new());
            let all = || rows.chunks_exact(width).zip(labels).enumerate();
            for (_, (row, &label)) in all().filter(|(at, _)| at % FOLDS != fold) {
                kept.extend_from_slice(row);
                known.push(label);
            }
            let machine = LinearSvm::fit(&kept, width, &known, classes, cost)?;
            let others = all().filter(|(at, _)| at % FOLDS == fold);
            Ok(others.filter(|(_, (row, label))| machine.class(row) == **label).count())
        })
        .collect::<lookalike_train::Result<_>>()?;
    let sums = right.chunks_exact(FOLDS).map(|folds| folds.iter().sum::<usize>());
    let best = sums.enumerate().max_by_key(|&(at, sum)| (sum, COSTS.len() - at));
    Ok(COSTS[best.map_or(0, |(at, _)| at)])
}
