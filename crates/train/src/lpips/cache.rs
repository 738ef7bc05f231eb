//! What the frozen network says of every triplet, computed once and kept in a file.
//!
//! The file has a record ([`Records`]) per triplet in the order of the data: mean and spread of every
//! channel ([`ChannelMoments`]) for the reference with the first and with the second picture, in single
//! precision (18.4 kB on AlexNet, 2.8 GB for the 151,400 triplets of BAPPS). Its name is the hash of the
//! network's weights and of the state of the pictures, so a changed picture or network gets another file.
//!
//! Values do not depend on the number of threads or on how pictures were batched.

use std::collections::BTreeMap;
use std::path::Path;

use lookalike_core::decode::{DecodeOptions, read};
use lookalike_core::{Encoding, Picture};
use lookalike_deep::{ChannelMoments, Lpips};
use rayon::prelude::*;

use super::data::{Triplet, Triplets};
use crate::checkpoint::little_endian;
use crate::files::{failed, sha256};
use crate::records::Records;
use crate::{Error, Result};

/// Triplets that are decoded at once.
const CHUNK: usize = 64;

/// An open file of moments.
#[derive(Debug)]
pub(crate) struct Cache {
    records: Records,
    channels: usize,
}

/// A network and what identifies it.
pub(crate) struct Network<'a> {
    pub(crate) lpips: &'a Lpips,
    /// Numbers per pair.
    pub(crate) channels: usize,
    /// Name and hash of the weights.
    pub(crate) provenance: &'a str,
    /// How pictures are read.
    pub(crate) reading: Reading,
}

/// How pictures are read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The least side of a picture.
    pub(crate) minimum_side: usize,
    /// What is decoded.
    pub(crate) decode: DecodeOptions,
}

impl Cache {
    /// The moments of all triplets, from the file of `folder` as far as it has them. `progress` is told
    /// how many are known and says whether to go on.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; what reading pictures gives: one that cannot be used ends the run.
    pub(crate) fn fill(
        folder: &Path,
        network: &Network<'_>,
        triplets: &Triplets,
        mut progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(failed(folder, "write"))?;
        let side = network.reading.decode.shorter_side.unwrap_or(0);
        let key = format!("{}\n{}\n{side}\n1", network.provenance, triplets.state_sha256);
        let key = sha256(key.as_bytes());
        let path = folder.join(format!("moments-{}.bin", &key[..16]));
        let channels = network.channels;
        let header = format!("lookalike.moments/1 {key} {channels}\n");
        let count = triplets.all.len();
        let records = Records::open(path, &header, 4 * 4 * channels)?;
        let mut cache = Self { records, channels };
        while cache.records.count() < count {
            let done = cache.records.count();
            if !progress(done, count) {
                return Err(Error::Interrupted { done, count });
            }
            let chunk = &triplets.all[done..(done + CHUNK).min(count)];
            cache.records.append(moments(network, chunk)?.iter().map(record))?;
        }
        progress(count, count);
        Ok(cache)
    }

    /// The moments of a triplet: of the first and of the second picture.
    pub(crate) fn read(&mut self, place: usize) -> Result<[ChannelMoments; 2]> {
        let bytes = self.records.read(place)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let mut parts = numbers.chunks_exact(self.channels).map(|part| {
            part.iter().map(|&number| f32::from_le_bytes(number)).collect::<Vec<f32>>()
        });
        let mut part = || parts.next().unwrap_or_default();
        Ok([(); 2].map(|()| ChannelMoments { mean: part(), spread: part() }))
    }
}

fn record(pair: &[ChannelMoments; 2]) -> Vec<u8> {
    let numbers = pair.iter().flat_map(|side| [&side.mean, &side.spread]);
    numbers.flat_map(|numbers| little_endian(numbers)).collect()
}

/// Reads the pictures of triplets and takes them through the network, those of one size together.
fn moments(network: &Network<'_>, chunk: &[Triplet]) -> Result<Vec<[ChannelMoments; 2]>> {
    let pictures: Vec<[Picture; 3]> =
        chunk.par_iter().map(|triplet| network.reading.open(triplet)).collect::<Result<_>>()?;
    let mut sizes: BTreeMap<[usize; 2], Vec<usize>> = BTreeMap::new();
    for (place, [reference, ..]) in pictures.iter().enumerate() {
        sizes.entry([reference.height(), reference.width()]).or_default().push(place);
    }
    let mut found = BTreeMap::new();
    for ([height, width], places) in sizes {
        let at_once = (network.lpips.pictures_at_once(height, width) / 3).max(1);
        for places in places.chunks(at_once) {
            let batch: Vec<&Picture> = places.iter().flat_map(|&place| &pictures[place]).collect();
            let pairs: Vec<[usize; 2]> = (0..places.len())
                .flat_map(|index| [[3 * index, 3 * index + 1], [3 * index, 3 * index + 2]])
                .collect();
            let mut moments = network.lpips.channel_moments(&batch, &pairs)?.into_iter();
            for &place in places {
                if let (Some(first), Some(second)) = (moments.next(), moments.next()) {
                    found.insert(place, [first, second]);
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

impl Reading {
    /// The pictures of a triplet, all of one size that the network can read.
    pub(crate) fn open(&self, triplet: &Triplet) -> Result<[Picture; 3]> {
        let [reference, first, second] =
            triplet.pictures.each_ref().map(|path| read(path, &self.decode));
        let pictures = [reference?, first?, second?];
        let size = [pictures[0].width(), pictures[0].height()];
        for (picture, path) in pictures.iter().zip(&triplet.pictures) {
            let unsuitable = |reason: String| Error::Unsuitable { path: path.clone(), reason };
            let found = [picture.width(), picture.height()];
            if found != size {
                let ([w, h], [x, y]) = (size, found);
                return Err(unsuitable(format!(
                    "expected {w}x{h} as its reference, found {x}x{y}"
                )));
            }
            if picture.shorter_side() < self.minimum_side {
                return Err(unsuitable(format!(
                    "expected at least {} pixels a side for this network, found {}",
                    self.minimum_side,
                    picture.shorter_side()
                )));
            }
            if picture.encoding() == Encoding::SceneLinear {
                let reason =
                    "expected display-coded samples, found scene-linear ones; tone-map them";
                return Err(unsuitable(reason.to_owned()));
            }
        }
        Ok(pictures)
    }
}
