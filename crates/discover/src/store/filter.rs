//! Which rows a search may find, as data: each store compiles it to its own language, so that no text of a
//! user ever reaches an engine.
//!
//! A field that is not known is the empty text. [`Filter::Range`] compares numbers where both ends that are
//! given and the field are numbers, else texts by their bytes; an empty field is in no range.

use std::fmt;

use super::Record;

/// What can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The path.
    Path,
    /// The product.
    Product,
    /// The kind of product.
    Category,
    /// The colour.
    Colour,
    /// The phase.
    Phase,
    /// The split.
    Split,
    /// The hash of the file.
    ContentHash,
    /// Columns of pixels.
    Width,
    /// Rows of pixels.
    Height,
    /// Whatever else is known, by name.
    Meta(String),
}

/// Which rows are let through.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// The field is this text.
    Eq(Field, String),
    /// The field is one of these texts.
    In(Field, Vec<String>),
    /// The field lies between two ends, each with whether it is included.
    Range(Field, Option<(String, bool)>, Option<(String, bool)>),
    /// The id is one of these.
    IdIn(Vec<u64>),
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
}

impl Field {
    /// The field of a name; names that are not known are those of further metadata.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "path" => Self::Path,
            "product" => Self::Product,
            "category" => Self::Category,
            "colour" | "color" => Self::Colour,
            "phase" => Self::Phase,
            "split" => Self::Split,
            "content_hash" | "hash" => Self::ContentHash,
            "width" => Self::Width,
            "height" => Self::Height,
            _ => Self::Meta(name.to_owned()),
        }
    }

    /// What a record says; empty where it says nothing.
    pub fn of(&self, record: &Record) -> String {
        match self {
            Self::Path => record.path.clone(),
            Self::Product => record.product.clone(),
            Self::Category => record.category.clone(),
            Self::Colour => record.colour.clone(),
            Self::Phase => record.phase.clone(),
            Self::Split => record.split.clone(),
            Self::ContentHash => record.content_hash.clone(),
            Self::Width => record.width.to_string(),
            Self::Height => record.height.to_string(),
            Self::Meta(name) => record.meta.get(name).cloned().unwrap_or_default(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Path => "path",
            Self::Product => "product",
            Self::Category => "category",
            Self::Colour => "colour",
            Self::Phase => "phase",
            Self::Split => "split",
            Self::ContentHash => "content_hash",
            Self::Width => "width",
            Self::Height => "height",
            Self::Meta(name) => name,
        }
    }
}

impl Filter {
    /// Reads `colour=red and not (category in (bag, shoe) or price>=100)`.
    ///
    /// # Errors
    /// [`Error::Filter`](crate::Error::Filter) with the place.
    pub fn parse(text: &str) -> crate::Result<Self> {
        super::parser::parse(text)
    }

    /// Whether a row is let through.
    pub fn accepts(&self, record: &Record) -> bool {
        match self {
            Self::Eq(field, value) => field.of(record) == *value,
            Self::In(field, values) => values.contains(&field.of(record)),
            Self::Range(field, low, high) => in_range(&field.of(record), low, high),
            Self::IdIn(ids) => ids.contains(&record.id),
            Self::And(all) => all.iter().all(|one| one.accepts(record)),
            Self::Or(all) => all.iter().any(|one| one.accepts(record)),
            Self::Not(one) => !one.accepts(record),
        }
    }
}

fn in_range(value: &str, low: &Option<(String, bool)>, high: &Option<(String, bool)>) -> bool {
    if value.is_empty() {
        return false;
    }
    let ends: Vec<&str> = [low, high].into_iter().flatten().map(|end| end.0.as_str()).collect();
    let numbers = number(value).filter(|_| ends.iter().all(|end| number(end).is_some()));
    let compare = |end: &str| match numbers.zip(number(end)) {
        Some((value, end)) => value.partial_cmp(&end),
        None => Some(value.cmp(end)),
    };
    let above = low.as_ref().is_none_or(|(end, included)| {
        compare(end).is_some_and(|order| order.is_gt() || (*included && order.is_eq()))
    });
    let below = high.as_ref().is_none_or(|(end, included)| {
        compare(end).is_some_and(|order| order.is_lt() || (*included && order.is_eq()))
    });
    above && below
}

/// The number that a text is.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whether a name is read as one without quotes.
fn is_plain(name: &str) -> bool {
    let reserved = ["and", "or", "not", "in"].iter().any(|word| name.eq_ignore_ascii_case(word));
    !reserved && !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl fmt::Display for Filter {
    /// As [`parse`](Self::parse) reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let field = |field: &Field| match field {
            // A name that could be taken for something else.
            Field::Meta(name) if !is_plain(name) => quoted(name),
            other => other.name().to_owned(),
        };
        let list = |values: &mut dyn Iterator<Item = String>| values.collect::<Vec<_>>().join(", ");
        match self {
            Self::Eq(name, value) => write!(f, "{} = {}", field(name), quoted(value)),
            Self::In(name, values) => {
                let values = list(&mut values.iter().map(|value| quoted(value)));
                write!(f, "{} in ({values})", field(name))
            }
            Self::Range(name, low, high) => {
                let name = field(name);
                let end = |sign: &str, end: &Option<(String, bool)>| {
                    end.as_ref().map(|(value, included)| {
                        format!(
                            "{name} {sign}{} {}",
                            if *included { "=" } else { "" },
                            quoted(value)
                        )
                    })
                };
                let ends: Vec<String> =
                    [end(">", low), end("<", high)].into_iter().flatten().collect();
                match ends.as_slice() {
                    [] => write!(f, "not {name} = \"\""),
                    ends => write!(f, "({})", ends.join(" and ")),
                }
            }
            Self::IdIn(ids) => {
                write!(f, "id in ({})", list(&mut ids.iter().map(u64::to_string)))
            }
            Self::And(all) => {
                let all: Vec<String> = all.iter().map(Self::to_string).collect();
                write!(f, "({})", all.join(" and "))
            }
            Self::Or(all) => {
                let all: Vec<String> = all.iter().map(Self::to_string).collect();
                write!(f, "({})", all.join(" or "))
            }
            Self::Not(one) => write!(f, "not {one}"),
        }
    }
}
