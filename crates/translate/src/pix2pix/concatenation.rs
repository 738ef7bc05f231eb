//! Planes of the same pictures behind each other, and the way back.

/// The planes of a picture of `first`, then those of the picture of `second`, picture after picture; `sizes` are how
/// many numbers each has of a picture, above 0.
pub(super) fn concatenate(
    [first, second]: [&[f32]; 2],
    [of_first, of_second]: [usize; 2],
) -> Vec<f32> {
    let mut joined = Vec::with_capacity(first.len() + second.len());
    for (first, second) in first.chunks_exact(of_first).zip(second.chunks_exact(of_second)) {
        joined.extend_from_slice(first);
        joined.extend_from_slice(second);
    }
    joined
}

/// What [`concatenate`] joined.
pub(super) fn split(joined: &[f32], [of_first, of_second]: [usize; 2]) -> [Vec<f32>; 2] {
    let pictures = joined.len() / (of_first + of_second).max(1);
    let mut first = Vec::with_capacity(pictures * of_first);
    let mut second = Vec::with_capacity(pictures * of_second);
    for picture in joined.chunks_exact(of_first + of_second) {
        let (of_first, of_second) = picture.split_at(of_first);
        first.extend_from_slice(of_first);
        second.extend_from_slice(of_second);
    }
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_planes() {
        let joined = concatenate([&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0]], [2, 1]);
        assert_eq!(joined, [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
        assert_eq!(split(&joined, [2, 1]), [vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0]]);
    }
}
