//! A tensor as it is stored, and its numbers as `f32`.
//!
//! Half precision is widened exactly, double precision is rounded to the nearest `f32`. A number that
//! is not finite, or no longer is after rounding, is refused with its place: in weights it means a
//! broken file or training that diverged. Integers are refused where numbers are asked for.

use half::{bf16, f16};

use crate::{Error, Result};

/// How the elements of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DType {
    /// IEEE double precision.
    F64,
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// Signed, 64 bits.
    I64,
    /// Signed, 32 bits.
    I32,
    /// Signed, 16 bits.
    I16,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// One byte per truth value.
    Bool,
}

impl DType {
    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// The name of the field: `f32`, `bf16`, `i64`, `bool`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::Bool => "bool",
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tensor as it lies in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name in the file.
    pub name: String,
    /// Extents, slowest first; empty for a single number.
    pub shape: Vec<usize>,
    /// How elements are stored.
    pub dtype: DType,
    /// The elements in row-major order, little-endian.
    pub bytes: Vec<u8>,
}

impl Tensor {
    /// The elements in single precision.
    ///
    /// # Errors
    /// [`Error::Tensor`] for integers, and for numbers that are not finite in single precision.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        let values: Vec<f32> = match self.dtype {
            DType::F32 => self.decode(f32::from_le_bytes),
            DType::F64 => self.decode(|bytes| f64::from_le_bytes(bytes) as f32),
            DType::F16 => self.decode(|bytes| f16::from_le_bytes(bytes).to_f32()),
            DType::BF16 => self.decode(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            integer => {
                return Err(Error::tensor(
                    &self.name,
                    format!("expected floating-point numbers, found {integer}"),
                ));
            }
        };
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(at) => Err(Error::tensor(
                &self.name,
                format!(
                    "element {at} of {}, stored as {}, is {} in single precision; weights must be \
                     finite",
                    values.len(),
                    self.dtype,
                    values[at]
                ),
            )),
        }
    }

    fn decode<const SIZE: usize>(&self, value: impl Fn([u8; SIZE]) -> f32) -> Vec<f32> {
        let (elements, _) = self.bytes.as_chunks::<SIZE>();
        elements.iter().map(|&bytes| value(bytes)).collect()
    }
}

/// Elements of a shape, unless that overflows.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: DType, bytes: &[u8]) -> Tensor {
        let shape = vec![bytes.len() / dtype.size()];
        Tensor { name: "w".to_owned(), shape, dtype, bytes: bytes.to_vec() }
    }

    #[test]
    fn every_precision_becomes_single() {
        let double: Vec<u8> =
            [1.0 + 1e-12, -0.5, 1e-60].iter().flat_map(|v: &f64| v.to_le_bytes()).collect();
        assert_eq!(tensor(DType::F64, &double).to_f32().unwrap(), [1.0, -0.5, 0.0]);
        // 1.5, the smallest subnormal and the largest number of half precision.
        let half = [0x00, 0x3e, 0x01, 0x00, 0xff, 0x7b];
        assert_eq!(tensor(DType::F16, &half).to_f32().unwrap(), [1.5, 2.0_f32.powi(-24), 65504.0]);
        assert_eq!(tensor(DType::BF16, &[0xc0, 0x3f]).to_f32().unwrap(), [1.5]);
        assert_eq!(tensor(DType::F32, &1.25_f32.to_le_bytes()).to_f32().unwrap(), [1.25]);
    }

    #[test]
    fn what_is_not_finite_is_refused_with_its_place() {
        let nan: Vec<u8> = [0.0, f32::NAN].iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
        let message = tensor(DType::F32, &nan).to_f32().unwrap_err().to_string();
        assert!(message.contains("'w'") && message.contains("element 1 of 2"), "{message}");
        for (dtype, bytes) in [
            (DType::F64, &1e300_f64.to_le_bytes()[..]),
            (DType::F16, &[0x00, 0x7c]),
            (DType::BF16, &[0x80, 0xff]),
        ] {
            assert!(tensor(dtype, bytes).to_f32().is_err(), "{dtype}");
        }
    }

    #[test]
    fn integers_are_no_numbers_to_compute_with() {
        let message = tensor(DType::I64, &[0; 8]).to_f32().unwrap_err().to_string();
        assert!(message.contains("i64"), "{message}");
    }
}
