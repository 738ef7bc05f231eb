//! Tests of whole samplings: against recorded results, and by what must hold of any.

use super::super::flow::levels::{diffusers_levels, levels};
use super::super::reference::{Reference, assert_close_f32, noise};
use super::super::{Betas, Schedule, Spacing};
use super::*;

fn schedule() -> Schedule {
    Schedule::new(Betas::Linear, 1000).unwrap()
}

fn as_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

fn no_noise(step: usize) -> Vec<f32> {
    panic!("noise was asked for at step {step}")
}

/// A network that knows the picture, and says what it is trained to say of it.
fn knowing(
    x0: &[f32],
    prediction: Prediction,
    schedule: &Schedule,
) -> impl FnMut(&[f32], f64) -> Result<Vec<f32>> {
    let (x0, kept) = (x0.to_vec(), schedule.alpha_bar().to_vec());
    move |x, time| {
        let alpha_bar = kept[time as usize];
        let eps = Prediction::Sample.recovered(&x0, x, alpha_bar)?.noise;
        prediction.target(&x0, &eps, alpha_bar)
    }
}

/// The same on a flow.
fn knowing_flow(x0: &[f32], flow: Flow) -> impl FnMut(&[f32], f64) -> Result<Vec<f32>> {
    let x0 = x0.to_vec();
    move |x, s| {
        let value =
            |(&x, &x0): (&f32, &f32)| ((f64::from(x) - (1.0 - s) * f64::from(x0)) / s) as f32;
        let eps: Vec<f32> = x.iter().zip(&x0).map(value).collect();
        flow.target(&x0, &eps)
    }
}

#[test]
fn recorded_result_of_the_multistep_solver() {
    let Some(reference) = Reference::find("sampler_steps") else { return };
    assert_eq!(reference.description["dpmpp2m.model"], "eps(x,t)=0.7*sqrt(1-abar_t)*x");
    let mut kept = reference.indices("/dpmpp2m.n8.timesteps");
    kept.reverse();
    let schedule = schedule();
    let plan = Plan::keeping(&schedule, &kept).unwrap();
    let settings = Settings::new(Prediction::Epsilon);
    let sampler = Sampler::new(plan, Method::DpmSolverPlusPlus, settings).unwrap();
    let mut network = |x: &[f32], t: f64| {
        let factor = 0.7 * schedule.sqrt_one_minus_alpha_bar()[t as usize];
        Ok(x.iter().map(|&x| (factor * f64::from(x)) as f32).collect())
    };
    let found = sampler.sample(&reference.f32s("x_t"), &mut network, &mut no_noise).unwrap();
    assert_close_f32("dpm++", &found, &reference.f64s("dpmpp2m.n8.final"), 1e-5);
}

#[test]
fn recorded_result_of_euler() {
    let Some(reference) = Reference::find("flow_matching") else { return };
    let plan = Plan::flow(diffusers_levels(8, 3.0).unwrap()).unwrap();
    let sampler = Sampler::new(plan, Method::Euler, Settings::new(Prediction::Velocity)).unwrap();
    let mut network =
        |x: &[f32], _: f64| Ok(x.iter().map(|&x| (0.3 * f64::from(x)) as f32).collect());
    let found = sampler.sample(&reference.f32s("noise"), &mut network, &mut no_noise).unwrap();
    assert_close_f32("euler", &found, &reference.f64s("euler8.shift3.final"), 1e-5);
}

#[test]
fn exact_predictions_lead_to_the_picture() {
    let plain = schedule();
    let rescaled = plain.with_zero_terminal_snr().unwrap();
    let (x0, start) = (noise(32, 1), noise(32, 2));
    for prediction in Prediction::ALL {
        for (schedule, spacing) in [(&plain, Spacing::Even), (&rescaled, Spacing::Trailing)] {
            // ε says nothing of the picture where there is none left.
            if prediction == Prediction::Epsilon && spacing == Spacing::Trailing {
                continue;
            }
            for count in [2, 3, 10, 50, 1000] {
                for method in [
                    Method::Ddpm,
                    Method::Ddim { eta: 0.0 },
                    Method::Ddim { eta: 1.0 },
                    Method::DpmSolverPlusPlus,
                ] {
                    let plan = Plan::discrete(schedule, spacing, count).unwrap();
                    let sampler = Sampler::new(plan, method, Settings::new(prediction)).unwrap();
                    let mut network = knowing(&x0, prediction, schedule);
                    let mut fresh = |step: usize| noise(32, 100 + step as u64);
                    let found = sampler.sample(&start, &mut network, &mut fresh).unwrap();
                    let what = format!("{prediction} {spacing} {count} {method}");
                    assert_close_f32(&what, &found, &as_f64(&x0), 2e-4);
                }
            }
        }
    }
}

#[test]
fn exact_velocities_lead_to_the_picture_in_one_step() {
    let (x0, start) = (noise(32, 1), noise(32, 2));
    for prediction in [Prediction::Velocity, Prediction::Sample] {
        for method in [Method::Euler, Method::Heun, Method::DpmSolverPlusPlus] {
            for count in [1, 2, 7, 15] {
                let plan = Plan::flow(levels(count, 1.0).unwrap()).unwrap();
                let sampler = Sampler::new(plan, method, Settings::new(prediction)).unwrap();
                let mut network = knowing_flow(&x0, Flow::new(prediction));
                let found = sampler.sample(&start, &mut network, &mut no_noise).unwrap();
                let what = format!("{prediction} {method} {count}");
                assert_close_f32(&what, &found, &as_f64(&x0), 1e-5);
            }
        }
    }
    // ε-prediction cannot be inverted at s = 1, where it is bounded by the floor: begin below.
    let plan = Plan::flow(vec![0.9, 0.5, 0.0]).unwrap();
    let begin = plan.start(&x0, &start).unwrap();
    let sampler = Sampler::new(plan, Method::Heun, Settings::new(Prediction::Epsilon)).unwrap();
    let mut network = knowing_flow(&x0, Flow::new(Prediction::Epsilon));
    let found = sampler.sample(&begin, &mut network, &mut no_noise).unwrap();
    assert_close_f32("epsilon", &found, &as_f64(&x0), 1e-5);
}

/// v = 0.3·x − 0.1·s from 1 to 0, whose solution is known: orders of the methods.
#[test]
fn second_order_methods_are_of_second_order() {
    let exact = |x: f64| {
        // x(s) = c·e^(0.3 s) + s/3 + 10/9.
        let particular = |s: f64| s / 3.0 + 10.0 / 9.0;
        (x - particular(1.0)) * (-0.3_f64).exp() + particular(0.0)
    };
    let error = |method: Method, steps: usize| {
        let plan = Plan::flow(levels(steps, 1.0).unwrap()).unwrap();
        let sampler = Sampler::new(plan, method, Settings::new(Prediction::Velocity)).unwrap();
        let mut network = |x: &[f32], s: f64| {
            Ok(x.iter().map(|&x| (0.3 * f64::from(x) - 0.1 * s) as f32).collect())
        };
        let found = sampler.sample(&[2.0], &mut network, &mut no_noise).unwrap();
        (f64::from(found[0]) - exact(2.0)).abs()
    };
    assert!(error(Method::Euler, 4) / error(Method::Euler, 8) > 1.8);
    assert!(error(Method::Heun, 4) / error(Method::Heun, 8) > 3.0);
    assert!(error(Method::Heun, 8) < 0.2 * error(Method::Euler, 8));
}

#[test]
fn evaluations_and_times_are_as_announced() {
    let discrete = Plan::discrete(&schedule(), Spacing::Even, 10).unwrap();
    let to_the_end = Plan::flow(vec![1.0, 0.6, 0.0]).unwrap();
    let short = Plan::flow(vec![1.0, 0.6, 0.1]).unwrap();
    for (plan, method, expected) in [
        (discrete.clone(), Method::Ddim { eta: 0.0 }, discrete.times()),
        (to_the_end.clone(), Method::Euler, vec![1.0, 0.6]),
        (to_the_end, Method::Heun, vec![1.0, 0.6, 0.6]),
        (short, Method::Heun, vec![1.0, 0.6, 0.6, 0.1]),
    ] {
        let sampler = Sampler::new(plan, method, Settings::new(Prediction::Velocity)).unwrap();
        let mut times = Vec::new();
        let mut network = |x: &[f32], time: f64| {
            times.push(time);
            Ok(x.to_vec())
        };
        sampler.sample(&noise(4, 1), &mut network, &mut no_noise).unwrap();
        assert_eq!(times, expected, "{method}");
        assert_eq!(sampler.evaluations(), expected.len());
    }
}

#[test]
fn a_clamped_picture_stays_in_its_range() {
    let start = noise(64, 3);
    let clamped = |plan: Plan, method: Method, prediction| {
        let settings = Settings { clamp: true, ..Settings::new(prediction) };
        let sampler = Sampler::new(plan, method, settings).unwrap();
        let mut network = |x: &[f32], _: f64| Ok(x.iter().map(|x| -300.0 * x).collect());
        let found = sampler.sample(&start, &mut network, &mut |_| noise(64, 4)).unwrap();
        assert!(found.iter().all(|value| value.abs() <= 1.0 + 1e-6), "{method} {prediction}");
        assert!(found.iter().any(|value| value.abs() > 0.99), "{method} {prediction}");
    };
    for prediction in Prediction::ALL {
        for method in [Method::Ddpm, Method::Ddim { eta: 0.5 }, Method::DpmSolverPlusPlus] {
            let plan = Plan::discrete(&schedule(), Spacing::Even, 10).unwrap();
            clamped(plan, method, prediction);
        }
        for method in [Method::Euler, Method::Heun, Method::DpmSolverPlusPlus] {
            clamped(Plan::flow(levels(10, 1.0).unwrap()).unwrap(), method, prediction);
        }
    }
}

#[test]
fn learned_variances_are_used_by_ddpm_and_dropped_by_ddim() {
    let (x0, start) = (noise(16, 1), noise(16, 2));
    let schedule = schedule();
    let settings =
        Settings { variance: Variance::LearnedRange, ..Settings::new(Prediction::Sample) };
    let drawn = |method: Method, v: f32| {
        let plan = Plan::discrete(&schedule, Spacing::Even, 5).unwrap().with_strength(0.4).unwrap();
        let sampler = Sampler::new(plan, method, settings).unwrap();
        let mut inputs = Vec::new();
        let mut network = |x: &[f32], _: f64| {
            inputs.push(x.to_vec());
            Ok(x0.iter().copied().chain(std::iter::repeat_n(v, x.len())).collect())
        };
        sampler.sample(&start, &mut network, &mut |_| noise(16, 7)).unwrap();
        inputs[1].clone()
    };
    assert_ne!(drawn(Method::Ddpm, -1.0), drawn(Method::Ddpm, 1.0));
    assert_eq!(drawn(Method::Ddim { eta: 0.0 }, -1.0), drawn(Method::Ddim { eta: 0.0 }, 1.0));
    // v = −1 is the fixed small variance.
    let plan = Plan::discrete(&schedule, Spacing::Even, 5).unwrap().with_strength(0.4).unwrap();
    let sampler = Sampler::new(plan, Method::Ddpm, Settings::new(Prediction::Sample)).unwrap();
    let mut inputs = Vec::new();
    let mut network = |x: &[f32], _: f64| {
        inputs.push(x.to_vec());
        Ok(x0.clone())
    };
    sampler.sample(&start, &mut network, &mut |_| noise(16, 7)).unwrap();
    assert_eq!(inputs[1], drawn(Method::Ddpm, -1.0));
}

#[test]
fn the_cleanest_level_may_be_the_end() {
    let schedule = schedule();
    let (x0, start) = (noise(16, 1), noise(16, 2));
    for method in [Method::Ddim { eta: 0.0 }, Method::DpmSolverPlusPlus] {
        let plan = Plan::discrete(&schedule, Spacing::Leading { offset: 1 }, 20).unwrap();
        let plan = plan.ending_at_cleanest_level().unwrap();
        let sampler = Sampler::new(plan, method, Settings::new(Prediction::Epsilon)).unwrap();
        let mut network = knowing(&x0, Prediction::Epsilon, &schedule);
        let found = sampler.sample(&start, &mut network, &mut no_noise).unwrap();
        let distance = found.iter().zip(&x0).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(distance > 1e-3 && distance < 0.05, "{method} {distance}");
    }
    let plan = Plan::discrete(&schedule, Spacing::Leading { offset: 0 }, 20).unwrap();
    let plan = plan.ending_at_cleanest_level().unwrap();
    let settings = Settings::new(Prediction::Epsilon);
    assert!(Sampler::new(plan.clone(), Method::Ddpm, settings).is_err());
    // From index 0 to index 0: a step that changes nothing.
    for method in [Method::Ddim { eta: 0.0 }, Method::DpmSolverPlusPlus] {
        let sampler = Sampler::new(plan.clone(), method, settings).unwrap();
        let mut network = knowing(&x0, Prediction::Epsilon, &schedule);
        assert!(sampler.sample(&start, &mut network, &mut no_noise).is_ok());
    }
}

#[test]
fn methods_that_do_not_fit_are_refused() {
    let discrete = Plan::discrete(&schedule(), Spacing::Even, 10).unwrap();
    let flow = Plan::flow(levels(10, 1.0).unwrap()).unwrap();
    let settings = Settings::new(Prediction::Velocity);
    let refusal = |plan: &Plan, method, settings| {
        Sampler::new(plan.clone(), method, settings).unwrap_err().to_string()
    };
    assert!(refusal(&discrete, Method::Euler, settings).contains("use ddpm, ddim or dpm++"));
    assert!(refusal(&discrete, Method::Heun, settings).contains("rectified flow"));
    assert!(refusal(&flow, Method::Ddpm, settings).contains("use euler, heun or dpm++"));
    assert!(refusal(&flow, Method::Ddim { eta: 0.0 }, settings).contains("discrete"));
    assert!(refusal(&discrete, Method::Ddim { eta: 1.5 }, settings).contains("η"));
    let learned = Settings { variance: Variance::LearnedRange, ..settings };
    assert!(refusal(&flow, Method::Euler, learned).contains("learned variance"));
    let floor = Settings { velocity_floor: f64::NAN, ..settings };
    assert!(refusal(&flow, Method::Euler, floor).contains("floor"));
}

#[test]
fn senseless_outputs_are_refused() {
    let plan = Plan::discrete(&schedule(), Spacing::Even, 10).unwrap();
    let settings = Settings::new(Prediction::Epsilon);
    let sampler = Sampler::new(plan, Method::Ddpm, settings).unwrap();
    let with = |output: Vec<f32>, fresh: Vec<f32>| {
        let mut network = |_: &[f32], _: f64| Ok(output.clone());
        sampler.sample(&[0.0, 1.0], &mut network, &mut |_| fresh.clone())
    };
    assert!(with(vec![0.0; 2], vec![0.0; 2]).is_ok());
    assert!(with(vec![0.0; 4], vec![0.0; 2]).is_err());
    assert!(with(vec![0.0; 2], vec![0.0; 1]).is_err());
    let error = with(vec![0.0, f32::NAN], vec![0.0; 2]).unwrap_err().to_string();
    assert!(error.contains("at time 999"), "{error}");
    let mut failing = |_: &[f32], _: f64| Err(Error::Refused("out of memory".into()));
    let error = sampler.sample(&[0.0], &mut failing, &mut no_noise).unwrap_err().to_string();
    assert_eq!(error, "out of memory");
    let mut network = |x: &[f32], _: f64| Ok(x.to_vec());
    assert!(sampler.sample(&[], &mut network, &mut no_noise).is_err());
    assert!(sampler.sample(&[f32::INFINITY], &mut network, &mut no_noise).is_err());
}
