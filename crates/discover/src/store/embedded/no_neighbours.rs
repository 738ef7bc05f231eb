//! In place of the approximate index, where the program was built without: there never is one.

use std::collections::HashSet;
use std::path::Path;

use crate::store::{Effort, Fingerprint};
use crate::{Error, Result};

pub(super) enum Neighbours {}

impl Neighbours {
    pub(super) fn build(_: &Fingerprint, _: &[(u64, &[f32])], _: &Path, _: u64) -> Result<Self> {
        Err(Error::Request("this program was built without an approximate index".to_owned()))
    }

    pub(super) fn load(_: &Path, _: &Fingerprint, _: u64) -> Option<Self> {
        None
    }

    pub(super) fn keep_up<'a>(
        &mut self,
        _: &Path,
        _: u64,
        _: impl Fn(u64) -> &'a [f32],
    ) -> Result<bool> {
        match *self {}
    }

    pub(super) fn put(&mut self, _: u64) {
        match *self {}
    }

    pub(super) fn remove(&mut self, _: u64) {
        match *self {}
    }

    pub(super) fn search(
        &self,
        _: &[Vec<f32>],
        _: usize,
        _: Effort,
        _: Option<&HashSet<u64>>,
        _: impl Fn() -> Result<()> + Sync,
    ) -> Result<Vec<Vec<u64>>> {
        match *self {}
    }
}
