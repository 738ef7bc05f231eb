//! Planes as rows of patches, and back.
//!
//! What is read: a patch's numbers channel after channel, in each row after row, as a convolution's filter has them.
//! What is drawn: row after row, in each pixel after pixel, channel by channel. Patches go row after row.

/// The patches of planes of side × side samples.
pub(super) fn patches(planes: &[f32], side: usize, patch: usize) -> Vec<f32> {
    let mut rows = Vec::with_capacity(planes.len());
    for top in (0..side).step_by(patch) {
        for left in (0..side).step_by(patch) {
            for plane in planes.chunks_exact(side * side) {
                for line in top..top + patch {
                    rows.extend_from_slice(&plane[line * side + left..][..patch]);
                }
            }
        }
    }
    rows
}

/// The planes that have given patches.
pub(super) fn planes(rows: &[f32], side: usize, patch: usize) -> Vec<f32> {
    let mut planes = vec![0.0; rows.len()];
    let mut rows = rows.chunks_exact(patch);
    for top in (0..side).step_by(patch) {
        for left in (0..side).step_by(patch) {
            for plane in planes.chunks_exact_mut(side * side) {
                for line in top..top + patch {
                    let to = &mut plane[line * side + left..][..patch];
                    to.copy_from_slice(rows.next().unwrap_or_default());
                }
            }
        }
    }
    planes
}

/// The planes that rows of tokens draw.
pub(super) fn drawn(tokens: &[f32], side: usize, patch: usize) -> Vec<f32> {
    let channels = tokens.len() / (side * side).max(1);
    let mut planes = vec![0.0; tokens.len()];
    each(side, patch, channels, |token, place| planes[place] = tokens[token]);
    planes
}

/// The derivatives with respect to the tokens, given those with respect to the planes.
pub(super) fn drawn_backward(planes: &[f32], side: usize, patch: usize) -> Vec<f32> {
    let channels = planes.len() / (side * side).max(1);
    let mut tokens = vec![0.0; planes.len()];
    each(side, patch, channels, |token, place| tokens[token] = planes[place]);
    tokens
}

/// Every number's place in tokens and in planes.
fn each(side: usize, patch: usize, channels: usize, mut act: impl FnMut(usize, usize)) {
    let mut token = 0;
    for top in (0..side).step_by(patch) {
        for left in (0..side).step_by(patch) {
            for line in top..top + patch {
                for column in left..left + patch {
                    for channel in 0..channels {
                        act(token, (channel * side + line) * side + column);
                        token += 1;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let numbers: Vec<f32> = (0..3 * 64).map(|n| n as f32).collect();
        let rows = patches(&numbers, 8, 2);
        assert_eq!(rows[..6], [0.0, 1.0, 8.0, 9.0, 64.0, 65.0]);
        assert_eq!(planes(&rows, 8, 2), numbers);
        let tokens = drawn_backward(&numbers, 8, 4);
        assert_eq!(tokens[..6], [0.0, 64.0, 128.0, 1.0, 65.0, 129.0]);
        assert_eq!(drawn(&tokens, 8, 4), numbers);
    }
}
