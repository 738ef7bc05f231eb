//! From linear light to XYB with an offset that keeps it positive, for both pictures of a pair at
//! once, as sum and difference.
//!
//! XYB is the colour space of JPEG XL (ISO/IEC 18181-1, annex L.2): cube roots of three mixtures of
//! linear light, X = (l − m)/2, Y = (l + m)/2, B. SSIMULACRA2 takes 14·X + 0.42, Y + 0.01 and
//! B − Y + 0.55.

/// Shares of red, green and blue in the long, middle and short mixtures.
const MIXTURES: [[f32; 3]; 3] =
    [[0.3, 0.622, 0.078], [0.23, 0.692, 0.078], [0.243_422_69, 0.204_767_45, 0.551_809_86]];
/// Added to every mixture, and its cube root taken off again.
const BIAS: f32 = 0.003_793_073_4;
const ROOT_OF_BIAS: f32 = 0.155_954_2;

/// What is taken off each colour's sum of two pictures: variances lose fewer digits around 0. About
/// twice the colour of middle grey.
pub(super) const SHIFT: [f32; 3] = [0.84, 0.9, 1.1];

/// Pixels computed side by side.
const LANES: usize = 16;

/// Writes s = x + y − [`SHIFT`] and d = y − x of each colour. `reference` and `candidate` are red,
/// green and blue light, at least 0; all slices have one length.
#[inline(always)]
pub(super) fn sum_and_difference(
    reference: [&[f32]; 3],
    candidate: [&[f32]; 3],
    sum: &mut [&mut [f32]; 3],
    difference: &mut [&mut [f32]; 3],
) {
    let length = sum[0].len();
    let whole = length / LANES;
    {
        let [x, y] = [reference, candidate].map(|light| light.map(|row| row.as_chunks().0));
        let s = sum.each_mut().map(|row| row.as_chunks_mut().0);
        let d = difference.each_mut().map(|row| row.as_chunks_mut().0);
        for i in 0..whole {
            let (sums, differences) = of_lanes(x.map(|row| row[i]), y.map(|row| row[i]));
            for colour in 0..3 {
                s[colour][i] = sums[colour];
                d[colour][i] = differences[colour];
            }
        }
    }
    let rest = whole * LANES..length;
    let lanes = |light: [&[f32]; 3]| {
        light.map(|row| {
            let mut lanes = [0.0; LANES];
            lanes[..rest.len()].copy_from_slice(&row[rest.clone()]);
            lanes
        })
    };
    let (sums, differences) = of_lanes(lanes(reference), lanes(candidate));
    for colour in 0..3 {
        sum[colour][rest.clone()].copy_from_slice(&sums[colour][..rest.len()]);
        difference[colour][rest.clone()].copy_from_slice(&differences[colour][..rest.len()]);
    }
}

type Lanes = [f32; LANES];

/// s and d of the colours of 16 pixels.
#[inline(always)]
fn of_lanes(reference: [Lanes; 3], candidate: [Lanes; 3]) -> ([Lanes; 3], [Lanes; 3]) {
    let (x, y) = (positive_xyb(reference), positive_xyb(candidate));
    let (mut sums, mut differences) = ([[0.0; LANES]; 3], [[0.0; LANES]; 3]);
    for colour in 0..3 {
        for lane in 0..LANES {
            sums[colour][lane] = x[colour][lane] + y[colour][lane] - SHIFT[colour];
            differences[colour][lane] = y[colour][lane] - x[colour][lane];
        }
    }
    (sums, differences)
}

#[inline(always)]
fn positive_xyb([red, green, blue]: [Lanes; 3]) -> [Lanes; 3] {
    let mut roots = [[0.0; LANES]; 3];
    for (roots, [r, g, b]) in roots.iter_mut().zip(MIXTURES) {
        for lane in 0..LANES {
            let mixture = r * red[lane] + (g * green[lane] + (b * blue[lane] + BIAS));
            roots[lane] = cube_root(mixture) - ROOT_OF_BIAS;
        }
    }
    let [long, middle, short] = roots;
    let mut colours = [[0.0; LANES]; 3];
    for lane in 0..LANES {
        let y = 0.5 * (long[lane] + middle[lane]);
        colours[0][lane] = 7.0 * (long[lane] - middle[lane]) + 0.42;
        colours[1][lane] = y + 0.01;
        colours[2][lane] = (short[lane] - y) + 0.55;
    }
    colours
}

/// The cube root of a positive number within two units in the last place, in steps that vector
/// instructions can follow.
#[inline(always)]
fn cube_root(v: f32) -> f32 {
    /// The bits of 1 and a third of them, less what centres the error of the first guess.
    const FIRST: u32 = 0x54a2_fa8c;
    // Bits are a logarithm: those of v^(−1/3) are four thirds of 1's less a third of v's.
    let third = (v.to_bits() >> 16) * 21_845;
    let mut root = f32::from_bits(FIRST - third);
    let share = v * (1.0 / 3.0);
    // Newton's iteration for r = v^(−1/3), without a division: the error is squared and doubled.
    for _ in 0..3 {
        let square = root * root;
        root = root * (4.0 / 3.0) - share * (square * square);
    }
    let guess = v * (root * root);
    // One step more on the root itself removes the rounding of the steps before:
    // guess − (guess³ − v)/(3·guess²), where 1/guess² is r².
    guess - (guess * guess * guess - v) * (root * root) * (1.0 / 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots_are_those_of_the_standard_library() {
        let mut v = BIAS;
        while v < 100.0 {
            let (found, expected) = (cube_root(v), f64::from(v).cbrt());
            let error = f64::from(found) / expected - 1.0;
            assert!(error.abs() <= 2.0 * f64::from(f32::EPSILON), "{v}: {found}, {expected}");
            v *= 1.000_37;
        }
        let error = cube_root(BIAS) - ROOT_OF_BIAS;
        assert!(error.abs() < 1e-7, "{error}");
    }

    #[test]
    fn grey_has_no_hue_and_every_length_is_written_whole() {
        for length in [1, 15, 16, 17, 40] {
            let light: Vec<f32> = (0..length).map(|i| i as f32 / 40.0).collect();
            let mut out = vec![vec![f32::NAN; length]; 6];
            let [a, b, c, d, e, f] = &mut out[..] else { unreachable!() };
            sum_and_difference([&light; 3], [&light; 3], &mut [a, b, c], &mut [d, e, f]);
            for (i, v) in out[0].iter().enumerate() {
                assert!((v + SHIFT[0] - 0.84).abs() < 1e-5, "{length} {i}: {v}");
            }
            assert!(out[3..].iter().flatten().all(|v| *v == 0.0), "{length}");
            assert!(out[1].windows(2).all(|two| two[0] < two[1]), "{length}: {:?}", out[1]);
        }
    }
}
