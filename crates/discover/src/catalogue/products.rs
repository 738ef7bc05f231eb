//! What a picture shows, from its path: pictures of one product are not answers to each other.

use std::collections::HashMap;
use std::path::Path;

use regex::Regex;

use crate::error::{malformed, unreadable};
use crate::{Error, Result};

/// How the product of a path is found.
#[derive(Clone, Debug, Default)]
pub enum Products {
    /// Every picture shows another one.
    #[default]
    Apart,
    /// What the expression finds in the path: its first group, or all of it. Pictures in whose path it finds
    /// nothing are apart.
    Expression(Regex),
    /// As a table says, by path. Pictures that are not in it are apart.
    Table(HashMap<String, String>),
}

impl Products {
    /// Reads an expression, such as `id_\d+`.
    ///
    /// # Errors
    /// [`Error::Request`] with what is wrong with it.
    pub fn expression(text: &str) -> Result<Self> {
        let read = Regex::new(text);
        read.map(Self::Expression)
            .map_err(|error| Error::Request(format!("product regex: {error}")))
    }

    /// Reads a table: CSV with the columns `path` and `product`.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Malformed`].
    pub fn table(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(unreadable(path))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&bytes[..]);
        let header = reader.headers().map_err(|error| malformed(path, error))?.clone();
        let column = |name: &str| header.iter().position(|column| column == name);
        let (Some(key), Some(product)) = (column("path"), column("product")) else {
            let found = header.iter().collect::<Vec<_>>().join(",");
            return Err(malformed(
                path,
                format!("expected the columns path,product; found {found}"),
            ));
        };
        let mut table = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| malformed(path, error))?;
            let cell = |index: usize| record.get(index).unwrap_or_default().to_owned();
            let name = cell(key);
            if table.insert(name.clone(), cell(product)).is_some() {
                return Err(malformed(path, format!("{name} is in it twice")));
            }
        }
        Ok(Self::Table(table))
    }

    /// The product of a path; `None` where nothing says it.
    pub fn of(&self, path: &str) -> Option<String> {
        match self {
            Self::Apart => None,
            Self::Expression(expression) => {
                let found = expression.captures(path)?;
                found.get(1).or_else(|| found.get(0)).map(|text| text.as_str().to_owned())
            }
            Self::Table(table) => table.get(path).cloned(),
        }
        .filter(|product| !product.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_come_from_groups_or_whole_matches() {
        let of = |text: &str, path: &str| Products::expression(text).unwrap().of(path);
        assert_eq!(of(r"id_\d+", "img/id_007/a.jpg").as_deref(), Some("id_007"));
        assert_eq!(of(r"id_(\d+)", "img/id_007/a.jpg").as_deref(), Some("007"));
        assert_eq!(of(r"id_\d+", "img/a.jpg"), None);
        assert!(Products::expression("(").unwrap_err().to_string().contains("regex"));
        assert_eq!(Products::Apart.of("a"), None);
    }

    #[test]
    fn tables_name_every_path_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "product,path\np,a/b.png\nq,c.png\n").unwrap();
        let table = Products::table(file.path()).unwrap();
        assert_eq!((table.of("c.png").as_deref(), table.of("d.png")), (Some("q"), None));
        for (text, expected) in
            [("path\na\n", "expected the columns"), ("path,product\na,p\na,q\n", "twice")]
        {
            std::fs::write(file.path(), text).unwrap();
            let message = Products::table(file.path()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
