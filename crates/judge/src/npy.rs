//! Arrays of numbers, as NumPy writes them: judgements of BAPPS (one number each), features (a row for
//! each picture).
//!
//! Format: NumPy enhancement proposal 1, versions 1 to 3. Read are f32 and f64 of either byte order, last
//! axis fastest; anything else is refused. Nothing is executed or allocated by what the header says: sizes
//! are compared with the bytes that are there.

use thiserror::Error;

/// What is wrong with an array.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NpyError {
    /// Something else.
    #[error("no NumPy array (.npy)")]
    NoArray,
    /// Of a later version of the format.
    #[error("a NumPy array of unknown version {0}")]
    Version(u8),
    /// The end is missing.
    #[error("a NumPy array whose header is cut off")]
    CutOff,
    /// A header without one of its fields, or with something else in it.
    #[error("a NumPy array whose header has no readable '{0}'")]
    Header(&'static str),
    /// First axis fastest.
    #[error("it is in Fortran order; save numpy.ascontiguousarray of it in place of it")]
    Fortran,
    /// Numbers of another type.
    #[error("its numbers are {0}; expected float32 or float64 ('<f4' or '<f8')")]
    Numbers(String),
    /// More or fewer bytes than the shape says.
    #[error("an array of the shape {shape:?} does not take {found} bytes of '{numbers}'")]
    Size {
        /// What the header says.
        shape: Vec<usize>,
        /// The type of a number.
        numbers: String,
        /// The bytes behind the header.
        found: usize,
    },
    /// More than one number where one was expected.
    #[error("expected an array of one number, found the shape {0:?}")]
    NotOne(Vec<usize>),
}

/// Numbers and how they are arranged.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Extents, slowest first; none for a single number.
    pub shape: Vec<usize>,
    /// The numbers, last axis fastest.
    pub values: Vec<f64>,
}

/// Reads a whole file.
///
/// # Errors
/// [`NpyError`].
pub fn read(bytes: &[u8]) -> Result<Array, NpyError> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or(NpyError::NoArray)?;
    let (length, body) = match rest {
        [1, _, a, b, body @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), body),
        [2 | 3, _, a, b, c, d, body @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, body),
        [] | [1..=3, ..] => return Err(NpyError::CutOff),
        [version, ..] => return Err(NpyError::Version(*version)),
    };
    let (header, data) = body.split_at_checked(length).ok_or(NpyError::CutOff)?;
    let header: String =
        header.iter().map(|&b| char::from(b)).filter(|c| !c.is_ascii_whitespace()).collect();
    let field = |name: &'static str| {
        let rest = header.split_once(&format!("'{name}':")).map(|(_, rest)| rest);
        rest.ok_or(NpyError::Header(name))
    };
    let shape = shape(field("shape")?).ok_or(NpyError::Header("shape"))?;
    let order = field("fortran_order")?;
    // An array of one axis is the same in both orders.
    if order.starts_with("True") && shape.iter().filter(|&&extent| extent != 1).count() > 1 {
        return Err(NpyError::Fortran);
    }
    if !order.starts_with("True") && !order.starts_with("False") {
        return Err(NpyError::Header("fortran_order"));
    }
    // A list of fields begins with a bracket.
    let numbers = field("descr")?.split([',', '}']).next().unwrap_or_default();
    let values: Option<Vec<f64>> = match numbers.trim_matches('\'') {
        "<f4" => parse(data, &shape, |bytes| f64::from(f32::from_le_bytes(bytes))),
        ">f4" => parse(data, &shape, |bytes| f64::from(f32::from_be_bytes(bytes))),
        "<f8" => parse(data, &shape, f64::from_le_bytes),
        ">f8" => parse(data, &shape, f64::from_be_bytes),
        other => return Err(NpyError::Numbers(other.to_owned())),
    };
    match values {
        Some(values) => Ok(Array { shape, values }),
        None => {
            let numbers = numbers.trim_matches('\'').to_owned();
            Err(NpyError::Size { shape, numbers, found: data.len() })
        }
    }
}

/// The number in a file of one.
pub(crate) fn number(bytes: &[u8]) -> Result<f64, NpyError> {
    let Array { shape, values } = read(bytes)?;
    match values[..] {
        [value] => Ok(value),
        _ => Err(NpyError::NotOne(shape)),
    }
}

/// `(2,3)`, `(2,)` or `()`, and what follows.
fn shape(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    let extents = inside.strip_suffix(',').unwrap_or(inside);
    if extents.is_empty() {
        return Some(Vec::new());
    }
    extents.split(',').map(|extent| extent.parse().ok()).collect()
}

/// The numbers, where there are as many as the shape says.
fn parse<const N: usize>(
    data: &[u8],
    shape: &[usize],
    number: impl Fn([u8; N]) -> f64,
) -> Option<Vec<f64>> {
    let count = shape.iter().try_fold(1_usize, |count, &extent| count.checked_mul(extent))?;
    let (numbers, rest) = data.as_chunks::<N>();
    (numbers.len() == count && rest.is_empty())
        .then(|| numbers.iter().map(|&bytes| number(bytes)).collect())
}

#[cfg(test)]
pub(crate) fn written(value: f32, shape: &str) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len()) % 64 != 63 {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &value.to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_of_any_shape() {
        for shape in ["()", "(1,)", "(1, 1)"] {
            assert_eq!(number(&written(0.75, shape)), Ok(0.75));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let whole = written(0.5, "(1,)");
        for length in 0..whole.len() {
            assert!(number(&whole[..length]).is_err(), "{length}");
        }
        assert!(number(&written(0.5, "(2,)")).unwrap_err().to_string().contains("[2]"));
        let mut longer = whole.clone();
        longer.push(0);
        assert!(number(&longer).is_err());
        let integers: Vec<u8> = whole.iter().map(|&b| if b == b'f' { b'i' } else { b }).collect();
        // The keys have an f in them too: only the type is to be another.
        let text = String::from_utf8_lossy(&integers).replace("iortran", "fortran");
        assert!(!text.contains("<f4"));
        let integers = [&whole[..10], &text.as_bytes()[text.len() - whole.len() + 10..]].concat();
        assert!(number(&integers).unwrap_err().to_string().contains("<i4"));
    }

    /// A file with any header.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn rows_of_either_byte_order_and_precision() {
        let data: Vec<f64> = (0..6).map(|n| f64::from(n) - 1.5).collect();
        let header = |kind: &str| {
            format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (2, 3), }}\n")
        };
        let single = |bytes: fn(f32) -> [u8; 4]| -> Vec<u8> {
            data.iter().flat_map(|&n| bytes(n as f32)).collect()
        };
        let double = |bytes: fn(f64) -> [u8; 8]| -> Vec<u8> {
            data.iter().flat_map(|&n| bytes(n)).collect()
        };
        for (kind, bytes) in [
            ("<f4", single(f32::to_le_bytes)),
            (">f4", single(f32::to_be_bytes)),
            ("<f8", double(f64::to_le_bytes)),
            (">f8", double(f64::to_be_bytes)),
        ] {
            let found = read(&file(&header(kind), &bytes)).unwrap();
            assert_eq!(found, Array { shape: vec![2, 3], values: data.clone() }, "{kind}");
        }
    }

    #[test]
    fn what_the_header_says_is_not_believed() {
        let header = |shape: &str, order: &str| {
            format!("{{'descr':'<f4','fortran_order':{order},'shape':{shape}}}")
        };
        let huge = "18446744073709551615";
        for shape in [
            format!("({huge}, {huge})"),
            format!("({huge}, 2, 0)"),
            "(4294967296, 4294967296)".to_owned(),
            "(1000000000000, 1)".to_owned(),
            "(2, 3)".to_owned(),
        ] {
            let found = read(&file(&header(&shape, "False"), &[0; 16]));
            assert!(matches!(found, Err(NpyError::Size { .. })), "{shape}: {found:?}");
        }
        for shape in ["(-1,)", "(1e3,)", "(99999999999999999999,)", "(1,,)", "4", "(4"] {
            let found = read(&file(&header(shape, "False"), &[0; 16]));
            assert_eq!(found, Err(NpyError::Header("shape")), "{shape}");
        }
        assert_eq!(read(&file(&header("(2, 2)", "True"), &[0; 16])), Err(NpyError::Fortran));
        assert!(read(&file(&header("(4, 1)", "True"), &[0; 16])).is_ok());
        let fields = "{'descr':[('a','<f4')],'fortran_order':False,'shape':(4,)}";
        assert!(matches!(read(&file(fields, &[0; 16])), Err(NpyError::Numbers(_))));
    }

    proptest::proptest! {
        #[test]
        fn foreign_bytes_are_an_error_or_a_number(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let mut behind = b"\x93NUMPY\x01\x00".to_vec();
            behind.extend(&bytes);
            let _ = read(&behind);
        }
    }
}
