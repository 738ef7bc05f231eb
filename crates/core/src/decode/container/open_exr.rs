//! OpenEXR: windows and primaries (OpenEXR file layout, "Header").
//!
//! The data window decides how much a decoder allocates, and primaries how samples relate to
//! sRGB; neither is passed on by the decoder.

use super::Cursor;

/// What one header of a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::decode) struct Header {
    /// Width and height of the stored pixels.
    pub(in crate::decode) data_window: Option<(u64, u64)>,
    /// Width and height of the picture.
    pub(in crate::decode) display_window: Option<(u64, u64)>,
    /// Width and height of a tile, in tiled files.
    pub(in crate::decode) tile: Option<(u64, u64)>,
    /// x and y of red, green, blue and white (CIE 1931), where given.
    pub(in crate::decode) chromaticities: Option<[f32; 8]>,
}

/// BT.709 primaries and D65, which an OpenEXR file without chromaticities has.
const BT709: [f32; 8] = [0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290];

impl Header {
    /// Whether light is measured with sRGB primaries, to the digits in which they are written.
    pub(in crate::decode) fn is_srgb(&self) -> bool {
        self.chromaticities
            .is_none_or(|found| found.iter().zip(BT709).all(|(a, b)| (a - b).abs() < 0.001))
    }
}

/// All headers of a file, or `None` when they are malformed, which the decoder then reports.
pub(in crate::decode) fn headers(bytes: &[u8]) -> Option<Vec<Header>> {
    const MULTIPART: u32 = 0x1000;
    let mut cursor = Cursor::at(bytes, 4)?;
    let multipart = u32::from_le_bytes(cursor.array()?) & MULTIPART != 0;
    let mut headers = Vec::new();
    loop {
        let mut header = Header::default();
        let mut attributes = 0_usize;
        loop {
            let name = cursor.until_nul()?;
            if name.is_empty() {
                break;
            }
            let _kind = cursor.until_nul()?;
            let length = i32::from_le_bytes(cursor.array()?);
            let mut value = Cursor { rest: cursor.take(usize::try_from(length).ok()?)? };
            match name {
                b"dataWindow" => header.data_window = Some(window(&mut value)?),
                b"displayWindow" => header.display_window = Some(window(&mut value)?),
                b"tiles" => {
                    let width = u32::from_le_bytes(value.array()?);
                    let height = u32::from_le_bytes(value.array()?);
                    header.tile = Some((width.into(), height.into()));
                }
                b"chromaticities" => {
                    let mut xy = [0.0; 8];
                    for number in &mut xy {
                        *number = f32::from_le_bytes(value.array()?);
                    }
                    header.chromaticities = Some(xy);
                }
                _ => {}
            }
            attributes += 1;
        }
        // An empty header ends the list of a multi-part file.
        if attributes == 0 {
            return Some(headers);
        }
        headers.push(header);
        if !multipart {
            return Some(headers);
        }
    }
}

/// Width and height of a box of inclusive corners.
fn window(value: &mut Cursor<'_>) -> Option<(u64, u64)> {
    let mut corner = || Some(i64::from(i32::from_le_bytes(value.array()?)));
    let (left, top, right, bottom) = (corner()?, corner()?, corner()?, corner()?);
    let side = |from: i64, to: i64| u64::try_from(to - from + 1).unwrap_or(0);
    Some((side(left, right), side(top, bottom)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &[u8], kind: &[u8], value: &[u8]) -> Vec<u8> {
        let length = i32::try_from(value.len()).unwrap().to_le_bytes();
        [name, b"\0", kind, b"\0", &length, value].concat()
    }

    #[test]
    fn reads_windows_and_primaries() {
        let corners = [-1_i32, 0, 8, 4].map(i32::to_le_bytes).concat();
        let acescg = [0.713_f32, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767];
        let file = [
            b"\x76\x2f\x31\x01\x02\0\0\0".to_vec(),
            attribute(b"dataWindow", b"box2i", &corners),
            attribute(b"chromaticities", b"chromaticities", &acescg.map(f32::to_le_bytes).concat()),
            vec![0],
        ]
        .concat();
        let headers = headers(&file).unwrap();
        assert_eq!(headers[0].data_window, Some((10, 5)));
        assert!(!headers[0].is_srgb());
        assert!(Header::default().is_srgb());
        assert_eq!(super::headers(&file[..file.len() - 1]), None);
    }
}
