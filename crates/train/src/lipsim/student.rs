//! The network while it learns: batches of pictures forwards, and derivatives with respect to all parameters back.
//!
//! Every layer is y = x − 2 Mᵀ(t σ(M x + b)), t = 1/T (`normaliser.rs`), on matrices whose columns are places: of a
//! convolution M acts on columns of 3×3 neighbours ("im2col", zeros beyond the border), whose adjoint adds them
//! back. With g the derivative with respect to y, s = 2 t σ(z), z = M x + b, and all of it lifted to columns:
//!
//! * ∂s = −M g, ∂M = −s gᵀ + ∂z xᵀ, ∂t = 2 Σ ∂s σ(z), ∂z = 2 t ∂s where z > 0, ∂b = Σ ∂z, ∂x = g + Mᵀ ∂z.
//!
//! Source: as `lipschitz/sll.rs` of the networks. Reproduces the embeddings of
//! [`Network`](lookalike_deep::lipsim::Network) on the same parameters within 2e-4. Choices: pictures are taken in
//! groups of eight, each by one thread, and sums over groups run in a fixed order, so that threads change no bit;
//! where T is 0, t and its derivative are 0. Limits: single precision; q weighs by exp(q) everywhere.

use std::ops::Range;

use lookalike_deep::lipsim::{Extent, Plan, Stage};
use rayon::prelude::*;

use super::lifting::{
    add_back, columns, depth, flattened, turned, unflattened, window, window_back,
};
use super::normaliser::{Normaliser, product};
use crate::Result;

/// Pictures that one thread takes at once.
const GROUP: usize = 8;

/// A network's stages over one vector of parameters.
#[derive(Clone, Debug)]
pub(super) struct Student {
    plan: Plan,
    extents: Vec<Extent>,
    /// Matrix, bias and q of every layer in the vector; nothing for other stages.
    places: Vec<Option<[Range<usize>; 3]>>,
    count: usize,
}

/// The network with its normalisers at some parameters.
pub(super) struct Ready<'a> {
    student: &'a Student,
    parameters: &'a [f32],
    normalisers: Vec<Option<Normaliser>>,
    scales: Vec<Vec<f32>>,
}

/// What the way back needs of a group of pictures.
pub(super) struct Group {
    pictures: usize,
    /// What each layer read, lifted, and z.
    layers: Vec<Option<[Vec<f32>; 2]>>,
}

impl Student {
    pub(super) fn new(plan: Plan) -> Result<Self> {
        let extents = plan.extents()?;
        let mut tensors = plan.tensors()?.into_iter();
        let mut count = 0;
        let places = plan.stages.iter().map(|stage| {
            if !matches!(stage, Stage::Convolution(_) | Stage::Dense(_)) {
                return None;
            }
            Some([0; 3].map(|_| {
                let start = count;
                count += tensors.next().map_or(0, |t| t.shape.iter().product::<usize>());
                start..count
            }))
        });
        let places = places.collect();
        Ok(Self { plan, extents, places, count })
    }

    /// Numbers in all parameters.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn outputs(&self) -> usize {
        self.plan.outputs
    }

    /// Numbers of a picture.
    pub(super) fn picture(&self) -> usize {
        3 * self.plan.image * self.plan.image
    }

    /// Computes normalisers.
    pub(super) fn ready<'a>(&'a self, parameters: &'a [f32]) -> Ready<'a> {
        let of = |(stage, place): (&Stage, &Option<[Range<usize>; 3]>)| {
            let [matrix, _, q] = place.clone()?;
            let kernel = matches!(stage, Stage::Convolution(_));
            Some(Normaliser::new(&parameters[matrix], &parameters[q], kernel))
        };
        let stages: Vec<_> = self.plan.stages.iter().zip(&self.places).collect();
        let normalisers: Vec<Option<Normaliser>> = stages.into_par_iter().map(of).collect();
        let scale = |normaliser: &Option<Normaliser>| {
            let totals = normaliser.as_ref().map_or(&[][..], |n| &n.totals);
            totals.iter().map(|&t| if t > 0.0 { 1.0 / t } else { 0.0 }).collect()
        };
        let scales = normalisers.iter().map(scale).collect();
        Ready { student: self, parameters, normalisers, scales }
    }
}

impl Ready<'_> {
    /// Embeddings of pictures, each three planes, one after the other; and what the way back needs.
    pub(super) fn forward(&self, pictures: &[f32]) -> (Vec<f32>, Vec<Group>) {
        let size = self.student.picture();
        let groups = pictures.par_chunks(GROUP * size).map(|group| self.group(group, size));
        let groups: Vec<(Vec<f32>, Group)> = groups.collect();
        let mut embeddings = Vec::new();
        let mut kept = Vec::new();
        for (embedding, group) in groups {
            embeddings.extend(embedding);
            kept.push(group);
        }
        (embeddings, kept)
    }

    fn group(&self, pictures: &[f32], size: usize) -> (Vec<f32>, Group) {
        let student = self.student;
        let count = pictures.len() / size;
        // Channels by places of all pictures.
        let mut x = turned(pictures, count, 3, size / 3);
        let mut layers = Vec::new();
        for (index, (stage, &at)) in student.plan.stages.iter().zip(&student.extents).enumerate() {
            let mut kept = None;
            x = match *stage {
                Stage::Channels(n) => {
                    x.resize(n * count * at.side * at.side, 0.0);
                    x
                }
                Stage::SpaceToDepth(side) => depth(&x, at, count, side, false),
                Stage::WindowSum(side) => window(&x, at, count, side),
                Stage::Convolution(_) => {
                    let lifted = columns(&x, at, count);
                    let (y, z) = self.layer(index, &lifted, count * at.side * at.side);
                    let y = add_back(x, &y, at, count);
                    kept = Some([lifted, z]);
                    y
                }
                Stage::Dense(_) => {
                    let lifted = if at.side == 1 { x } else { flattened(&x, at, count) };
                    let (y, z) = self.layer(index, &lifted, count);
                    let y = lifted.iter().zip(&y).map(|(x, y)| x + y).collect();
                    kept = Some([lifted, z]);
                    y
                }
            };
            layers.push(kept);
        }
        let last = student.extents[student.plan.stages.len()];
        let flat = if last.side == 1 { x } else { flattened(&x, last, count) };
        let outputs = student.outputs();
        let mut embeddings = vec![0.0; count * outputs];
        for (channel, row) in flat.chunks_exact(count).take(outputs).enumerate() {
            for (picture, &value) in row.iter().enumerate() {
                embeddings[picture * outputs + channel] = value;
            }
        }
        (embeddings, Group { pictures: count, layers })
    }

    /// −2 Mᵀ(t σ(M x + b)) and z of lifted columns.
    fn layer(&self, index: usize, lifted: &[f32], places: usize) -> (Vec<f32>, Vec<f32>) {
        let (matrix, bias) = self.tensors(index);
        let (inner, width) = (bias.len(), lifted.len() / places);
        let mut z = vec![0.0; inner * places];
        product(&mut z, false, (matrix, inner, width, false), (lifted, places, false), 1.0);
        let mut s = Vec::with_capacity(z.len());
        for ((row, &b), &t) in z.chunks_exact_mut(places).zip(bias).zip(&self.scales[index]) {
            for value in row {
                *value += b;
                s.push(2.0 * t * value.max(0.0));
            }
        }
        let mut y = vec![0.0; lifted.len()];
        product(&mut y, false, (matrix, width, inner, true), (&s, places, false), -1.0);
        (y, z)
    }

    fn tensors(&self, index: usize) -> (&[f32], &[f32]) {
        match &self.student.places[index] {
            Some([matrix, bias, _]) => {
                (&self.parameters[matrix.clone()], &self.parameters[bias.clone()])
            }
            None => (&[], &[]),
        }
    }

    /// Derivatives with respect to all parameters, given those with respect to the embeddings.
    pub(super) fn backward(&self, groups: &[Group], upstream: &[f32]) -> Vec<f32> {
        let outputs = self.student.outputs();
        let slopes = upstream.par_chunks(GROUP * outputs);
        let found: Vec<(Vec<f32>, Vec<Vec<f32>>)> =
            groups.par_iter().zip(slopes).map(|(group, slopes)| self.back(group, slopes)).collect();
        let mut gradient = vec![0.0; self.student.count];
        let mut of_scales: Vec<Vec<f32>> =
            self.scales.iter().map(|scale| vec![0.0; scale.len()]).collect();
        for (own, scales) in &found {
            gradient.iter_mut().zip(own).for_each(|(sum, g)| *sum += g);
            for (sums, scales) in of_scales.iter_mut().zip(scales) {
                sums.iter_mut().zip(scales).for_each(|(sum, g)| *sum += g);
            }
        }
        // T is the same for all pictures.
        for (index, normaliser) in self.normalisers.iter().enumerate() {
            let (Some(normaliser), Some([matrix, _, q])) =
                (normaliser, &self.student.places[index])
            else {
                continue;
            };
            let scales = self.scales[index].iter();
            let slopes: Vec<f32> =
                scales.zip(&of_scales[index]).map(|(t, slope)| -slope * t * t).collect();
            let (mut of_matrix, mut of_q) = (vec![0.0; matrix.len()], vec![0.0; q.len()]);
            normaliser.derive(&self.parameters[matrix.clone()], &slopes, &mut of_matrix, &mut of_q);
            for (range, own) in [(matrix, of_matrix), (q, of_q)] {
                let to = &mut gradient[range.clone()];
                to.iter_mut().zip(own).for_each(|(sum, g)| *sum += g);
            }
        }
        gradient
    }

    /// Derivatives of one group: with respect to matrices and biases, and to t by layer.
    fn back(&self, group: &Group, upstream: &[f32]) -> (Vec<f32>, Vec<Vec<f32>>) {
        let student = self.student;
        let count = group.pictures;
        let mut gradient = vec![0.0; student.count];
        let mut of_scales: Vec<Vec<f32>> = vec![Vec::new(); student.plan.stages.len()];
        let last = student.extents[student.plan.stages.len()];
        let outputs = student.outputs();
        let mut g = vec![0.0; last.numbers() * count];
        for (picture, slopes) in upstream.chunks_exact(outputs).enumerate() {
            for (channel, &slope) in slopes.iter().enumerate() {
                g[channel * count + picture] = slope;
            }
        }
        if last.side != 1 {
            g = unflattened(&g, last, count);
        }
        for (index, stage) in student.plan.stages.iter().enumerate().rev() {
            let at = student.extents[index];
            let first = student.places[..index].iter().all(Option::is_none);
            g = match (*stage, &group.layers[index]) {
                (Stage::Channels(_), _) => {
                    g.truncate(at.numbers() * count);
                    g
                }
                (Stage::SpaceToDepth(side), _) => depth(&g, at, count, side, true),
                (Stage::WindowSum(side), _) => window_back(&g, at, count, side),
                (Stage::Convolution(_) | Stage::Dense(_), None) => g,
                (Stage::Convolution(_), Some([lifted, z])) => {
                    let up = columns(&g, at, count);
                    let places = count * at.side * at.side;
                    let (mine, scales) =
                        self.layer_back(index, [lifted, z, &up], places, &mut gradient, !first);
                    of_scales[index] = scales;
                    if first {
                        break;
                    }
                    add_back(g, &mine, at, count)
                }
                (Stage::Dense(_), Some([lifted, z])) => {
                    let (mine, scales) =
                        self.layer_back(index, [lifted, z, &g], count, &mut gradient, !first);
                    of_scales[index] = scales;
                    if first {
                        break;
                    }
                    g.iter_mut().zip(&mine).for_each(|(g, m)| *g += m);
                    if at.side == 1 { g } else { unflattened(&g, at, count) }
                }
            };
        }
        (gradient, of_scales)
    }

    /// Mᵀ ∂z where it is wanted, and ∂t; adds ∂M and ∂b to the gradient.
    fn layer_back(
        &self,
        index: usize,
        [lifted, z, up]: [&[f32]; 3],
        places: usize,
        gradient: &mut [f32],
        wanted: bool,
    ) -> (Vec<f32>, Vec<f32>) {
        let (matrix, bias) = self.tensors(index);
        let (inner, width) = (bias.len(), lifted.len() / places);
        let scale = &self.scales[index];
        let mut slopes = vec![0.0; z.len()];
        product(&mut slopes, false, (matrix, inner, width, false), (up, places, false), -1.0);
        let mut s = vec![0.0; z.len()];
        let mut of_scale = vec![0.0; inner];
        let mut of_bias = vec![0.0; inner];
        for i in 0..inner {
            let own = i * places..(i + 1) * places;
            let (mut by_scale, mut by_bias) = (0.0_f32, 0.0_f32);
            for at in own {
                let active = z[at].max(0.0);
                s[at] = 2.0 * scale[i] * active;
                by_scale += 2.0 * slopes[at] * active;
                slopes[at] = if z[at] > 0.0 { 2.0 * scale[i] * slopes[at] } else { 0.0 };
                by_bias += slopes[at];
            }
            of_scale[i] = by_scale;
            of_bias[i] = by_bias;
        }
        if let Some([matrix_range, bias_range, _]) = &self.student.places[index] {
            let to = &mut gradient[matrix_range.clone()];
            product(to, true, (&s, inner, places, false), (up, width, true), -1.0);
            product(to, true, (&slopes, inner, places, false), (lifted, width, true), 1.0);
            gradient[bias_range.clone()].copy_from_slice(&of_bias);
        }
        let mut mine = Vec::new();
        if wanted {
            mine = vec![0.0; lifted.len()];
            product(&mut mine, false, (matrix, width, inner, true), (&slopes, places, false), 1.0);
        }
        (mine, of_scale)
    }
}

#[cfg(test)]
mod tests {
    use lookalike_deep::lipsim::{LipSim, initial_file_of};
    use lookalike_weights::read_bytes;

    use super::*;
    use crate::random::{Purpose, Stream};

    fn plan() -> Plan {
        let stages = "depth 2, channels 14, convolution 3, depth 2, convolution 4, window 2, dense 5, dense 4";
        Plan::parse(16, Some(150), stages).unwrap()
    }

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut stream = Stream::new(seed, Purpose::Initialisation, 0);
        (0..count).map(|_| stream.unit() as f32).collect()
    }

    #[test]
    fn embeddings_are_those_of_the_network() {
        let bytes = initial_file_of(&plan(), 3).unwrap();
        let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut parameters = Vec::new();
        for tensor in plan().tensors().unwrap() {
            let (values, _) = all.tensor(&tensor.name).unwrap().data().as_chunks::<4>();
            parameters.extend(values.iter().map(|&bytes| f32::from_le_bytes(bytes)));
        }
        let file = read_bytes(bytes.clone(), "random").unwrap();
        let metric = LipSim::from_checkpoint("lipsim@f", file).unwrap();
        let student = Student::new(plan()).unwrap();
        assert_eq!(parameters.len(), student.count());
        let pictures = numbers(10 * student.picture(), 5);
        let (found, _) = student.ready(&parameters).forward(&pictures);
        let expected = metric.network().embed(&pictures).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 2e-4 * expected.abs().max(1.0),
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn derivatives_are_differences() {
        let student = Student::new(plan()).unwrap();
        let parameters: Vec<f32> =
            numbers(student.count(), 7).into_iter().map(|x| (x - 0.5) * 0.4).collect();
        let pictures = numbers(9 * student.picture(), 8);
        let slopes: Vec<f32> =
            numbers(9 * student.outputs(), 9).into_iter().map(|x| x - 0.5).collect();
        let number = |parameters: &[f32]| -> f64 {
            let (found, _) = student.ready(parameters).forward(&pictures);
            found.iter().zip(&slopes).map(|(f, s)| f64::from(*f) * f64::from(*s)).sum()
        };
        let ready = student.ready(&parameters);
        let (_, groups) = ready.forward(&pictures);
        let gradient = ready.backward(&groups, &slopes);
        // Along the gradient itself, kind by kind of parameter, where all parts add up. One unit may switch just
        // beside the point, so the derivative is that of the side on which none does.
        let places = student.places.iter().flatten().flatten();
        for (index, place) in places.enumerate() {
            let largest = gradient[place.clone()].iter().fold(0.0_f32, |most, g| most.max(g.abs()));
            assert!(largest > 0.0, "{index}");
            let mut direction = vec![0.0; parameters.len()];
            for at in place.clone() {
                direction[at] = gradient[at] / largest;
            }
            let at = |step: f32| {
                let moved: Vec<f32> =
                    parameters.iter().zip(&direction).map(|(p, d)| p + step * d).collect();
                number(&moved)
            };
            let found: f64 =
                gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            let here = at(0.0);
            let slopes = [1e-3, 3e-4, 1e-4, -1e-4, -3e-4, -1e-3]
                .map(|step: f32| (at(step) - here) / f64::from(step));
            let off =
                slopes.map(|slope| (found - slope).abs()).into_iter().fold(f64::MAX, f64::min);
            assert!(off < 0.01 * found, "{index}: {found} {slopes:?}");
        }
    }
}
