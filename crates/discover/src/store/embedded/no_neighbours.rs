//! In place of the approximate index, where the program was built without: there never is one.

use std::collections::HashSet;
use std::path::Path;

use crate::store::{Effort, Fingerprint};
use crate::{Error, Result};

pub(super) enum Neighbours {}

impl Neighbours {
    pub(super) fn build(_: &Fingerprint, _: &[(u64, &[f32])]) -> Result<Self> {
        Err(Error::Request("this program was built without an approximate index".to_owned()))
    }

    pub(super) fn load(_: &Path, _: &Fingerprint, _: u64) -> Option<Self> {
        None
    }

    pub(super) fn save(&self, _: &Path, _: u64) -> Result<()> {
        match *self {}
    }

    pub(super) fn put(&self, _: u64, _: &[f32], _: bool) -> Result<()> {
        match *self {}
    }

    pub(super) fn remove(&self, _: u64) -> Result<()> {
        match *self {}
    }

    pub(super) fn search(
        &self,
        _: &[f32],
        _: usize,
        _: Effort,
        _: Option<&HashSet<u64>>,
    ) -> Result<Vec<u64>> {
        match *self {}
    }
}
