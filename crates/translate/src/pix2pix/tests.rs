use super::*;
use lookalike_train::random::{Purpose, Stream};

/// Random numbers from `least` to `most`.
fn numbers(count: usize, seed: u64, [least, most]: [f64; 2]) -> Vec<f32> {
    let mut stream = Stream::new(seed, Purpose::Observer, 0);
    (0..count).map(|_| (least + (most - least) * stream.unit()) as f32).collect()
}

fn double(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&number| number.into()).collect()
}

/// Biases away from 0, so that no unit stands at its corner.
fn lifted(mut parameters: Vec<f32>) -> Vec<f32> {
    parameters.iter_mut().for_each(|p| *p += if *p == 0.0 { 0.03 } else { 0.0 });
    parameters
}

/// Planes of one picture, by the definition, in double precision.
#[derive(Clone)]
struct Planes {
    channels: usize,
    side: usize,
    samples: Vec<f64>,
}

impl Planes {
    fn new(samples: &[f64], side: usize) -> Self {
        Self { channels: samples.len() / (side * side), side, samples: samples.to_vec() }
    }

    /// Takes weights and biases from the front of the parameters.
    fn convolve(
        &self,
        parameters: &mut &[f64],
        [outputs, kernel, stride, padding]: [usize; 4],
    ) -> Self {
        let (weights, rest) = parameters.split_at(outputs * self.channels * kernel * kernel);
        let (biases, rest) = rest.split_at(outputs);
        *parameters = rest;
        let side = (self.side + 2 * padding - kernel) / stride + 1;
        let mut samples = Vec::new();
        for (output, bias) in biases.iter().enumerate() {
            for at in 0..side * side {
                let mut sum = *bias;
                for tap in 0..self.channels * kernel * kernel {
                    let channel = tap / (kernel * kernel);
                    let row = at / side * stride + tap / kernel % kernel;
                    let column = at % side * stride + tap % kernel;
                    let inside = padding..self.side + padding;
                    if inside.contains(&row) && inside.contains(&column) {
                        let place = channel * self.side + row - padding;
                        sum += weights[output * self.channels * kernel * kernel + tap]
                            * self.samples[place * self.side + column - padding];
                    }
                }
                samples.push(sum);
            }
        }
        Self { channels: outputs, side, samples }
    }

    fn map(mut self, map: fn(f64) -> f64) -> Self {
        self.samples.iter_mut().for_each(|sample| *sample = map(*sample));
        self
    }

    fn relu(self) -> Self {
        self.map(|sample| sample.max(0.0))
    }

    fn normalised(mut self) -> Self {
        if self.side == 1 {
            return self;
        }
        for plane in self.samples.chunks_mut(self.side * self.side) {
            let middle = mean(plane.iter().copied());
            let variance = mean(plane.iter().map(|x| (x - middle).powi(2)));
            plane.iter_mut().for_each(|x| *x = (*x - middle) / (variance + 1e-5).sqrt());
        }
        self
    }

    fn doubled(&self) -> Self {
        let side = 2 * self.side;
        let of = |at: usize| {
            let (plane, row, column) = (at / (side * side), at / side % side, at % side);
            self.samples[(plane * self.side + row / 2) * self.side + column / 2]
        };
        let samples = (0..4 * self.samples.len()).map(of).collect();
        Self { side, samples, ..*self }
    }

    fn with(mut self, behind: &Self) -> Self {
        self.channels += behind.channels;
        self.samples.extend(&behind.samples);
        self
    }
}

/// What the generator draws of a source.
fn drawn_exactly(mut parameters: &[f64], source: &[f64], side: usize, width: usize) -> Vec<f64> {
    let mut levels: Vec<Planes> = vec![];
    let mut x = Planes::new(source, side);
    while x.side > 1 {
        let outputs = width * [1, 2, 4][levels.len().min(2)];
        let [kernel, padding] = if x.side == 2 { [2, 0] } else { [4, 1] };
        x = if levels.is_empty() { x } else { x.normalised() };
        x = x.convolve(&mut parameters, [outputs, kernel, 2, padding]).relu();
        levels.push(x.clone());
    }
    levels.pop();
    while let Some(level) = levels.pop() {
        let doubled = x.normalised().doubled();
        x = doubled.convolve(&mut parameters, [level.channels, 3, 1, 1]).relu().with(&level);
    }
    x = x.normalised().doubled().convolve(&mut parameters, [width, 3, 1, 1]).relu();
    x = x.normalised().convolve(&mut parameters, [3, 3, 1, 1]);
    assert!(parameters.is_empty() && x.side == side);
    x.map(|sample| 1.0 / (1.0 + (-sample).exp())).samples
}

/// What the discriminator says of a source and a picture in −1…1.
fn judged_exactly(
    mut parameters: &[f64],
    [source, picture]: [&[f64]; 2],
    side: usize,
    width: usize,
) -> Vec<f64> {
    let mut x = Planes::new(source, side).with(&Planes::new(picture, side));
    let strided = (side.ilog2() as usize).saturating_sub(5).max(1);
    for at in 0..=strided {
        let stride = if at < strided { 2 } else { 1 };
        x = x.convolve(&mut parameters, [width * [1, 2, 4, 8][at.min(3)], 4, stride, 1]).relu();
    }
    x = x.convolve(&mut parameters, [1, 4, 1, 1]);
    assert!(parameters.is_empty());
    x.samples
}

fn signed(samples: &[f64]) -> Vec<f64> {
    samples.iter().map(|sample| 2.0 * sample - 1.0).collect()
}

/// ln(1 + eˣ).
fn softplus(x: f64) -> f64 {
    x.exp().ln_1p()
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let numbers: Vec<f64> = numbers.collect();
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// Compares derivatives with differences of a function: of some numbers alone, and of all together in a random
/// direction.
fn check(what: &str, at: &[f64], found: &[f32], probes: usize, function: &dyn Fn(&[f64]) -> f64) {
    assert_eq!(at.len(), found.len());
    let difference = |direction: &dyn Fn(usize) -> f64| {
        let moved = |step: f64| -> f64 {
            let moved: Vec<f64> =
                at.iter().enumerate().map(|(index, x)| x + step * direction(index)).collect();
            function(&moved)
        };
        (moved(1e-7) - moved(-1e-7)) / 2e-7
    };
    let largest = found.iter().fold(0.0_f64, |most, slope| most.max(f64::from(slope.abs())));
    assert!(largest > 0.0, "{what}");
    for index in (0..at.len()).step_by((at.len() / probes).max(1)) {
        let expected = difference(&|other| if other == index { 1.0 } else { 0.0 });
        let off = (f64::from(found[index]) - expected).abs();
        let allowed = 2e-3 * expected.abs().max(0.05 * largest);
        assert!(off < allowed, "{what} {index}: {} {expected}", found[index]);
    }
    let direction = double(&numbers(at.len(), 99, [-1.0, 1.0]));
    let expected = difference(&|index| direction[index]);
    let along: f64 = found.iter().zip(&direction).map(|(&s, d)| f64::from(s) * d).sum();
    let length = found.iter().map(|&slope| f64::from(slope).powi(2)).sum::<f64>().sqrt();
    assert!((along - expected).abs() < 2e-3 * length, "{what} together: {along} {expected}");
}

#[test]
fn a_generator_draws_by_its_definition_alone_and_in_a_batch() {
    // Narrow and wide layers have different kernels.
    for (side, width) in [(16, 3), (32, 5), (16, 9)] {
        let unet = Unet::new(side, width).unwrap();
        let parameters = lifted(unet.initial(1));
        let sources = numbers(3 * unet.size(), 2, [-1.0, 1.0]);
        let found = unet.run(&parameters, &sources).unwrap();
        let exact = double(&parameters);
        for (picture, source) in found.chunks(unet.size()).zip(sources.chunks(unet.size())) {
            let expected = drawn_exactly(&exact, &double(source), side, width);
            assert_eq!(expected.len(), picture.len());
            for (found, expected) in picture.iter().zip(&expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
            }
            assert_eq!(unet.run(&parameters, source).unwrap(), picture);
        }
        assert_eq!(unet.trace(&parameters, &sources).unwrap().output(), found);
    }
}

#[test]
fn a_generators_derivatives_are_differences_of_its_definition() {
    for (side, width) in [(16, 2), (16, 9)] {
        let unet = Unet::new(side, width).unwrap();
        let parameters = lifted(unet.initial(3));
        let sources = numbers(2 * unet.size(), 4, [-1.0, 1.0]);
        let slopes = numbers(sources.len(), 5, [-1.0, 1.0]);
        let trace = unet.trace(&parameters, &sources).unwrap();
        let mut gradient = vec![f32::NAN; unet.count()];
        let of_sources =
            unet.backward(&parameters, &trace, slopes.clone(), &mut gradient, true).unwrap();
        let number = |parameters: &[f64], sources: &[f64]| -> f64 {
            let drawn = sources.chunks(unet.size());
            let drawn = drawn.flat_map(|source| drawn_exactly(parameters, source, side, width));
            drawn.zip(&slopes).map(|(sample, &slope)| sample * f64::from(slope)).sum()
        };
        let (exact, exact_sources) = (double(&parameters), double(&sources));
        check("parameters", &exact, &gradient, 60, &|moved| number(moved, &exact_sources));
        let of_sources = of_sources.unwrap();
        check("sources", &exact_sources, &of_sources, 15, &|moved| number(&exact, moved));
        let mut again = vec![0.0; unet.count()];
        assert!(unet.backward(&parameters, &trace, slopes, &mut again, false).unwrap().is_none());
        assert_eq!(again, gradient);
    }
}

#[test]
fn a_discriminator_judges_by_its_definition_and_its_derivatives_are_differences() {
    for (side, width) in [(16, 3), (32, 9), (128, 1)] {
        let patches = PatchGan::new(side, width).unwrap();
        let parameters = lifted(patches.initial(6, 0));
        let size = 3 * side * side;
        let sources = numbers(2 * size, 7, [-1.0, 1.0]);
        let drawn = numbers(2 * size, 8, [-1.0, 1.0]);
        let trace = patches.trace(&parameters, &sources, &drawn).unwrap();
        let map = patches.map() * patches.map();
        assert_eq!(trace.output().len(), 2 * map);
        let all = |parameters: &[f64], drawn: &[f64]| -> Vec<f64> {
            let pairs = sources.chunks(size).zip(drawn.chunks(size));
            let judged = pairs.flat_map(|(source, drawn)| {
                judged_exactly(parameters, [&double(source), drawn], side, width)
            });
            judged.collect()
        };
        let (exact, exact_drawn) = (double(&parameters), double(&drawn));
        for (found, expected) in trace.output().iter().zip(all(&exact, &exact_drawn)) {
            assert!((f64::from(*found) - expected).abs() < 2e-5, "{found} {expected}");
        }
        let alone = patches.trace(&parameters, &sources[size..], &drawn[size..]).unwrap();
        assert_eq!(alone.output(), &trace.output()[map..]);
        let slopes = numbers(2 * map, 9, [-1.0, 1.0]);
        let mut gradient = vec![f32::NAN; patches.count()];
        let of_drawn =
            patches.backward(&parameters, &trace, slopes.clone(), &mut gradient, true).unwrap();
        let number = |parameters: &[f64], drawn: &[f64]| -> f64 {
            let judged = all(parameters, drawn);
            judged.iter().zip(&slopes).map(|(logit, &slope)| logit * f64::from(slope)).sum()
        };
        check("parameters", &exact, &gradient, 30, &|moved| number(moved, &exact_drawn));
        check("pictures", &exact_drawn, &of_drawn.unwrap(), 15, &|moved| number(&exact, moved));
    }
}

#[test]
fn a_discriminator_sees_the_papers_patches() {
    let of = |side| {
        let patches = PatchGan::new(side, 4).unwrap();
        (patches.patch(), patches.map())
    };
    assert_eq!([16, 32, 64, 128, 256].map(of), [(16, 6), (16, 14), (16, 30), (34, 30), (70, 30)]);
    // One sample moves the logits of the patches that it is in, and no others. Patches of 16 rows begin at every other
    // row, so 8 rows of them hold it.
    let patches = PatchGan::new(64, 4).unwrap();
    let parameters = lifted(patches.initial(1, 0));
    let (source, mut drawn) = (vec![0.0; 3 * 64 * 64], vec![0.1; 3 * 64 * 64]);
    let before = patches.trace(&parameters, &source, &drawn).unwrap();
    drawn[32 * 64 + 32] = 0.9;
    let after = patches.trace(&parameters, &source, &drawn).unwrap();
    let both = before.output().iter().zip(after.output());
    let rows: Vec<usize> =
        both.enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at / patches.map()).collect();
    let (first, last) = (rows.iter().min().unwrap(), rows.iter().max().unwrap());
    assert_eq!(last - first + 1, patches.patch() / 2);
}

fn pair(batch: usize, size: usize) -> [Vec<f32>; 2] {
    [numbers(batch * size, 11, [-1.0, 1.0]), numbers(batch * size, 12, [0.0, 1.0])]
}

#[test]
fn both_objectives_derivatives_are_differences_of_their_definitions() {
    let (side, widths) = (16, [2, 3]);
    let (unet, patches) =
        (Unet::new(side, widths[0]).unwrap(), PatchGan::new(side, widths[1]).unwrap());
    let start = Pix2Pix::new(unet, patches, 13).unwrap();
    let mut states = start.states().clone();
    states.generator.parameters = lifted(states.generator.parameters);
    states.discriminator.parameters = lifted(states.discriminator.parameters);
    let run =
        Pix2Pix::resume(start.generator().clone(), start.discriminator().clone(), states).unwrap();
    let size = run.generator().size();
    let [sources, targets] = pair(2, size);
    let [g, d] = [&run.states().generator, &run.states().discriminator]
        .map(|state| state.parameters.clone());
    let drawn = run.generator().trace(&g, &sources).unwrap();

    let (exact_sources, exact_targets) = (double(&sources), signed(&double(&targets)));
    let judge = |d: &[f64], pictures: &[f64]| -> Vec<f64> {
        let pairs = exact_sources.chunks(size).zip(pictures.chunks(size));
        pairs.flat_map(|(s, p)| judged_exactly(d, [s, p], side, widths[1])).collect()
    };
    let draw = |g: &[f64]| -> Vec<f64> {
        let drawn = exact_sources.chunks(size);
        signed(&drawn.flat_map(|s| drawn_exactly(g, s, side, widths[0])).collect::<Vec<_>>())
    };
    let (exact_g, exact_d) = (double(&g), double(&d));
    let exact_drawn = draw(&exact_g);

    let of_discriminator = |d: &[f64]| -> f64 {
        let [real, drawn] = [&exact_targets, &exact_drawn].map(|pictures| judge(d, pictures));
        0.5 * (mean(real.iter().map(|z| softplus(-z))) + mean(drawn.iter().map(|z| softplus(*z))))
    };
    let to_f32 = |numbers: &[f64]| -> Vec<f32> { numbers.iter().map(|&n| n as f32).collect() };
    let pairs = [&to_f32(&exact_targets)[..], &to_f32(&exact_drawn)];
    let (loss, gradient) = run.discriminator_objective(&d, &sources, pairs, 1).unwrap();
    assert!((loss - of_discriminator(&exact_d)).abs() < 1e-5);
    check("discriminator", &exact_d, &gradient, 40, &of_discriminator);

    let of_generator = |g: &[f64]| -> [f64; 2] {
        let drawn = draw(g);
        let adversarial = mean(judge(&exact_d, &drawn).iter().map(|z| softplus(-z)));
        [adversarial, mean(drawn.iter().zip(&exact_targets).map(|(a, b)| (a - b).abs()))]
    };
    let found = run.generator_objective(&d, [&sources, &targets], &drawn, 1).unwrap();
    for (found, expected) in found.0.iter().zip(of_generator(&exact_g)) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
    check("generator", &exact_g, &found.1, 40, &|g| {
        let [adversarial, absolute] = of_generator(g);
        adversarial + 100.0 * absolute
    });
}

fn small(seed: u64) -> Pix2Pix {
    Pix2Pix::new(Unet::new(16, 8).unwrap(), PatchGan::new(16, 8).unwrap(), seed).unwrap()
}

#[test]
fn steps_bring_drawn_pictures_nearer_and_the_discriminator_learns() {
    let mut run = small(1);
    // Random squares of four by four samples, and their negatives.
    let squares = numbers(4 * 3 * 4 * 4, 14, [-1.0, 1.0]);
    let of = |at: usize| squares[at / 256 * 16 + at / 64 % 4 * 4 + at / 4 % 4];
    let sources: Vec<f32> = (0..4 * 3 * 256).map(of).collect();
    let targets: Vec<f32> = sources.iter().map(|sample| 0.5 - 0.4 * sample).collect();
    let all: Vec<Losses> = (0..60).map(|_| run.step(&sources, &targets, 4).unwrap()).collect();
    assert_eq!(run.states().step, 60);
    let (first, last) = (all[0], all[59]);
    assert!(last.absolute < 0.7 * first.absolute, "{first:?} {last:?}");
    assert!(last.discriminator < first.discriminator, "{first:?} {last:?}");
    assert_eq!(first.generator(), first.adversarial + 100.0 * first.absolute);
    let drawn = run.draw(&sources).unwrap();
    let error = mean(drawn.iter().zip(&targets).map(|(a, b)| f64::from(2.0 * (a - b)).abs()));
    assert!((error - last.absolute).abs() < 0.2 * last.absolute);
}

#[test]
fn a_mostly_white_picture_does_not_become_white_altogether() {
    let mut run = small(1);
    let mut stream = Stream::new(15, Purpose::Observer, 0);
    let mut batch = || -> [Vec<f32>; 2] {
        let (mut sources, mut targets) = (vec![], vec![]);
        for _ in 0..4 {
            let corner = [stream.below(10), stream.below(10)];
            for at in 0..3 * 256_usize {
                let within = [at / 16 % 16, at % 16];
                let within: [usize; 2] = std::array::from_fn(|i| within[i].wrapping_sub(corner[i]));
                let inside = within.iter().all(|&at| at < 6);
                let line = inside && within.iter().any(|&at| at == 0 || at == 5);
                sources.push(if line { -1.0 } else { 1.0 });
                targets.push(if inside { 0.2 } else { 1.0 });
            }
        }
        [sources, targets]
    };
    for _ in 0..150 {
        let [sources, targets] = batch();
        run.step(&sources, &targets, 4).unwrap();
    }
    let [sources, targets] = batch();
    let drawn = run.draw(&sources).unwrap();
    let of = |inside: bool| {
        let both = drawn.iter().zip(&targets).filter(|(_, target)| (**target < 1.0) == inside);
        mean(both.map(|(sample, _)| f64::from(*sample)))
    };
    assert!(of(true) < of(false) - 0.3, "{} {}", of(true), of(false));
}

#[test]
fn bits_depend_on_the_seed_and_the_batches_alone() {
    let [sources, targets] = pair(3, 3 * 16 * 16);
    let after = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut run = small(seed);
            let losses: Vec<_> = (0..3).map(|_| run.step(&sources, &targets, 3).unwrap()).collect();
            (losses, run.states().clone(), run.draw(&sources).unwrap())
        })
    };
    let one = after(1, 5);
    assert!(one == after(3, 5));
    assert!(one.1 != after(1, 6).1);
    // A run that is taken up again goes the same way.
    let mut run = small(5);
    run.step(&sources, &targets, 3).unwrap();
    let states = run.states().clone();
    let mut again =
        Pix2Pix::resume(run.generator().clone(), run.discriminator().clone(), states).unwrap();
    for _ in 0..2 {
        again.step(&sources, &targets, 3).unwrap();
    }
    assert!(*again.states() == one.1);
}

#[test]
fn widths_are_found_for_counts() {
    let count = |width: usize| Unet::new(32, width).unwrap().count();
    for width in [1, 2, 26, 100] {
        assert_eq!(Unet::width_for(32, count(width)).unwrap(), width);
    }
    // Between two widths, the nearer, and the smaller of two as near.
    let [below, above] = [count(26), count(27)];
    assert_eq!(Unet::width_for(32, below.midpoint(above)).unwrap(), 26);
    assert_eq!(Unet::width_for(32, below.midpoint(above) + 1).unwrap(), 27);
    let width = Unet::width_for(32, 740_000).unwrap();
    let off = count(width).abs_diff(740_000);
    assert!([width - 1, width + 1].iter().all(|&other| count(other).abs_diff(740_000) > off));
    assert!(off < 25_000, "{width}: {}", count(width));
    // Channels times inputs times taps and biases, for a width of 1.
    let down = 49 + 2 * 17 + 4 * 33 + 4 * 65 + 4 * 17;
    let up = 4 * 37 + 4 * 73 + 2 * 73 + 37 + 19 + 3 * 10;
    assert_eq!(count(1), down + up);
    assert!(Unet::width_for(32, count(1) - 1).is_err());
    assert!(Unet::width_for(32, usize::MAX).is_err());
    assert!(Unet::width_for(31, 740_000).is_err());
}

#[test]
fn tensors_have_names_of_their_own_and_all_parameters() {
    let (unet, patches) = (Unet::new(16, 2).unwrap(), PatchGan::new(16, 2).unwrap());
    let numbers = |tensors: &[(String, Vec<usize>)]| -> usize {
        tensors.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    };
    assert_eq!(numbers(&unet.tensors()), unet.count());
    assert_eq!(numbers(&patches.tensors()), patches.count());
    let mut names: Vec<String> =
        unet.tensors().into_iter().chain(patches.tensors()).map(|(name, _)| name).collect();
    assert_eq!((names[0].as_str(), names.len()), ("generator.down.0.0.weight", 18 + 6));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 24);
    assert_ne!(unet.initial(1), unet.initial(2));
    assert_ne!(patches.initial(1, 0), patches.initial(1, 18));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    for side in [0, 1, 8, 17, 24, 2048, usize::MAX] {
        assert!(Unet::new(side, 4).is_err() && PatchGan::new(side, 4).is_err(), "{side}");
    }
    for width in [0, 1025, usize::MAX] {
        assert!(Unet::new(32, width).is_err() && PatchGan::new(32, width).is_err(), "{width}");
    }
    let other = PatchGan::new(32, 8).unwrap();
    assert!(Pix2Pix::new(Unet::new(16, 8).unwrap(), other, 1).is_err());

    let mut run = small(1);
    let size = run.generator().size();
    let [sources, targets] = pair(2, size);
    let before = run.states().clone();
    let spoilt = |numbers: &[f32], value: f32| {
        let mut spoilt = numbers.to_vec();
        spoilt[7] = value;
        spoilt
    };
    assert!(run.step(&sources, &targets, 1).is_err());
    assert!(run.step(&sources, &targets[size..], 2).is_err());
    assert!(run.step(&[], &[], 0).is_err());
    for value in [f32::NAN, f32::INFINITY, 1.5] {
        assert!(run.step(&spoilt(&sources, value), &targets, 2).is_err(), "{value}");
        assert!(run.step(&sources, &spoilt(&targets, value), 2).is_err(), "{value}");
        assert!(run.draw(&spoilt(&sources, value)).is_err(), "{value}");
    }
    assert!(run.step(&sources, &spoilt(&targets, -0.5), 2).is_err());
    assert!(run.draw(&sources[1..]).is_err() && run.draw(&[]).is_err());
    assert!(*run.states() == before);
    assert!(run.generator().run(&[0.0; 5], &sources).is_err());
    let trace = run.generator().trace(&before.generator.parameters, &sources).unwrap();
    let slopes = vec![0.0; targets.len()];
    let backward = |slopes: Vec<f32>, gradient: &mut [f32]| {
        let parameters = &before.generator.parameters;
        run.generator().backward(parameters, &trace, slopes, gradient, false).is_err()
    };
    let mut gradient = vec![0.0; run.generator().count()];
    assert!(backward(slopes[1..].to_vec(), &mut gradient));
    assert!(backward(slopes.clone(), &mut gradient[1..]));

    let resume = |states: States| {
        Pix2Pix::resume(run.generator().clone(), run.discriminator().clone(), states).is_err()
    };
    let mut states = before.clone();
    states.discriminator.second[3] = f32::NAN;
    assert!(resume(states));
    let mut states = before.clone();
    states.generator.first.pop();
    assert!(resume(states));
}

#[test]
fn numbers_that_are_not_finite_are_noticed_before_anything_changes() {
    let [sources, targets] = pair(2, 3 * 16 * 16);
    let start = small(1);
    let (unet, patches) = (start.generator().clone(), start.discriminator().clone());
    // Weights as large as there are make logits and derivatives endless.
    for of_generator in [false, true] {
        let mut states = start.states().clone();
        let state = if of_generator { &mut states.generator } else { &mut states.discriminator };
        state.parameters.iter_mut().for_each(|p| *p = 1e38 * p.signum());
        let mut run = Pix2Pix::resume(unet.clone(), patches.clone(), states.clone()).unwrap();
        let refused = run.step(&sources, &targets, 2).unwrap_err().to_string();
        assert!(refused.contains("step 1") && refused.contains("nothing was changed"), "{refused}");
        assert!(*run.states() == states);
    }
}
