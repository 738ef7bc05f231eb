//! What a search is asked for, from the query of an address, the fields of a form, or JSON.

use lookalike_discover::query::{Rectangle, rectangle};
use serde_json::Value;

/// The most results of a search.
const MOST: usize = 1000;
/// The cosine from which pictures are nearly the same, where nobody says another.
const NEARLY_SAME: f32 = 0.995;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameters {
    pub(super) model: Option<String>,
    pub(super) id: Option<u64>,
    pub(super) k: usize,
    pub(super) filter: Option<String>,
    pub(super) one_per_product: bool,
    pub(super) exclude_same_product: bool,
    pub(super) collapse: Option<f32>,
    pub(super) exact: bool,
    pub(super) crop: Option<Rectangle>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            model: None,
            id: None,
            k: 10,
            filter: None,
            one_per_product: false,
            exclude_same_product: false,
            collapse: None,
            exact: false,
            crop: None,
        }
    }
}

impl Parameters {
    /// Takes a parameter. One that is empty is as if it were not there, but for switches, which it turns on.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let text = value.trim();
        let some = (!text.is_empty()).then(|| text.to_owned());
        let wrong = |what: &str| format!("{name}: expected {what}, found '{text}'");
        let switch = || match text {
            "" | "1" | "true" | "on" => Ok(true),
            "0" | "false" | "off" => Ok(false),
            _ => Err(wrong("true or false")),
        };
        match name {
            "model" => self.model = some,
            "where" => self.filter = some,
            "id" => {
                let id = some.map(|text| text.trim_start_matches('#').parse());
                self.id = id.transpose().map_err(|_| wrong("the id of a picture"))?;
            }
            "k" => {
                let k = text.parse().ok().filter(|k| (1..=MOST).contains(k));
                self.k = k.ok_or_else(|| wrong(&format!("a number from 1 to {MOST}")))?;
            }
            "one_per_product" => self.one_per_product = switch()?,
            "exclude_same_product" => self.exclude_same_product = switch()?,
            "exact" => self.exact = switch()?,
            "collapse" => {
                self.collapse = match text {
                    "" | "true" | "on" => Some(NEARLY_SAME),
                    "false" | "off" => None,
                    number => {
                        let cosine = number.parse().ok().filter(|c| (0.0..=1.0).contains(c));
                        Some(cosine.ok_or_else(|| wrong("a cosine from 0 to 1"))?)
                    }
                };
            }
            "crop" => self.crop = some.map(|text| rectangle(&text)).transpose()?,
            _ => {
                return Err(format!(
                    "there is no parameter '{name}'; there are model, id, k, where, one_per_product, \
                     exclude_same_product, collapse, exact and crop"
                ));
            }
        }
        Ok(())
    }

    /// Takes the fields of a JSON object.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn set_all(&mut self, json: &[u8]) -> Result<(), String> {
        let value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let Value::Object(fields) = value else { return Err("expected a JSON object".to_owned()) };
        for (name, value) in fields {
            match value {
                Value::Null => (),
                Value::String(text) => self.set(&name, &text)?,
                other => self.set(&name, &other.to_string())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_and_json_say_the_same() {
        let mut texts = Parameters::default();
        for (name, value) in [
            ("model", "sight"),
            ("id", "#7"),
            ("k", " 5 "),
            ("where", "price<=3"),
            ("one_per_product", "1"),
            ("exclude_same_product", "on"),
            ("exact", "false"),
            ("collapse", ""),
            ("crop", "1,2,3,4"),
        ] {
            texts.set(name, value).unwrap();
        }
        let mut json = Parameters::default();
        json.set_all(
            br##"{"model":"sight","id":7,"k":5,"where":"price<=3","one_per_product":true,
                "exclude_same_product":true,"exact":null,"collapse":0.995,"crop":"1,2,3,4"}"##,
        )
        .unwrap();
        assert_eq!(texts, json);
        assert_eq!(
            (texts.id, texts.collapse, texts.crop),
            (Some(7), Some(0.995), Some([1, 2, 3, 4]))
        );
        texts.set("model", "").unwrap();
        assert_eq!(texts.model, None);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (name, value, part) in [
            ("k", "0", "1 to 1000"),
            ("k", "1001", "1 to 1000"),
            ("k", "", "1 to 1000"),
            ("id", "x", "the id"),
            ("exact", "maybe", "true or false"),
            ("collapse", "1.5", "0 to 1"),
            ("collapse", "NaN", "0 to 1"),
            ("crop", "1,2", "x,y,width,height"),
            ("kk", "1", "one_per_product"),
        ] {
            let message = Parameters::default().set(name, value).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        assert!(Parameters::default().set_all(b"[]").is_err());
        assert!(Parameters::default().set_all(b"{").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(name in "[a-z_]{0,12}", value in "\\PC{0,20}") {
            let _ = Parameters::default().set(&name, &value);
            let _ = Parameters::default().set_all(value.as_bytes());
        }
    }
}
