//! Pictures to vectors.
//!
//! * `sight`: what our own network sees in the fields of a grid, whitened
//! * `lipsim:mini`: our own network that cannot stretch
//! * `lpips:alex`, `lpips:vgg`, `lpips:squeeze`: what a network sees, averaged over the picture
//! * `colour-hist`: which colours a picture has, and where
//! * `hog`: which edges it has, and where
//! * `clip:b32`, `dreamsim:ensemble`, `dino:s8`, `beit:b16`, `argus`, `resnet50@logits` and the like: what those
//!   networks see, where their weights are there
//!
//! Every embedder brings pictures to its own size and says so in its [`Fingerprint`]; vectors of two
//! fingerprints are never compared.

#[cfg(feature = "deep")]
mod baseline;
mod colour_histogram;
mod headed;
#[cfg(feature = "deep")]
mod metric;
#[cfg(feature = "deep")]
mod network;
mod oriented_gradients;
#[cfg(feature = "deep")]
mod sight;

use std::path::Path;

use lookalike_core::{Encoding, FitPolicy, Picture, fit};

use crate::head::{self, Head};
use crate::store::{Fingerprint, VectorStore};
use crate::{Error, Result};

#[cfg(feature = "deep")]
pub use baseline::Baseline;
pub use colour_histogram::ColourHistogram;
pub use headed::{Headed, SUFFIX, behind};
#[cfg(feature = "deep")]
pub use metric::MetricEmbedder;
#[cfg(feature = "deep")]
pub use network::Network;
pub use oriented_gradients::OrientedGradients;
#[cfg(feature = "deep")]
pub use sight::Sight;

/// Something that makes vectors of pictures.
pub trait Embedder: Send + Sync {
    /// What its vectors are made with.
    fn fingerprint(&self) -> &Fingerprint;

    /// The vector of a picture, of any length but 0.
    ///
    /// # Errors
    /// Where the picture is not display-coded, or cannot be brought to the size that is needed.
    fn embed(&self, picture: &Picture) -> Result<Vec<f32>>;
}

/// Ids of embedders that need nothing fetched.
#[cfg(feature = "deep")]
pub const BUILT_IN: [&str; 4] = ["sight", "colour-hist", "hog", metric::MINI];
/// Ids of embedders that need nothing fetched.
#[cfg(not(feature = "deep"))]
pub const BUILT_IN: [&str; 2] = ["colour-hist", "hog"];

/// An embedder by its id.
///
/// ```
/// let embedder = lookalike_discover::embedder::embedder("hog")?;
/// assert_eq!(embedder.fingerprint().dimension, 1765);
/// # Ok::<(), lookalike_discover::Error>(())
/// ```
///
/// # Errors
/// [`Error::Embedder`] for an id that is not known, or whose weights are not there.
pub fn embedder(id: &str) -> Result<Box<dyn Embedder>> {
    match id {
        "colour-hist" | "color-hist" => return Ok(Box::new(ColourHistogram::new())),
        "hog" => return Ok(Box::new(OrientedGradients::new())),
        #[cfg(feature = "deep")]
        "sight" => return Ok(Box::new(Sight::new()?)),
        _ => (),
    }
    #[cfg(feature = "deep")]
    if let Some(network) = Network::by_id(id)? {
        return Ok(Box::new(network));
    }
    #[cfg(feature = "deep")]
    if let Some(baseline) = Baseline::by_id(id)? {
        return Ok(Box::new(baseline));
    }
    #[cfg(feature = "deep")]
    if let Some(metric) = MetricEmbedder::by_id(id)? {
        return Ok(Box::new(metric));
    }
    Err(Error::Embedder {
        id: id.to_owned(),
        reason: format!(
            "no embedder has this name; expected {}, lpips:alex, lpips:vgg, lpips:squeeze, or with weights \
             of others clip:b32, dreamsim:ensemble, dino:s8, beit:b16, argus, resnet50@logits and the like",
            BUILT_IN.join(", ")
        ),
    })
}

/// The embedder that a store in a folder was made with.
///
/// # Errors
/// Those of [`embedder`]; [`Error::WrongModel`] where this program has another of the name; those of reading a
/// head.
pub fn of_store(store: &dyn VectorStore, folder: &Path) -> Result<Box<dyn Embedder>> {
    let fingerprint = store.describe()?.fingerprint;
    let found = match fingerprint.model.strip_suffix(SUFFIX) {
        None => embedder(&fingerprint.model)?,
        Some(inner) => {
            let head = Head::read(&folder.join(head::FILE))?;
            Box::new(Headed::new(embedder(inner)?, head)?)
        }
    };
    if *found.fingerprint() != fingerprint {
        let [expected, found] = [&fingerprint, found.fingerprint()].map(|one| one.to_string());
        return Err(Error::WrongModel { expected, found });
    }
    Ok(found)
}

/// The picture at a size, resampled whatever its proportions; as it is where it has that already.
fn resized(picture: &Picture, width: usize, height: usize) -> Result<Picture> {
    display_coded(picture)?;
    let blank = Picture::from_u8(width, height, picture.channels(), {
        vec![0; width * height * picture.channels().count()]
    })?;
    Ok(fit(blank, picture.clone(), FitPolicy::Resize)?.1)
}

/// The file of a preset's weights in the folder of weights: its id, with `-` for what a name cannot have.
#[cfg(feature = "deep")]
fn weights_file(id: &str, source: &str) -> Result<std::path::PathBuf> {
    let refused = |reason: String| Error::Embedder { id: id.to_owned(), reason };
    let store = lookalike_weights::Store::open_default();
    let store = store.map_err(|error| refused(error.to_string()))?;
    let path = store.path(&id.replace([':', '@'], "-"));
    if path.is_file() {
        return Ok(path);
    }
    Err(refused(format!("its weights are not here: expected {}, {source}", path.display())))
}

/// Refuses pictures of which nobody says how bright they are on a screen.
fn display_coded(picture: &Picture) -> Result<()> {
    match picture.encoding() {
        Encoding::Srgb => Ok(()),
        _ => Err(Error::Picture(lookalike_core::Error::NotDisplayCoded {
            name: picture.name(),
            found: "the samples are scene-linear".to_owned(),
            id: "an embedder".to_owned(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::Channels;
    use lookalike_core::procedural::{Distortion, scene};

    use super::*;
    use crate::store::scan::{dot, normalised};

    fn vector(embedder: &dyn Embedder, picture: &Picture) -> Vec<f32> {
        let mut vector = embedder.embed(picture).unwrap();
        assert_eq!(vector.len(), embedder.fingerprint().dimension);
        normalised(&mut vector, "x").unwrap();
        vector
    }

    #[test]
    fn every_embedder_takes_every_picture() {
        for id in BUILT_IN {
            let embedder = embedder(id).unwrap();
            let flat = |level: u8| Picture::from_u8(9, 7, Channels::Grey, vec![level; 63]).unwrap();
            let wide = Picture::from_u8(900, 1, Channels::Rgb, vec![77; 2700]).unwrap();
            for picture in [flat(0), flat(255), flat(128), wide, scene(1, 1, 1), scene(1, 300, 20)]
            {
                assert!(vector(embedder.as_ref(), &picture).iter().all(|n| n.is_finite()), "{id}");
            }
        }
    }

    #[test]
    fn a_damaged_copy_is_nearer_than_other_scenes() {
        for id in BUILT_IN {
            let embedder = embedder(id).unwrap();
            let pictures: Vec<Picture> = (0..5).map(|seed| scene(seed, 160, 120)).collect();
            let copy = Distortion::Blur.apply(&pictures[0], 0.2, 1).unwrap();
            let copy = vector(embedder.as_ref(), &copy);
            let scores: Vec<f32> = pictures
                .iter()
                .map(|picture| dot(&copy, &vector(embedder.as_ref(), picture)))
                .collect();
            assert!(scores[1..].iter().all(|score| *score < scores[0]), "{id}: {scores:?}");
        }
    }

    #[test]
    fn unknown_ids_name_the_known_ones() {
        let message = embedder("no-such").err().unwrap().to_string();
        assert!(message.contains("hog"), "{message}");
    }
}
