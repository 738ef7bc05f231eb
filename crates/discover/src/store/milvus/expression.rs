//! Filters in the language of the server.
//!
//! Names of fields are ours; texts of users become literals in which every sign that could end them is escaped.
//!
//! What else is known of a picture lies in one JSON column, under keys of letters, digits and `_` only: `t_NAME`
//! for the text of NAME and, where the text is a number, `n_NAME` for that; `p_NAME` is the number of a text
//! that has a column of its own, `s_NAME` the text of one that has a column as a number. So ranges mean the same
//! as everywhere ([`Filter`]): numbers where all is numbers, else texts by their bytes.

use std::fmt::Write;

use crate::store::filter::number;
use crate::store::{Field, Filter};

/// The column of the key: an id less 1, as servers lose the row whose key is 2⁶³ − 1.
pub(super) const KEY: &str = "key";
pub(super) const META: &str = "meta";

/// All pictures: row 0, with the key −1, holds what is known of the catalogue itself.
pub(super) const PICTURES: &str = "key >= 0";
const NONE: &str = "key < -1";
const ALL: &str = "key >= -1";

/// The key of an id, which is at most 2⁶³.
pub(super) fn key_of(id: u64) -> i64 {
    (id.min(1 << 63) as i64).wrapping_sub(1)
}

/// The id of a key.
pub(super) fn id_of(key: i64) -> u64 {
    key.wrapping_add(1) as u64
}

/// Rows that a filter lets through.
pub(super) fn matching(filter: Option<&Filter>) -> String {
    match filter {
        None => PICTURES.to_owned(),
        Some(filter) => format!("{PICTURES} and ({})", compiled(filter)),
    }
}

/// Rows of some ids.
pub(super) fn ids(ids: &[u64]) -> String {
    let keys = ids.iter().filter(|&&id| id <= i64::MAX as u64).map(|&id| key_of(id).to_string());
    format!("{KEY} in [{}]", keys.collect::<Vec<_>>().join(","))
}

fn compiled(filter: &Filter) -> String {
    match filter {
        Filter::Eq(field, value) => equal(field, value),
        Filter::In(field, values) => any(values.iter().map(|value| equal(field, value)).collect()),
        Filter::Range(field, low, high) => range(field, low.as_ref(), high.as_ref()),
        Filter::IdIn(list) => {
            let real: Vec<u64> = list.iter().copied().filter(|&id| id > 0).collect();
            if real.is_empty() { NONE.to_owned() } else { ids(&real) }
        }
        Filter::And(all) if all.is_empty() => ALL.to_owned(),
        Filter::And(all) => {
            let all: Vec<String> = all.iter().map(|one| format!("({})", compiled(one))).collect();
            all.join(" and ")
        }
        Filter::Or(all) => any(all.iter().map(compiled).collect()),
        Filter::Not(one) => format!("not ({})", compiled(one)),
    }
}

fn any(all: Vec<String>) -> String {
    if all.is_empty() {
        return NONE.to_owned();
    }
    all.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" or ")
}

fn equal(field: &Field, value: &str) -> String {
    let text = text(field);
    match value {
        // A key that is missing is the empty text.
        "" => format!("not ({text} > \"\")"),
        value => format!("{text} == {}", literal(value)),
    }
}

type End = (String, bool);

fn range(field: &Field, low: Option<&End>, high: Option<&End>) -> String {
    let text = text(field);
    let known = format!("{text} > \"\"");
    let ends = [(">", low), ("<", high)];
    let bounds = |name: &str, value: &dyn Fn(&str) -> String| {
        let bounds = ends.iter().filter_map(|(sign, end)| {
            let (end, included) = end.as_ref()?;
            Some(format!("{name} {sign}{} {}", if *included { "=" } else { "" }, value(end)))
        });
        bounds.collect::<Vec<_>>().join(" and ")
    };
    if low.is_none() && high.is_none() {
        return known;
    }
    let by_text = format!("{known} and {}", bounds(&text, &literal));
    let numeric = ends.iter().filter_map(|one| one.1).all(|end| number(&end.0).is_some());
    if !numeric {
        return by_text;
    }
    let key = match field {
        Field::Width | Field::Height => {
            return bounds(&path("n", column(field)), &numeral);
        }
        Field::Meta(name) => path("n", name),
        other => path("p", column(other)),
    };
    format!("({}) or (not (exists {key}) and {by_text})", bounds(&key, &numeral))
}

/// A number as a literal that cannot be taken for a whole one.
fn numeral(text: &str) -> String {
    format!("{:?}", number(text).unwrap_or_default())
}

/// The text of a field.
fn text(field: &Field) -> String {
    match field {
        Field::Meta(name) => path("t", name),
        Field::Width | Field::Height => path("s", column(field)),
        other => column(other).to_owned(),
    }
}

/// The column of a field.
pub(super) fn column(field: &Field) -> &'static str {
    match field {
        Field::Path => "path",
        Field::Product => "product",
        Field::Category => "category",
        Field::Colour => "colour",
        Field::Phase => "phase",
        Field::Split => "split",
        Field::ContentHash => "content_hash",
        Field::Width => "width",
        Field::Height => "height",
        Field::Meta(_) => META,
    }
}

fn path(kind: &str, name: &str) -> String {
    format!("{META}[\"{}\"]", path_key(kind, name))
}

/// A key of the JSON column: letters and digits stay, other bytes become `_` and two digits.
pub(super) fn path_key(kind: &str, name: &str) -> String {
    let mut key = format!("{kind}_");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => key.push(char::from(byte)),
            other => {
                let _ = write!(key, "_{other:02x}");
            }
        }
    }
    key
}

/// The name that a key was made of.
pub(super) fn name(kind: &str, key: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = key.strip_prefix(kind)?.strip_prefix('_')?;
    while let Some(first) = rest.chars().next() {
        let taken = if first == '_' {
            bytes.push(u8::from_str_radix(rest.get(1..3)?, 16).ok()?);
            3
        } else {
            bytes.push(u8::try_from(first).ok()?);
            1
        };
        rest = rest.get(taken..)?;
    }
    String::from_utf8(bytes).ok()
}

/// A text as a literal.
fn literal(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if (control as u32) < 0x20 || control as u32 == 0x7f => {
                let _ = write!(quoted, "\\x{:02x}", control as u32);
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, *};

    use super::*;

    #[test]
    fn filters_become_expressions() {
        for (text, expected) in [
            ("colour=red", "colour == \"red\""),
            ("colour=\"\"", "not (colour > \"\")"),
            ("not price=\"a\\\"b\"", "not (meta[\"t_price\"] == \"a\\\"b\")"),
            ("id in (0, 3, 4)", "key in [2,3]"),
            ("width>=99.5", "meta[\"n_width\"] >= 99.5"),
            (
                "price<3",
                "(meta[\"n_price\"] < 3.0) or (not (exists meta[\"n_price\"]) and meta[\"t_price\"] > \"\" and \
                 meta[\"t_price\"] < \"3\")",
            ),
            ("split>a", "split > \"\" and split > \"a\""),
            ("colour in (a, b)", "(colour == \"a\") or (colour == \"b\")"),
        ] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(matching(Some(&filter)), format!("key >= 0 and ({expected})"), "{text}");
        }
        assert_eq!(matching(Some(&Filter::Or(Vec::new()))), "key >= 0 and (key < -1)");
    }

    proptest! {
        #[test]
        fn keys_are_plain_and_give_names_back(text in "\\PC{0,12}|[\"\\[\\]_/~ ]{0,9}") {
            let made = path_key("t", &text);
            prop_assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            prop_assert_eq!(name("t", &made), Some(text));
        }

        #[test]
        fn literals_end_where_they_should(text in any::<String>()) {
            let quoted = literal(&text);
            let inside = &quoted[1..quoted.len() - 1];
            let mut letters = inside.chars();
            while let Some(letter) = letters.next() {
                prop_assert!(letter != '"' && letter != '\n');
                if letter == '\\' {
                    prop_assert!(letters.next().is_some());
                }
            }
        }
    }
}
