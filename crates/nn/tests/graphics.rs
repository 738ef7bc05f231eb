//! The same networks on a graphics card, against the processor.
//!
//! `cargo test -p lookalike-nn --features wgpu --test graphics` takes the graphics card that the
//! system offers first; a software Vulkan driver will do (Mesa's lavapipe, with `VK_ICD_FILENAMES`
//! naming its description).

#![cfg(feature = "wgpu")]
#![allow(clippy::unwrap_used)]

use lookalike_nn::{Backbone, Blocks, Device, Parameters as _, Planes, Seeded, Trunk, processor};

fn picture(height: usize, width: usize, seed: &str) -> Planes {
    let shape = [1, 3, height, width];
    let numbers = Seeded::new(seed).f32("lin", &shape).unwrap();
    Planes::new(shape, numbers.iter().map(|v| 4.0 * v - 2.0).collect()).unwrap()
}

/// The largest difference over the largest number.
fn error(found: &Planes, expected: &Planes) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.data().iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let pairs = found.data().iter().zip(expected.data());
    pairs.map(|(f, e)| (f - e).abs()).fold(0.0, f32::max) / largest
}

#[test]
fn activations_and_derivatives_are_those_of_the_processor() {
    let card = Device::wgpu(Default::default());
    for (backbone, net, (height, width)) in [
        (Backbone::AlexNet, "alex", (67, 64)),
        (Backbone::SqueezeNet1_1, "squeeze", (40, 33)),
        (Backbone::Vgg16, "vgg", (33, 32)),
        (Backbone::Vgg16HanningPool, "vgg", (33, 32)),
        (Backbone::ResNet18, "resnet", (64, 65)),
    ] {
        let [expected, found] = [processor(), card.clone()].map(|device| {
            let trunk = Trunk::on_engine(backbone, &Seeded::new(net), &device).unwrap();
            let input = picture(height, width, "picture");
            let taps = trunk.taps(&input).unwrap();
            let gradient = trunk
                .gradient(&input, |taps| -> lookalike_nn::Result<Vec<Blocks>> {
                    Ok(taps.iter().map(|&tap| tap.clone()).collect())
                })
                .unwrap();
            (taps, gradient)
        });
        for (tap, (found, expected)) in found.0.iter().zip(&expected.0).enumerate() {
            let error = error(found, expected);
            println!("{} tap {tap}: {error:e}", backbone.name());
            assert!(error < 1e-5, "{} tap {tap}: {error:e}", backbone.name());
        }
        let error = error(&found.1, &expected.1);
        println!("{} gradient: {error:e}", backbone.name());
        assert!(error < 1e-4, "{} gradient: {error:e}", backbone.name());
    }
}
