//! What is looked for: the vector of a picture, and the row that it is, where it is in the store.
//!
//! A picture from outside is the row with the same bytes (BLAKE3), if there is one: then that row is no answer,
//! and its product is known.

use lookalike_core::Picture;
use lookalike_core::decode::{DecodeOptions, decode};

use crate::embedder::Embedder;
use crate::store::{Field, Filter, Record, SearchOptions, VectorStore, content_hash};
use crate::{Error, Result};

/// What is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Its vector.
    pub vector: Vec<f32>,
    /// The row, where it is one of the store.
    pub own: Option<Record>,
}

/// A part of a picture, in pixels: left, top, width, height.
pub type Rectangle = [usize; 4];

/// Reads `x,y,width,height`.
///
/// # Errors
/// What was expected, for a text that names no rectangle with an area.
pub fn rectangle(text: &str) -> Result<Rectangle, String> {
    let numbers: Option<Vec<usize>> =
        text.split(',').map(|part| part.trim().parse().ok()).collect();
    let found = numbers.and_then(|numbers| Rectangle::try_from(numbers).ok());
    found
        .filter(|[.., width, height]| *width > 0 && *height > 0)
        .ok_or_else(|| format!("expected x,y,width,height in pixels, found '{text}'"))
}

impl Query {
    /// A picture of the store.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn of_row(store: &dyn VectorStore, id: u64) -> Result<Self> {
        match store.get(&[id])?.pop().flatten() {
            Some(row) => Ok(Self { vector: row.vector, own: Some(row.record) }),
            None => Err(Error::NotFound(format!("#{id}"))),
        }
    }

    /// The bytes of a picture, or a part of it. `embedder` is asked for once the picture is read, as it may be
    /// slow to make.
    ///
    /// # Errors
    /// [`Error::Picture`] where it cannot be read or has no such part; those of the embedder.
    pub fn of_file<'a>(
        store: &dyn VectorStore,
        embedder: impl FnOnce() -> Result<&'a dyn Embedder>,
        bytes: &[u8],
        name: &str,
        options: &DecodeOptions,
        crop: Option<Rectangle>,
    ) -> Result<Self> {
        let mut picture: Picture = decode(bytes, name, options)?;
        if let Some([x, y, width, height]) = crop {
            picture = picture.crop(x, y, width, height)?;
        }
        let vector = embedder()?.embed(&picture)?;
        let same = Filter::Eq(Field::ContentHash, content_hash(bytes));
        let options = SearchOptions::exact(1).among(Some(same));
        let hits = store.search(std::slice::from_ref(&vector), &options)?;
        let own = hits.into_iter().flatten().next();
        let own = own.map(|hit| store.records(&[hit.id])).transpose()?;
        Ok(Self { vector, own: own.and_then(|mut all| all.pop().flatten()) })
    }
}

#[cfg(test)]
mod tests {
    use lookalike_core::encode;
    use lookalike_core::procedural::scene;

    use super::*;
    use crate::embedder::OrientedGradients;
    use crate::store::{Memory, Row};

    #[test]
    fn rectangles_have_an_area() {
        assert_eq!(rectangle("1, 2,30,40"), Ok([1, 2, 30, 40]));
        for text in ["", "1,2,3", "1,2,0,4", "1,2,3,x", "-1,2,3,4"] {
            assert!(rectangle(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_of_the_store_is_known() {
        let embedder = OrientedGradients::new();
        let store = Memory::new(embedder.fingerprint().clone());
        let picture = scene(3, 64, 48);
        let bytes = encode::png(&picture).unwrap();
        let content_hash = content_hash(&bytes);
        let record = Record { id: 7, content_hash, ..Record::default() };
        store.upsert(&[Row { record, vector: embedder.embed(&picture).unwrap() }]).unwrap();
        let options = DecodeOptions::default();
        let query = |bytes: &[u8], crop| {
            Query::of_file(&store, || Ok(&embedder), bytes, "a.png", &options, crop)
        };
        assert_eq!(query(&bytes, None).unwrap().own.unwrap().id, 7);
        let other = encode::png(&scene(4, 64, 48)).unwrap();
        assert_eq!(query(&other, Some([0, 0, 20, 20])).unwrap().own, None);
        assert!(query(&other, Some([60, 0, 20, 20])).is_err() && query(b"no", None).is_err());
        assert_eq!(Query::of_row(&store, 7).unwrap().own.unwrap().id, 7);
        assert!(Query::of_row(&store, 8).is_err());
    }
}
