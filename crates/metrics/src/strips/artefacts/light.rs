//! Rows of linear light of both pictures, read from their samples and halved from scale to scale.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use lookalike_core::{Channels, Encoding, Picture, Samples};

use crate::colour_space::srgb_decode;

/// A row of red, green and blue light of the reference and of the candidate.
#[derive(Clone, Debug, Default)]
pub(super) struct Light {
    pub(super) of: [[Vec<f32>; 3]; 2],
    /// Whether both are known to be the same; then the reference's row is there alone.
    pub(super) unchanged: bool,
}

impl Light {
    pub(super) fn new(width: usize) -> Self {
        let of = std::array::from_fn(|_| std::array::from_fn(|_| vec![0.0; width]));
        Self { of, unchanged: false }
    }

    /// How many of the two rows are there.
    fn pictures(&self) -> usize {
        if self.unchanged { 1 } else { 2 }
    }

    /// The row of picture number `picture`.
    fn row(&self, picture: usize) -> &[Vec<f32>; 3] {
        &self.of[picture.min(self.pictures() - 1)]
    }

    /// The means of 2×2 pixels of two rows; an odd last column is repeated.
    #[inline(always)]
    pub(super) fn halve(&mut self, above: &Light, below: &Light) {
        self.unchanged = above.unchanged && below.unchanged;
        let pictures = self.pictures();
        let rows = (0..2).flat_map(|picture| above.row(picture).iter().zip(below.row(picture)));
        for (to, (above, below)) in self.of[..pictures].iter_mut().flatten().zip(rows) {
            let pairs = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
            for (to, (a, b)) in to.iter_mut().zip(pairs) {
                *to = ((a[0] + a[1]) + b[0] + b[1]) * 0.25;
            }
            if let (true, Some(to), Some(&a), Some(&b)) =
                (above.len() % 2 == 1, to.last_mut(), above.last(), below.last())
            {
                *to = ((a + a) + b + b) * 0.25;
            }
        }
    }
}

/// The rows of a pair of pictures of one size as linear light from 0.
pub(crate) struct LightRows<'a> {
    pictures: [(&'a Picture, Tone); 2],
    /// Whether equal samples are equal light.
    alike: bool,
}

impl<'a> LightRows<'a> {
    pub(crate) fn new(reference: &'a Picture, candidate: &'a Picture) -> Self {
        let kind = |picture: &Picture| {
            (picture.channels(), picture.encoding(), picture.full_scale().to_bits())
        };
        Self {
            pictures: [reference, candidate].map(|picture| (picture, Tone::of(picture))),
            alike: kind(reference) == kind(candidate),
        }
    }

    /// Whether both pictures are known to be the same in these rows.
    pub(super) fn unchanged(&self, rows: &Range<usize>) -> bool {
        let [reference, candidate] = [0, 1].map(|i| self.pictures[i].0);
        let stride = reference.width() * reference.channels().count();
        let span = rows.start * stride..rows.end * stride;
        self.alike
            && match (reference.samples(), candidate.samples()) {
                (Samples::U8(x), Samples::U8(y)) => x[span.clone()] == y[span],
                (Samples::U16(x), Samples::U16(y)) => x[span.clone()] == y[span],
                (Samples::F32(x), Samples::F32(y)) => x[span.clone()] == y[span],
                _ => false,
            }
    }

    pub(super) fn width(&self) -> usize {
        self.pictures[0].0.width()
    }

    pub(super) fn height(&self) -> usize {
        self.pictures[0].0.height()
    }

    /// Reads row `y` of both.
    pub(super) fn read(&self, y: usize, light: &mut Light) {
        light.unchanged = self.unchanged(&(y..y + 1));
        let pictures = light.pictures();
        for ((picture, tone), to) in self.pictures.iter().zip(&mut light.of[..pictures]) {
            let stride = picture.width() * picture.channels().count();
            let row = y * stride..(y + 1) * stride;
            let channels = picture.channels();
            match (picture.samples(), tone) {
                (Samples::U8(codes), Tone::Table(table)) => {
                    // 256 entries: no code is out of bounds, and the compiler can see it.
                    if let Some(table) = table.first_chunk::<256>() {
                        spread(&codes[row], channels, to, |code| table[usize::from(code)]);
                    }
                }
                (Samples::U16(codes), Tone::Table(table)) => {
                    let last = table.len() - 1;
                    let tone = |code| table[usize::from(code).min(last)];
                    spread(&codes[row], channels, to, tone);
                }
                (samples, _) => {
                    let full = picture.full_scale();
                    let coded = picture.encoding() == Encoding::Srgb;
                    for (x, index) in row.enumerate() {
                        let value = light_of(samples.get(index) / full, coded);
                        match channels {
                            Channels::Grey => to.iter_mut().for_each(|to| to[x] = value),
                            Channels::Rgb => to[x % 3][x / 3] = value,
                        }
                    }
                }
            }
        }
    }
}

/// Light at least 0 of a sample from 0 to 1.
fn light_of(sample: f64, coded: bool) -> f32 {
    let light = if coded { srgb_decode(sample) } else { sample };
    light.max(0.0) as f32
}

/// How samples become light.
enum Tone {
    /// One entry per code.
    Table(Cow<'static, [f32]>),
    /// Computed for every sample.
    Curve,
}

impl Tone {
    fn of(picture: &Picture) -> Self {
        static EIGHT_BITS: OnceLock<Vec<f32>> = OnceLock::new();
        static SIXTEEN_BITS: OnceLock<Vec<f32>> = OnceLock::new();
        if picture.encoding() != Encoding::Srgb {
            return Self::Curve;
        }
        let full = picture.full_scale();
        let table = |codes: usize| -> Vec<f32> {
            (0..codes).map(|code| light_of(code as f64 / full, true)).collect()
        };
        match picture.samples() {
            Samples::U8(_) if full == 255.0 => {
                Self::Table(EIGHT_BITS.get_or_init(|| table(256)).as_slice().into())
            }
            Samples::U8(_) => Self::Table(table(256).into()),
            Samples::U16(_) if full == 65535.0 => {
                Self::Table(SIXTEEN_BITS.get_or_init(|| table(65536)).as_slice().into())
            }
            _ => Self::Curve,
        }
    }
}

/// Takes interleaved samples apart.
fn spread<T: Copy>(
    samples: &[T],
    channels: Channels,
    [red, green, blue]: &mut [Vec<f32>; 3],
    tone: impl Fn(T) -> f32,
) {
    let to = red.iter_mut().zip(green).zip(blue);
    match channels {
        Channels::Grey => {
            for (((red, green), blue), &sample) in to.zip(samples) {
                let light = tone(sample);
                (*red, *green, *blue) = (light, light, light);
            }
        }
        Channels::Rgb => {
            for (((red, green), blue), &[r, g, b]) in to.zip(samples.as_chunks::<3>().0) {
                (*red, *green, *blue) = (tone(r), tone(g), tone(b));
            }
        }
    }
}
