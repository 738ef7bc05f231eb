//! The mathematics of diffusion: noise schedules, what the network predicts, losses and samplers.
//!
//! Everything here is arithmetic on plain slices of one picture (or one latent), without a network:
//! samplers call the network through a closure, losses return their value and their gradient with
//! respect to the network's output. So all of it can be tested against recorded numbers and by
//! finite differences, and serves any tensor engine.
//!
//! Two noise processes stand side by side:
//!
//! | process | noised picture | time given to the network |
//! |---|---|---|
//! | discrete ([`Schedule`], Ho et al. 2020) | `x_t = √ᾱ_t·x0 + √(1−ᾱ_t)·ε` | index in 0..T−1 |
//! | rectified flow ([`Flow`], Liu et al. 2022) | `x_s = (1−s)·x0 + s·ε` | level `s` in [0, 1] |
//!
//! | module | what |
//! |---|---|
//! | [`betas`], [`schedule`], [`respacing`] | variances, tables, fewer steps of them |
//! | [`prediction`] | ε-, x0- and v-prediction: conversion, targets, derivative of x0 |
//! | [`loss`], [`snr_weight`] | squared error, min-SNR-γ weights |
//! | [`variance`], [`variational_bound`] | fixed and learned; the bound that teaches them |
//! | [`flow`] | conversion, v-space loss, levels of training and sampling |
//! | [`sampler`] | DDPM, DDIM, Euler, Heun, DPM-Solver++(2M) |
//! | [`guidance`] | classifier-free guidance with one and with two conditions |
//! | [`average`] | exponential moving average of the weights |
//!
//! Numbers: tables, coefficients and sums are f64; pictures are f32 and every step rounds once.
//! Sums run in the order of the slice, so the bits do not depend on threads or on what else is in
//! a batch.
//!
//! Conventions of published code that differ from each other are told apart in the modules'
//! heads. There is one convention for flows: `s` is the *noise* level (Stable Diffusion 3,
//! diffusers); a *clean* fraction `t = 1 − s` (JiT, PixelGen) is converted where it enters.

pub mod average;
pub mod betas;
pub mod flow;
pub mod guidance;
mod linear;
pub mod loss;
pub mod prediction;
#[cfg(test)]
mod reference;
pub mod respacing;
pub mod sampler;
pub mod schedule;
pub mod snr_weight;
pub mod variance;
pub mod variational_bound;

pub use average::MovingAverage;
pub use betas::Betas;
pub use flow::Flow;
pub use guidance::GuidanceInterval;
pub use loss::Loss;
pub use prediction::Prediction;
pub use respacing::{Respaced, Spacing};
pub use sampler::{Method, Plan, Sampler, Settings};
pub use schedule::Schedule;
pub use variance::Variance;
