//! Maps of taps brought to the size of the picture and added.
//!
//! Bilinear with positions at the centres of pixels and no smoothing: output `i` lies at
//! `(i + ½)·in/out − ½`, not below 0; beyond the last position the last value holds.

/// Adds `map` of height and width `from` to `sum` of height and width `to`.
pub(super) fn add_resized(sum: &mut [f64], to: [usize; 2], map: &[f32], from: [usize; 2]) {
    let columns = weights(from[1], to[1]);
    for (row, &(top, bottom, t)) in sum.chunks_exact_mut(to[1]).zip(&weights(from[0], to[0])) {
        let line = |y: usize| &map[y * from[1]..(y + 1) * from[1]];
        let (upper, lower) = (line(top), line(bottom));
        for (sum, &(left, right, s)) in row.iter_mut().zip(&columns) {
            let mix = |line: &[f32]| f64::from(line[left]) * (1.0 - s) + f64::from(line[right]) * s;
            *sum += mix(upper) * (1.0 - t) + mix(lower) * t;
        }
    }
}

/// For every output the two inputs it lies between, and the share of the second.
fn weights(input: usize, output: usize) -> Vec<(usize, usize, f64)> {
    let positions = (0..output).map(|i| {
        let place = ((i as f64 + 0.5) * input as f64 / output as f64 - 0.5).max(0.0);
        let first = (place as usize).min(input - 1);
        (first, (first + 1).min(input - 1), place - first as f64)
    });
    positions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_mixes_quarters() {
        let mut sum = vec![0.0; 4];
        add_resized(&mut sum, [1, 4], &[0.0, 4.0], [1, 2]);
        assert_eq!(sum, [0.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn the_same_size_adds_as_it_is_and_one_value_fills() {
        let mut sum = vec![1.0; 6];
        add_resized(&mut sum, [2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
        assert_eq!(sum, [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let mut sum = vec![0.0; 6];
        add_resized(&mut sum, [2, 3], &[7.0], [1, 1]);
        assert_eq!(sum, [7.0; 6]);
    }
}
