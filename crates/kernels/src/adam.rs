//! One step of Adam or AdamW over parameters, gradients and both moments, in one pass.
//!
//! As PyTorch does it: moments are corrected for their start at zero, and `epsilon` is added to the
//! root after the correction.

use rayon::prelude::*;

use crate::elementwise::check;
use crate::lanes::{LANES, Lanes};
use crate::processor::Kernel;
use crate::{Error, Processor, Result};

/// Numbers of one task.
const CHUNK: usize = 1 << 15;

/// How parameters are drawn towards zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Decay {
    /// Not at all.
    #[default]
    None,
    /// This share of the parameter is added to its gradient (Adam).
    Gradient(f32),
    /// This share, times the rate, is taken from the parameter (AdamW).
    Parameter(f32),
}

/// What does not change from step to step, but for the rate.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// The learning rate.
    pub rate: f32,
    /// How much of the first and of the second moment is kept.
    pub betas: [f32; 2],
    /// What is added to the root of the second moment.
    pub epsilon: f32,
    /// How parameters are drawn towards zero.
    pub decay: Decay,
}

impl Default for Adam {
    fn default() -> Self {
        Self { rate: 1e-3, betas: [0.9, 0.999], epsilon: 1e-8, decay: Decay::None }
    }
}

impl Adam {
    /// Changes parameters and moments; `step` is 1 for the first step, with moments of zero.
    ///
    /// # Errors
    /// [`Error::Count`] where the four are not equally many, [`Error::Dimension`] for step 0.
    pub fn step(
        &self,
        processor: Processor,
        step: u64,
        parameters: &mut [f32],
        gradients: &[f32],
        first: &mut [f32],
        second: &mut [f32],
    ) -> Result<()> {
        check("gradients", gradients, parameters.len())?;
        check("first moments", first, parameters.len())?;
        check("second moments", second, parameters.len())?;
        if step == 0 {
            return Err(Error::Dimension { what: "step counter", expected: 1, found: 0 });
        }
        let factors = Factors::new(self, step);
        parameters
            .par_chunks_mut(CHUNK)
            .zip(gradients.par_chunks(CHUNK))
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK))
            .for_each(|(((parameters, gradients), first), second)| {
                processor.run(Part { factors, parameters, gradients, first, second });
            });
        Ok(())
    }
}

/// What the formulas multiply with at one step.
#[derive(Clone, Copy)]
struct Factors {
    /// Of the parameter that stays.
    kept: f32,
    /// Of the parameter that is added to its gradient.
    drawn: f32,
    /// Of what is new in the moments.
    new: [f32; 2],
    /// Of the second moment that stays.
    second: f32,
    /// The rate over the correction of the first moment.
    rate: f32,
    /// One over the root of the correction of the second.
    root: f32,
    epsilon: f32,
}

impl Factors {
    fn new(adam: &Adam, step: u64) -> Self {
        let [first, second] = adam.betas.map(f64::from);
        let rate = f64::from(adam.rate);
        let steps = step as f64;
        let (kept, drawn) = match adam.decay {
            Decay::None => (1.0, 0.0),
            Decay::Gradient(share) => (1.0, share),
            Decay::Parameter(share) => ((1.0 - rate * f64::from(share)) as f32, 0.0),
        };
        Self {
            kept,
            drawn,
            new: [(1.0 - first) as f32, (1.0 - second) as f32],
            second: adam.betas[1],
            rate: (rate / (1.0 - first.powf(steps))) as f32,
            root: (1.0 / (1.0 - second.powf(steps)).sqrt()) as f32,
            epsilon: adam.epsilon,
        }
    }
}

struct Part<'a> {
    factors: Factors,
    parameters: &'a mut [f32],
    gradients: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Kernel for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (p, p_rest) = self.parameters.as_chunks_mut::<LANES>();
        let (g, g_rest) = self.gradients.as_chunks::<LANES>();
        let (m, m_rest) = self.first.as_chunks_mut::<LANES>();
        let (v, v_rest) = self.second.as_chunks_mut::<LANES>();
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            step(lanes, &self.factors, p, g, m, v);
        }
        let count = p_rest.len();
        if count > 0 {
            let mut last = [[0.0; LANES]; 4];
            for (line, numbers) in last.iter_mut().zip([&*p_rest, g_rest, &*m_rest, &*v_rest]) {
                line[..count].copy_from_slice(numbers);
            }
            let [p, g, m, v] = &mut last;
            step(lanes, &self.factors, p, g, m, v);
            p_rest.copy_from_slice(&p[..count]);
            m_rest.copy_from_slice(&m[..count]);
            v_rest.copy_from_slice(&v[..count]);
        }
    }
}

#[inline(always)]
fn step<L: Lanes>(
    lanes: L,
    factors: &Factors,
    parameters: &mut [f32; LANES],
    gradients: &[f32; LANES],
    first: &mut [f32; LANES],
    second: &mut [f32; LANES],
) {
    let p = lanes.read(parameters);
    let g = lanes.mul_add(p, lanes.splat(factors.drawn), lanes.read(gradients));
    let p = lanes.mul(p, lanes.splat(factors.kept));
    let m = lanes.read(first);
    let m = lanes.mul_add(lanes.sub(g, m), lanes.splat(factors.new[0]), m);
    let v = lanes.mul(lanes.read(second), lanes.splat(factors.second));
    let v = lanes.mul_add(lanes.mul(g, g), lanes.splat(factors.new[1]), v);
    let root =
        lanes.mul_add(lanes.sqrt(v), lanes.splat(factors.root), lanes.splat(factors.epsilon));
    let p = lanes.negate_mul_add(lanes.div(m, root), lanes.splat(factors.rate), p);
    lanes.write(parameters, p);
    lanes.write(first, m);
    lanes.write(second, v);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 131) % 1013) as f32 / 506.5 - 1.0).collect()
    }

    #[test]
    fn ten_steps_are_those_of_the_formula() {
        let count = 1003;
        for decay in [Decay::None, Decay::Gradient(0.1), Decay::Parameter(0.1)] {
            let adam = Adam { rate: 0.01, decay, ..Adam::default() };
            for processor in Processor::available() {
                let mut p = numbers(count, 0);
                let (mut m, mut v) = (vec![0.0; count], vec![0.0; count]);
                let mut exact: Vec<f64> = p.iter().map(|&p| p.into()).collect();
                let (mut first, mut second) = (vec![0.0; count], vec![0.0; count]);
                for step in 1..=10 {
                    let g = numbers(count, step as usize);
                    adam.step(processor, step, &mut p, &g, &mut m, &mut v).unwrap();
                    for i in 0..count {
                        let mut g = f64::from(g[i]);
                        match decay {
                            Decay::None => {}
                            Decay::Gradient(share) => g += f64::from(share) * exact[i],
                            Decay::Parameter(share) => exact[i] *= 1.0 - 0.01 * f64::from(share),
                        }
                        first[i] = 0.9 * first[i] + 0.1 * g;
                        second[i] = 0.999 * second[i] + 0.001 * g * g;
                        let corrected = first[i] / (1.0 - 0.9_f64.powf(step as f64));
                        let root = (second[i] / (1.0 - 0.999_f64.powf(step as f64))).sqrt();
                        exact[i] -= 0.01 * corrected / (root + 1e-8);
                    }
                }
                for (found, exact) in p.iter().zip(&exact) {
                    assert!((f64::from(*found) - exact).abs() < 3e-6, "{found} {exact}");
                }
            }
        }
    }

    #[test]
    fn the_number_of_threads_does_not_matter_and_lengths_are_checked() {
        let count = 3 * CHUNK + 5;
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut p, g) = (numbers(count, 0), numbers(count, 1));
            let (mut m, mut v) = (vec![0.1; count], vec![0.2; count]);
            pool.install(|| {
                Adam::default().step(Processor::best(), 3, &mut p, &g, &mut m, &mut v).unwrap();
            });
            [p, m, v]
        };
        let expected = run(1);
        for threads in [2, 3, 7] {
            assert_eq!(run(threads), expected);
        }
        let (mut p, mut m, mut v) = ([0.0; 3], [0.0; 3], [0.0; 3]);
        let adam = Adam::default();
        let best = Processor::best();
        assert!(adam.step(best, 0, &mut p, &[0.0; 3], &mut m, &mut v).is_err());
        assert!(adam.step(best, 1, &mut p, &[0.0; 2], &mut m, &mut v).is_err());
        assert!(adam.step(best, 1, &mut p, &[f32::NAN; 3], &mut m, &mut v).is_ok());
        assert!(p.iter().all(|p| p.is_nan()));
    }
}
