//! Arrays of one number, as NumPy writes them and BAPPS keeps its judgements.
//!
//! Format: NumPy enhancement proposal 1, versions 1 to 3. Read are little-endian f32 and f64 of the shapes
//! `()`, `(1,)` and `(1, 1)`, which is all that the published files use; anything else is refused. Nothing
//! is executed or allocated by what the header says.

/// The number in a file of one.
pub(super) fn number(bytes: &[u8]) -> Result<f64, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("no NumPy array (.npy)")?;
    let (length, body) = match rest {
        [1, _, a, b, body @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), body),
        [2 | 3, _, a, b, c, d, body @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, body),
        [version, ..] => return Err(format!("a NumPy array of unknown version {version}")),
        [] => return Err("a NumPy array without a header".to_owned()),
    };
    let (header, data) = body.split_at_checked(length).ok_or("a header that is cut off")?;
    let header: String =
        header.iter().map(|&b| char::from(b)).filter(|c| !c.is_ascii_whitespace()).collect();
    let field = |name: &str| header.split_once(&format!("'{name}':")).map(|(_, rest)| rest);
    let shape = field("shape").unwrap_or_default();
    if !["()", "(1,)", "(1,1)"].iter().any(|one| shape.starts_with(one)) {
        let found = shape.split_inclusive(')').next().unwrap_or_default();
        return Err(format!("expected an array of one number, found the shape '{found}'"));
    }
    let kind = field("descr").unwrap_or_default();
    let value = if kind.starts_with("'<f4'") {
        data.try_into().ok().map(|data| f64::from(f32::from_le_bytes(data)))
    } else if kind.starts_with("'<f8'") {
        data.try_into().ok().map(f64::from_le_bytes)
    } else {
        let found = kind.split(',').next().unwrap_or_default();
        return Err(format!("expected numbers of type '<f4' or '<f8', found {found}"));
    };
    value.ok_or_else(|| format!("expected one number after the header, found {} bytes", data.len()))
}

#[cfg(test)]
pub(super) fn written(value: f32, shape: &str) -> Vec<u8> {
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
        assert!(number(&written(0.5, "(2,)")).unwrap_err().contains("(2,)"));
        let mut longer = whole.clone();
        longer.push(0);
        assert!(number(&longer).is_err());
        let text = String::from_utf8_lossy(&whole).into_owned();
        let integers: Vec<u8> = whole.iter().map(|&b| if b == b'f' { b'i' } else { b }).collect();
        assert!(text.contains("<f4") && number(&integers).unwrap_err().contains("<i4"));
    }

    proptest::proptest! {
        #[test]
        fn foreign_bytes_are_an_error_or_a_number(bytes: Vec<u8>) {
            let _ = number(&bytes);
            let mut behind = b"\x93NUMPY\x01\x00".to_vec();
            behind.extend(&bytes);
            let _ = number(&behind);
        }
    }
}
