//! Positions of patches as numbers that are fixed: sines and cosines of column and row.
//!
//! pos(y, x) = \[f(x), f(y)\] with f(u) = \[sin(u·ω₀), …, cos(u·ω₀), …\], ωᵢ = 10000^(−i/(D/4)) for i < D/4. The column
//! comes first, which follows from the order of the axes in the authors' code. At another resolution than that of
//! training, diffusers measures positions in the training grid: u·(base/size).
//!
//! Source: facebookresearch/DiT, `get_2d_sincos_pos_embed`. Computed in double precision. Reproduces recorded
//! positions within 2e-6.

/// Rows × columns positions of `width` numbers (a multiple of 4), row after row; `base` is the side of the grid that
/// positions are measured in.
pub fn positions([rows, columns]: [usize; 2], width: usize, base: Option<usize>) -> Vec<f32> {
    let quarter = width / 4;
    let measured = |at: usize, size: usize| match base {
        Some(base) => at as f64 * base as f64 / size.max(1) as f64,
        None => at as f64,
    };
    let mut numbers = Vec::with_capacity(rows * columns * width);
    let along = |u: f64, numbers: &mut Vec<f32>| {
        let phase = |i: usize| u * 10_000_f64.powf(-(i as f64) / quarter as f64);
        numbers.extend((0..quarter).map(|i| phase(i).sin() as f32));
        numbers.extend((0..quarter).map(|i| phase(i).cos() as f32));
    };
    for row in 0..rows {
        for column in 0..columns {
            along(measured(column, columns), &mut numbers);
            along(measured(row, rows), &mut numbers);
        }
    }
    numbers
}
