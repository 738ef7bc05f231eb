//! What all sides start from: batches of pairs, and weights that need no download.
//!
//! `COUNTxHEIGHTxWIDTH.reference.f32` and its candidate hold `[count, 3, height, width]` numbers in
//! −1…1 in the order of the processor; `.png` files hold the first pair of every batch. `weights/` is
//! a store of the program's, so the folder can be its `LOOKALIKE_HOME`.

use std::fs::create_dir_all;
use std::path::{Path, PathBuf};

use lookalike::deep::lipsim::{Size, initial_file};
use lookalike::deep::{Net, SeededWeights, WeightSource};
use lookalike::encode::write_png;
use lookalike::procedural::{Distortion, scene};
use lookalike::{Picture, Samples};
use lookalike_nn::Planes;
use lookalike_weights::{Specification, Store, read_bytes};
use serde_json::{Map, Value, json};

use crate::text;

/// Count, height and width.
const BATCHES: [[usize; 3]; 3] = [[1, 256, 256], [16, 64, 64], [1, 224, 224]];

/// Mean and deviation of the pictures in −1…1 that the networks were trained on.
const MEAN: [f32; 3] = [-0.030, -0.088, -0.188];
const DEVIATION: [f32; 3] = [0.458, 0.448, 0.450];

/// Draws and writes everything into a folder.
pub fn write(folder: &Path) -> Result<(), String> {
    create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for [count, height, width] in BATCHES {
        let mut sides = [("reference", Vec::new()), ("candidate", Vec::new())];
        for index in 0..count {
            let (reference, candidate) = pair(1 + index as u64, width, height)?;
            for ((role, numbers), picture) in sides.iter_mut().zip([&reference, &candidate]) {
                numbers.extend(planes(picture));
                if index == 0 {
                    let name = format!("{count}x{height}x{width}.{role}.png");
                    write_png(picture, &folder.join(name)).map_err(text)?;
                }
            }
        }
        for (role, numbers) in sides {
            let path = folder.join(format!("{count}x{height}x{width}.{role}.f32"));
            let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_ne_bytes).collect();
            std::fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    let store = Store::at(folder.join("weights"));
    for net in Net::ALL {
        let head = format!("lpips-head-{}-0.1", net.as_str());
        for name in [net.backbone().weights(), &head] {
            let file = read_bytes(seeded(name)?, name).map_err(text)?;
            store.import(vec![file], name, true).map_err(text)?;
        }
    }
    let lipsim = initial_file(Size::Small.architecture(), 1).map_err(text)?;
    let path = lipsim_path(folder);
    std::fs::write(&path, lipsim).map_err(|error| format!("{}: {error}", path.display()))
}

/// Where LipSim's random weights lie.
pub fn lipsim_path(folder: &Path) -> PathBuf {
    folder.join("weights/lipsim-small.safetensors")
}

fn pair(seed: u64, width: usize, height: usize) -> Result<(Picture, Picture), String> {
    let reference = scene(seed, width, height);
    let candidate = Distortion::Jpeg
        .apply(&reference, 0.4, seed)
        .and_then(|picture| Distortion::Noise.apply(&picture, 0.1, seed));
    Ok((reference, candidate.map_err(text)?))
}

/// Three planes of numbers in −1…1.
fn planes(picture: &Picture) -> Vec<f32> {
    let samples = match picture.samples() {
        Samples::U8(samples) => samples.as_slice(),
        _ => &[],
    };
    let plane = |channel| samples.iter().skip(channel).step_by(3);
    (0..3).flat_map(|channel| plane(channel).map(|&v| f32::from(v) / 127.5 - 1.0)).collect()
}

/// A safetensors file of the seeded weights of a name.
fn seeded(name: &str) -> Result<Vec<u8>, String> {
    let parameters = SeededWeights.load(name).map_err(text)?.parameters;
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (tensor, shape) in Specification::of(name).map_err(text)?.tensors() {
        let start = data.len();
        let numbers = parameters.f32(tensor, shape).map_err(text)?;
        data.extend(numbers.into_iter().flat_map(f32::to_le_bytes));
        let place = [start, data.len()];
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": place });
        header.insert(tensor.to_owned(), entry);
    }
    let header = Value::Object(header).to_string();
    Ok([&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat())
}

/// The pairs of a batch, in −1…1.
pub struct Batch {
    shape: [usize; 4],
    references: Vec<f32>,
    candidates: Vec<f32>,
}

impl Batch {
    /// Reads the files of a `COUNTxHEIGHTxWIDTH`.
    pub fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let sizes: Result<Vec<usize>, _> = name.split('x').map(str::parse).collect();
        let Ok(&[count, height, width]) = sizes.as_deref() else {
            return Err(format!("{name}: expected COUNTxHEIGHTxWIDTH"));
        };
        let side = |role: &str| {
            let path = folder.join(format!("{name}.{role}.f32"));
            let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let numbers = bytes.as_chunks().0.iter().map(|&number| f32::from_ne_bytes(number));
            Ok::<_, String>(numbers.collect())
        };
        let shape = [count, 3, height, width];
        Ok(Self { shape, references: side("reference")?, candidates: side("candidate")? })
    }

    /// References and candidates.
    pub fn planes(self) -> Result<(Planes, Planes), String> {
        let planes = |numbers| Planes::new(self.shape, numbers).map_err(text);
        Ok((planes(self.references)?, planes(self.candidates)?))
    }

    /// The references, with the mean and deviation taken out.
    pub fn as_the_network_reads(self) -> Result<Planes, String> {
        let area = self.shape[2] * self.shape[3];
        let mut numbers = self.references;
        for (index, plane) in numbers.chunks_exact_mut(area).enumerate() {
            let (mean, deviation) = (MEAN[index % 3], DEVIATION[index % 3]);
            plane.iter_mut().for_each(|number| *number = (*number - mean) / deviation);
        }
        Planes::new(self.shape, numbers).map_err(text)
    }
}
