//! Derivatives with respect to filters: slopes of the networks written out in double precision. Along
//! one parameter a network is linear but for kinks, so a slope over a small step is nearly exact.

#![allow(clippy::unwrap_used, clippy::panic)]

mod definition;

use definition::{Definition, Grid, max_pool};
use lookalike_nn::{
    Backbone, Blocks, Error, FilterGradient, Parameters, Planes, Result, Seeded, Trunk,
};

/// Parameters of which one number is moved.
struct Moved<'a> {
    all: &'a Seeded,
    name: String,
    at: usize,
    by: f32,
}

impl Parameters for Moved<'_> {
    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let mut numbers = self.all.f32(name, shape)?;
        if name == self.name {
            numbers[self.at] += self.by;
        }
        Ok(numbers)
    }
}

fn picture(batch: usize, height: usize, width: usize) -> Planes {
    let shape = [batch, 3, height, width];
    let numbers = Seeded::new("picture").f32("lin", &shape).unwrap();
    Planes::new(shape, numbers.iter().map(|v| 4.0 * v - 2.0).collect()).unwrap()
}

/// A weight of a tap's number, the same in blocks and in the definition.
fn weight(tap: usize, index: usize) -> f32 {
    ((index * 7 + tap * 3) % 11) as f32 / 11.0 - 0.4
}

fn gradients(trunk: &Trunk, input: &Planes) -> Result<Vec<FilterGradient>> {
    let forward = trunk.forward(input.clone())?;
    let derivatives = outer(&forward.taps())?;
    forward.filter_gradients(derivatives)
}

fn outer(taps: &[&Blocks]) -> Result<Vec<Blocks>> {
    let derive = |(tap, values): (usize, &&Blocks)| {
        let shape = values.shape();
        let single: usize = shape[1..].iter().product();
        let numbers: Vec<f32> =
            (0..shape.iter().product()).map(|index: usize| weight(tap, index % single)).collect();
        let mut blocks = Blocks::new();
        blocks.read_planes(shape, &numbers)?;
        Ok(blocks)
    };
    taps.iter().enumerate().map(derive).collect()
}

fn number(backbone: Backbone, parameters: &dyn Parameters, input: &Planes) -> f64 {
    let definition = Definition(parameters);
    let [batch, ..] = input.shape();
    let of = |index: usize| {
        let x = Grid::of(input, index);
        let taps = match backbone {
            Backbone::AlexNet => definition.alexnet(&x),
            Backbone::SqueezeNet1_1 => definition.squeezenet(&x),
            _ => definition.vgg16(&x, |x| max_pool(x, 2, false)),
        };
        let sum = |(tap, grid): (usize, &Grid)| -> f64 {
            let weighted = |(index, v): (usize, &f64)| v * f64::from(weight(tap, index));
            grid.data.iter().enumerate().map(weighted).sum()
        };
        taps.iter().enumerate().map(sum).sum::<f64>()
    };
    (0..batch).map(of).sum()
}

#[test]
fn derivatives_of_filters_are_slopes_of_the_definitions() {
    for (backbone, convolutions, [batch, height, width]) in [
        (Backbone::AlexNet, 5, [2, 35, 47]),
        (Backbone::SqueezeNet1_1, 25, [1, 17, 38]),
        (Backbone::Vgg16, 13, [1, 16, 16]),
    ] {
        let all = Seeded::new(backbone.name());
        let input = picture(batch, height, width);
        let trunk = Trunk::new(backbone, &all).unwrap();
        let gradients = gradients(&trunk, &input).unwrap();
        assert_eq!(gradients.len(), convolutions, "{}", backbone.name());
        for gradient in &gradients {
            for (kind, derivatives) in [("weight", &gradient.weight), ("bias", &gradient.bias)] {
                let largest = derivatives.iter().fold(0.0_f32, |m, d| m.max(d.abs()));
                let at = derivatives.iter().position(|d| d.abs() == largest).unwrap();
                let name = format!("{}.{kind}", gradient.path);
                let moved =
                    |by| number(backbone, &Moved { all: &all, name: name.clone(), at, by }, &input);
                // A power of two; the step that rounding leaves of it is nearly whole.
                let step = 2.0_f32.powi(-16);
                let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
                let found = f64::from(derivatives[at]);
                assert!((found - slope).abs() <= 2e-3 * slope.abs(), "{name}: {found} {slope}");
            }
        }
    }
}

#[test]
fn they_are_the_same_bits_for_any_number_of_threads() {
    let trunk = Trunk::new(Backbone::SqueezeNet1_1, &Seeded::new("any")).unwrap();
    let input = picture(3, 40, 33);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| gradients(&trunk, &input)).unwrap()
    };
    let one = with(1);
    assert!(one.iter().all(|g| g.weight.iter().any(|&d| d != 0.0)));
    assert_eq!(one, with(3));
}

#[test]
fn what_has_none_is_refused() {
    let trunk = Trunk::new(Backbone::MobileNetV2, &Seeded::new("any")).unwrap();
    let refused = gradients(&trunk, &picture(1, 64, 64));
    assert!(matches!(refused, Err(Error::NoKernel(_))), "{refused:?}");
    let trunk = Trunk::new(Backbone::AlexNet, &Seeded::new("any")).unwrap();
    let refused = trunk.forward(picture(1, 64, 64)).unwrap().filter_gradients(Vec::new());
    assert!(refused.is_err());
}
