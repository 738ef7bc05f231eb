//! Samples as they were decoded, in their own type.

/// Interleaved samples in the type they were decoded to.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// 8-bit codes, full scale 255.
    U8(Vec<u8>),
    /// 16-bit codes, full scale 65535.
    U16(Vec<u16>),
    /// Floating point, full scale 1.
    F32(Vec<f32>),
    /// Double precision, full scale 1; for gradients checked by finite differences.
    F64(Vec<f64>),
}

impl Samples {
    /// Memory that the samples take.
    pub fn bytes(&self) -> usize {
        let size = match self {
            Self::U8(_) => 1,
            Self::U16(_) => 2,
            Self::F32(_) => 4,
            Self::F64(_) => 8,
        };
        self.len() * size
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
            Self::F32(samples) => samples.len(),
            Self::F64(samples) => samples.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value that stands for full intensity in this type.
    pub fn full_scale(&self) -> f64 {
        match self {
            Self::U8(_) => 255.0,
            Self::U16(_) => 65535.0,
            Self::F32(_) | Self::F64(_) => 1.0,
        }
    }

    /// One sample, as a number on the type's own scale.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::U8(samples) => f64::from(samples[index]),
            Self::U16(samples) => f64::from(samples[index]),
            Self::F32(samples) => f64::from(samples[index]),
            Self::F64(samples) => samples[index],
        }
    }

    /// The name of the sample type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
        }
    }
}

/// Grey or RGB. Alpha is resolved when a picture is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One channel.
    Grey,
    /// Red, green, blue.
    Rgb,
}

impl Channels {
    /// 1 or 3.
    pub fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}
