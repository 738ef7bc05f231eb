//! Gradients: there exactly where the card says so, finite, and the derivative of the value.

use lookalike::{CoreError as Error, Metric, Picture, Samples};

use crate::exceptions::tolerance;
use crate::pictures::{grey, noisy, resampled, scene, size};
use crate::{close, every_metric, value};

#[test]
fn gradients_exist_exactly_where_the_card_says() {
    every_metric("gradient", |metric| {
        let colour = scene(size(metric));
        let mut wrong = Vec::new();
        for (name, reference, candidate) in [
            ("colour", colour.clone(), noisy(&colour, 0.3)),
            ("grey", grey(&colour), grey(&noisy(&colour, 0.3))),
            ("equal", colour.clone(), colour),
        ] {
            match metric.prepare(&reference).unwrap().gradient(&candidate) {
                Ok(gradient) if metric.card().gradient => {
                    let (width, height) = (candidate.width(), candidate.height());
                    let channels = candidate.channels().count();
                    let shape = (gradient.width, gradient.height, gradient.channels);
                    if shape != (width, height, channels)
                        || gradient.samples.len() != width * height * channels
                    {
                        wrong.push(format!("{name}: shape {shape:?}"));
                    }
                    if gradient.samples.iter().any(|d| !d.is_finite()) {
                        wrong.push(format!("{name}: not finite"));
                    }
                    let value = value(metric, &reference, &candidate);
                    let tolerance = tolerance(metric.card().id, "gradient", 1e-12);
                    if !close(gradient.value, value, tolerance) {
                        wrong.push(format!("{name}: value {:e}, not {value:e}", gradient.value));
                    }
                }
                Err(Error::NoGradient { reason, .. })
                    if !metric.card().gradient && reason.len() > 10 => {}
                Ok(_) => wrong.push(format!("{name}: a gradient that the card denies")),
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
        wrong
    });
}

#[test]
fn gradients_are_derivatives_of_the_value() {
    const STEP: f64 = 1e-5;
    every_metric("derivative", |metric: &dyn Metric| {
        if !metric.card().gradient {
            return Vec::new();
        }
        let colour = scene(size(metric));
        let mut wrong = Vec::new();
        for (name, reference, candidate) in [
            ("colour", colour.clone(), noisy(&colour, 0.3)),
            ("grey", grey(&colour), grey(&noisy(&colour, 0.3))),
        ] {
            let (width, height) = (candidate.width(), candidate.height());
            let channels = candidate.channels().count();
            let samples: Vec<f64> = (0..width * height * channels)
                .map(|i| 0.02 + 0.96 * candidate.samples().get(i) / 255.0)
                .collect();
            // Interleaved like the samples; the same direction for all channels of a pixel would
            // hide exchanged channels.
            let direction: Vec<f64> =
                (0..samples.len()).map(|i| ((i * 7919 % 1013) as f64 / 506.0) - 1.0).collect();
            let moved = |step: f64| -> Picture {
                let at = samples.iter().zip(&direction).map(|(s, d)| s + step * d);
                resampled(&candidate, Samples::F64(at.collect()))
            };
            let prepared = metric.prepare(&reference).unwrap();
            let gradient = prepared.gradient(&moved(0.0)).unwrap();
            let pixels = width * height;
            let slope: f64 = (0..direction.len())
                .map(|i| gradient.samples[i % channels * pixels + i / channels] * direction[i])
                .sum();
            let [ahead, behind] = [STEP, -STEP].map(|s| value(metric, &reference, &moved(s)));
            let measured = (ahead - behind) / (2.0 * STEP);
            if (slope - measured).abs() > 1e-4 * measured.abs().max(slope.abs()) {
                wrong.push(format!("{name}: slope {slope:e}, measured {measured:e}"));
            }
        }
        wrong
    });
}
