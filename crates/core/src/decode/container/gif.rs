//! GIF: how many frames there are, and whether the first is complete (GIF89a specification).

use super::Cursor;

/// Frames found, counting no further than two.
///
/// # Errors
/// A reason, when the file ends inside the first frame.
pub(in crate::decode) fn frames(bytes: &[u8]) -> Result<usize, &'static str> {
    let mut found = 0;
    match walk(bytes, &mut found) {
        None if found == 0 => Err("the file ends before the first frame does"),
        _ => Ok(found),
    }
}

/// Counts complete frames into `found`; `None` when the bytes end early.
fn walk(bytes: &[u8], found: &mut usize) -> Option<()> {
    let mut cursor = Cursor::at(bytes, 6)?;
    let screen: [u8; 7] = cursor.array()?;
    cursor.take(palette_length(screen[4]))?;
    while *found < 2 {
        match cursor.byte()? {
            0x21 => {
                let _label = cursor.byte()?;
                pass_blocks(&mut cursor)?;
            }
            0x2c => {
                let descriptor: [u8; 9] = cursor.array()?;
                cursor.take(palette_length(descriptor[8]))?;
                let _code_size = cursor.byte()?;
                pass_blocks(&mut cursor)?;
                *found += 1;
            }
            0x3b => return Some(()),
            // Padding that some writers leave between blocks.
            _ => {}
        }
    }
    Some(())
}

fn palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn pass_blocks(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        match cursor.byte()? {
            0 => return Some(()),
            length => cursor.take(length.into())?,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &[u8] = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0";

    #[test]
    fn counts_frames_and_notices_a_cut_first_frame() {
        let head = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
        let one = [head.as_slice(), b"\x21\xf9\x04\0\0\0\0\0", FRAME, b"\x3b"].concat();
        assert_eq!(frames(&one), Ok(1));
        assert_eq!(frames(&[head.as_slice(), FRAME, FRAME, FRAME, b"\x3b"].concat()), Ok(2));
        for length in 0..one.len() - 1 {
            assert!(frames(&one[..length]).is_err(), "{length}");
        }
        assert_eq!(frames(&one[..one.len() - 1]), Ok(1), "a missing trailer loses nothing");
    }
}
