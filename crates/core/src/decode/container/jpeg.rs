//! JPEG: the number of components, and whether the file reaches its end marker.
//!
//! The decoder fills what is missing from a truncated file with grey and reports success, so the
//! end is looked for here (ITU-T T.81, B.1 and B.2).

use super::Cursor;

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;

/// The number of colour components in the frame header.
///
/// # Errors
/// A reason, when the file ends before its end marker or holds no scan.
pub(in crate::decode) fn components(bytes: &[u8]) -> Result<u8, &'static str> {
    const TRUNCATED: &str = "the file ends before the picture does";
    let mut cursor = Cursor::at(bytes, 2).ok_or(TRUNCATED)?;
    let (mut components, mut scans) = (0, 0_usize);
    loop {
        let marker = next_marker(&mut cursor).ok_or(TRUNCATED)?;
        match marker {
            END_OF_IMAGE if scans > 0 => return Ok(components),
            END_OF_IMAGE => return Err("it ends before any scan"),
            // Markers without a segment.
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let length = u16::from_be_bytes(cursor.array().ok_or(TRUNCATED)?);
        let segment = cursor.take(usize::from(length).saturating_sub(2)).ok_or(TRUNCATED)?;
        match marker {
            // Start of frame, of any coding process.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                components = *segment.get(5).ok_or(TRUNCATED)?;
            }
            START_OF_SCAN => scans += 1,
            _ => {}
        }
    }
}

/// Passes over entropy-coded data and filling to the next marker. In coded data 0xff is followed
/// by 0, which is no marker.
fn next_marker(cursor: &mut Cursor<'_>) -> Option<u8> {
    loop {
        while cursor.byte()? != 0xff {}
        let mut marker = cursor.byte()?;
        while marker == 0xff {
            marker = cursor.byte()?;
        }
        if marker != 0 {
            return Some(marker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"\xff\xd8\xff\xe1\0\x06\xff\xd9AB\xff\xc0\0\x08\x08\0\x01\0\x01\x03\
        \xff\xda\0\x02data\xff\0more\xff\xd0rest\xff\xd9trailer";

    #[test]
    fn counts_components_and_steps_over_embedded_end_markers() {
        assert_eq!(components(FILE), Ok(3));
    }

    #[test]
    fn every_cut_before_the_end_marker_is_noticed() {
        let end = FILE.len() - "trailer".len();
        for length in 0..end {
            assert!(components(&FILE[..length]).is_err(), "{length}");
        }
        assert_eq!(components(&FILE[..end]), Ok(3));
    }
}
