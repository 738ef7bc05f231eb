//! The training picture most like a generated one, by the Euclidean distance of features.
//!
//! It is to be looked at. How near a copy is depends on the network, so the distance is no score of how much
//! was memorised, and none is made of it; an independent set of real pictures says what distances are usual.

use super::features::check_columns;
use super::{Features, products};
use crate::Result;

/// What lies nearest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Which row; the first of equals.
    pub index: usize,
    /// How far it is.
    pub distance: f64,
}

/// The nearest row of `training` for every row of `generated`.
///
/// # Errors
/// [`Error::Columns`](crate::Error::Columns).
pub fn of(generated: &Features, training: &Features) -> Result<Vec<Nearest>> {
    check_columns(generated, training)?;
    Ok(products::squared_distances(generated, training, |_, distances| {
        let mut nearest = Nearest { index: 0, distance: f64::INFINITY };
        for (index, &distance) in distances.iter().enumerate() {
            if distance < nearest.distance {
                nearest = Nearest { index, distance };
            }
        }
        Nearest { distance: nearest.distance.sqrt(), ..nearest }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn copies_are_found() {
        let training = Features::new(2, vec![0.0, 0.0, 3.0, 4.0, 3.0, 4.0]).unwrap();
        let generated = Features::new(2, vec![3.0, 4.0, 0.0, 1.0]).unwrap();
        let found = of(&generated, &training).unwrap();
        assert_eq!(found[0], Nearest { index: 1, distance: 0.0 });
        assert_eq!(found[1], Nearest { index: 0, distance: 1.0 });
        let other = Features::new(1, vec![0.0]).unwrap();
        assert_eq!(of(&other, &training), Err(Error::Columns { left: 1, right: 2 }));
    }
}
