//! From two distances to the share of people who prefer the second picture.
//!
//! A small network G sees \[d₀, d₁, d₀ − d₁, d₀/(d₁ + ε), d₁/(d₀ + ε)\] with ε = 0.1: 5 → 32 → 32 → 1, leaky
//! ReLUs (0.2) between, a sigmoid behind. Its answer ĥ is scored against the share g of people by
//! −g·ln ĥ − (1 − g)·ln(1 − ĥ), logarithms no lower than −100.
//!
//! Source: Zhang et al. 2018, appendix B, and the authors' code, which has leaky ReLUs where the paper
//! says ReLU. Value and derivative are in double precision; the derivative is PyTorch's, which vanishes
//! where ĥ(1 − ĥ) does.

/// Names and shapes of the tensors, as the authors have them (without the extents of 1).
pub(crate) const TENSORS: [(&str, &[usize]); 6] = [
    ("model.0.weight", &[HIDDEN, INPUTS]),
    ("model.0.bias", &[HIDDEN]),
    ("model.2.weight", &[HIDDEN, HIDDEN]),
    ("model.2.bias", &[HIDDEN]),
    ("model.4.weight", &[1, HIDDEN]),
    ("model.4.bias", &[1]),
];

/// Numbers in all of them.
pub(crate) const COUNT: usize = HIDDEN * (INPUTS + 1) + HIDDEN * (HIDDEN + 1) + HIDDEN + 1;

const INPUTS: usize = 5;
const HIDDEN: usize = 32;
const SLOPE: f64 = 0.2;
const EPSILON: f64 = 0.1;

/// Least logarithm in the loss.
const LEAST_LOGARITHM: f64 = -100.0;

/// What the network answers to one pair of distances, and how wrong it is.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The predicted share.
    pub(crate) share: f64,
    pub(crate) loss: f64,
    /// The derivative of the loss with respect to both distances.
    pub(crate) distances: [f64; 2],
}

/// Answers, and adds `scale` times the derivatives of the loss with respect to the parameters.
pub(crate) fn answer(
    parameters: &[f64],
    distances: [f64; 2],
    share: f64,
    scale: f64,
    gradient: &mut [f64],
) -> Answer {
    let [d0, d1] = distances;
    let input = [d0, d1, d0 - d1, d0 / (d1 + EPSILON), d1 / (d0 + EPSILON)];
    let (w1, rest) = parameters.split_at(HIDDEN * INPUTS);
    let (b1, rest) = rest.split_at(HIDDEN);
    let (w2, rest) = rest.split_at(HIDDEN * HIDDEN);
    let (b2, rest) = rest.split_at(HIDDEN);
    let (w3, b3) = rest.split_at(HIDDEN);
    let first = layer(w1, b1, &input);
    let second = layer(w2, b2, &first.map(leaky));
    let rectified = second.map(leaky);
    let z = b3[0] + w3.iter().zip(&rectified).map(|(w, x)| w * x).sum::<f64>();
    let found = 1.0 / (1.0 + (-z).exp());
    let against = 1.0 / (1.0 + z.exp());
    let logarithms = [found, against].map(|share| share.ln().max(LEAST_LOGARITHM));
    let loss = -(share * logarithms[0] + (1.0 - share) * logarithms[1]);

    let slope = found * against;
    let dz = (found - share) * slope / slope.max(1e-12);
    let (g1, rest) = gradient.split_at_mut(HIDDEN * INPUTS);
    let (gb1, rest) = rest.split_at_mut(HIDDEN);
    let (g2, rest) = rest.split_at_mut(HIDDEN * HIDDEN);
    let (gb2, rest) = rest.split_at_mut(HIDDEN);
    let (g3, gb3) = rest.split_at_mut(HIDDEN);
    gb3[0] += scale * dz;
    let mut outer = [0.0; HIDDEN];
    for (((outer, g), w), (x, y)) in
        outer.iter_mut().zip(g3).zip(w3).zip(second.iter().zip(rectified))
    {
        *g += scale * dz * y;
        *outer = dz * w * slope_at(*x);
    }
    let inner = backward(w2, &first.map(leaky), &outer, scale, g2, gb2);
    let mut outer = [0.0; HIDDEN];
    for ((outer, inner), x) in outer.iter_mut().zip(inner).zip(&first) {
        *outer = inner * slope_at(*x);
    }
    let di = backward(w1, &input, &outer, scale, g1, gb1);
    let (s0, s1) = (d0 + EPSILON, d1 + EPSILON);
    let by = [
        di[0] + di[2] + di[3] / s1 - di[4] * d1 / (s0 * s0),
        di[1] - di[2] - di[3] * d0 / (s1 * s1) + di[4] / s0,
    ];
    Answer { share: found, loss, distances: by }
}

fn layer<const N: usize>(weights: &[f64], biases: &[f64], x: &[f64; N]) -> [f64; HIDDEN] {
    let mut out = [0.0; HIDDEN];
    for ((out, row), bias) in out.iter_mut().zip(weights.chunks_exact(N)).zip(biases) {
        *out = bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    }
    out
}

/// Adds the derivatives of a layer's parameters; returns those of its input.
fn backward<const N: usize>(
    weights: &[f64],
    x: &[f64; N],
    outer: &[f64; HIDDEN],
    scale: f64,
    by_weights: &mut [f64],
    by_biases: &mut [f64],
) -> [f64; N] {
    let mut inner = [0.0; N];
    let rows = weights.chunks_exact(N).zip(by_weights.chunks_exact_mut(N));
    for (((row, by_row), outer), by_bias) in rows.zip(outer).zip(by_biases) {
        *by_bias += scale * outer;
        for (((w, g), x), inner) in row.iter().zip(by_row).zip(x).zip(&mut inner) {
            *g += scale * outer * x;
            *inner += outer * w;
        }
    }
    inner
}

fn leaky(x: f64) -> f64 {
    x * slope_at(x)
}

fn slope_at(x: f64) -> f64 {
    if x > 0.0 { 1.0 } else { SLOPE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn derivatives_are_slopes() {
        let mut stream = Stream::new(1, Purpose::Initialisation, 0);
        let mut draw = |count: usize| -> Vec<f64> {
            (0..count).map(|_| f64::from(stream.symmetric(0.6))).collect()
        };
        let mut parameters = draw(COUNT);
        for (distances, share) in [([0.3, 0.7], 0.0), ([1.2, 0.1], 0.8), ([0.0, 0.5], 1.0)] {
            let mut gradient = vec![0.0; COUNT];
            let found = answer(&parameters, distances, share, 3.0, &mut gradient);
            let mut none = vec![0.0; COUNT];
            let step = 1e-6;
            for at in (0..COUNT).step_by(7) {
                let kept = parameters[at];
                let mut loss = |by: f64| {
                    parameters[at] = kept + by;
                    answer(&parameters, distances, share, 0.0, &mut none).loss
                };
                let slope = 3.0 * (loss(step) - loss(-step)) / (2.0 * step);
                parameters[at] = kept;
                assert!((gradient[at] - slope).abs() < 1e-7, "{at}: {} {slope}", gradient[at]);
            }
            for side in 0..2 {
                let mut loss = |by: f64| {
                    let mut distances = distances;
                    distances[side] += by;
                    answer(&parameters, distances, share, 0.0, &mut none).loss
                };
                let slope = (loss(step) - loss(-step)) / (2.0 * step);
                assert!((found.distances[side] - slope).abs() < 1e-7, "{found:?} {slope}");
            }
        }
    }

    #[test]
    fn certainty_that_is_wrong_costs_a_hundred_and_has_no_slope() {
        let mut parameters = vec![0.0; COUNT];
        parameters[COUNT - 1] = 1e4;
        let mut gradient = vec![0.0; COUNT];
        let found = answer(&parameters, [0.1, 0.2], 0.0, 1.0, &mut gradient);
        assert_eq!((found.share, found.loss), (1.0, 100.0));
        assert!(gradient.iter().all(|&derivative| derivative == 0.0));
        parameters[COUNT - 1] = 0.0;
        let found = answer(&parameters, [0.1, 0.2], 0.5, 1.0, &mut gradient);
        assert!((found.loss - 2.0_f64.ln()).abs() < 1e-15);
    }
}
