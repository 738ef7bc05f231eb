//! The bytes of a pickle, taken from the front; never more than there are.

use super::values::{Outcome, broken};

/// Bytes and a position.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes that were taken.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Text up to the end of a line.
    pub(super) fn line(&mut self) -> Outcome<String> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().take(256).position(|&byte| byte == b'\n') else {
            return broken("the name of a global has no end");
        };
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(line)
    }

    pub(super) fn take(&mut self, length: u64) -> Outcome<&[u8]> {
        let rest = &self.bytes[self.at..];
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => broken(format!(
                "the pickle ends early: {length} bytes expected at byte {}, {} left",
                self.at,
                rest.len()
            )),
        }
    }

    pub(super) fn byte(&mut self) -> Outcome<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }
}
