//! In place of Parquet, where the program was built without.

use std::path::Path;

use super::Table;
use crate::{Error, Result};

fn absent() -> Error {
    Error::Request(
        "this program was built without Parquet, which the feature 'parquet' brings; use .csv, .json or .jsonl"
            .to_owned(),
    )
}

pub(super) fn table(_: Vec<u8>, _: &Path) -> Result<Table> {
    Err(absent())
}

pub(super) fn bytes(_: &Table) -> Result<Vec<u8>> {
    Err(absent())
}
