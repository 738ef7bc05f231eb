//! How much a layer stretches: Jacobians, and pairs that are looked for.

/// Numbers from -1 to 1, the same in every run.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

pub(crate) fn singles(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|x| x as f32).collect()
}

pub(crate) fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

pub(crate) fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// A layer as a map of vectors, with its derivative at a point applied to a vector.
pub(crate) trait Layer {
    fn value(&self, x: &[f64]) -> Vec<f64>;
    fn pull(&self, x: &[f64], upstream: &[f64]) -> Vec<f64>;
}

/// The Jacobian, row by row.
pub(crate) fn jacobian(layer: &dyn Layer, x: &[f64]) -> Vec<f64> {
    let outputs = layer.value(x).len();
    let row = |i: usize| {
        let mut upstream = vec![0.0; outputs];
        upstream[i] = 1.0;
        layer.pull(x, &upstream)
    };
    (0..outputs).flat_map(row).collect()
}

/// The largest stretch that gradient ascent over pairs finds.
pub(crate) fn adversarial_stretch(layer: &dyn Layer, size: usize, seed: u64) -> f64 {
    let mut best = 0.0_f64;
    for start in 0..3 {
        let a = numbers(size, seed + start);
        let mut direction = numbers(size, seed + 100 + start);
        let mut distance = 1.0;
        for _ in 0..60 {
            let length = norm(&direction);
            let b: Vec<f64> =
                a.iter().zip(&direction).map(|(a, d)| a + distance * d / length).collect();
            let moved = difference(&layer.value(&b), &layer.value(&a));
            let real = norm(&difference(&b, &a));
            best = best.max(norm(&moved) / real);
            direction = layer.pull(&b, &moved);
            distance *= 0.97;
        }
    }
    best
}
