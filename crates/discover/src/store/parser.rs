//! Filters as people write them.
//!
//! ```text
//! any    = all { "or" all }
//! all    = one { ("and" | ",") one }
//! one    = "not" one | "(" any ")" | name op value | name ["not"] "in" "(" value { "," value } ")"
//! op     = "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
//! value  = a word, or any text in single or double quotes, with \ before a quote or a \
//! ```
//!
//! Words end at spaces, commas, brackets and operators. `and`, `or`, `not` and `in` are read in any case.

use super::filter::{Field, Filter};
use crate::{Error, Result};

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Operator(&'static str),
    Open,
    Close,
    Comma,
}

/// How deep brackets may be nested.
const DEPTH: usize = 64;

pub(super) fn parse(text: &str) -> Result<Filter> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, next: 0, depth: 0 };
    let filter = parser.any()?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.wrong("expected 'and', 'or' or the end")),
    }
}

fn wrong(text: &str, at: usize, reason: impl ToString) -> Error {
    Error::Filter { text: text.to_owned(), at: at + 1, reason: reason.to_string() }
}

/// Tokens with the characters at which they begin.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let start = at;
        at += 1;
        let equals = letters.get(at) == Some(&'=');
        let token = match letter {
            letter if letter.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' | '!' | '<' | '>' => {
                at += usize::from(equals);
                Token::Operator(match (letter, equals) {
                    ('=', _) => "=",
                    ('!', true) => "!=",
                    ('<', false) => "<",
                    ('<', true) => "<=",
                    ('>', false) => ">",
                    ('>', true) => ">=",
                    _ => return Err(wrong(text, start, "expected '=' after '!'")),
                })
            }
            '"' | '\'' => {
                let mut quoted = String::new();
                loop {
                    match letters.get(at) {
                        None => return Err(wrong(text, start, "the quote is not closed")),
                        Some(&end) if end == letter => break,
                        Some('\\') if letters.get(at + 1).is_some() => {
                            quoted.push(letters[at + 1]);
                            at += 2;
                        }
                        Some(&inside) => {
                            quoted.push(inside);
                            at += 1;
                        }
                    }
                }
                at += 1;
                Token::Quoted(quoted)
            }
            _ => {
                while letters
                    .get(at)
                    .is_some_and(|&c| !c.is_whitespace() && !"(),=!<>\"'".contains(c))
                {
                    at += 1;
                }
                Token::Word(letters[start..at].iter().collect())
            }
        };
        found.push((start, token));
    }
    Ok(found)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn wrong(&self, reason: impl ToString) -> Error {
        let end = self.text.chars().count();
        wrong(self.text, self.tokens.get(self.next).map_or(end, |(at, _)| *at), reason)
    }

    /// Goes on where a word is next.
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.next += usize::from(found);
        found
    }

    fn token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Filter> {
        let mut all = vec![self.all()?];
        while self.word("or") {
            all.push(self.all()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::Or(all) })
    }

    fn all(&mut self) -> Result<Filter> {
        let mut all = vec![self.one()?];
        while self.word("and") || self.token(&Token::Comma) {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn one(&mut self) -> Result<Filter> {
        if self.depth == DEPTH {
            return Err(self.wrong(format!("nested more than {DEPTH} deep")));
        }
        self.depth += 1;
        let found = self.nested();
        self.depth -= 1;
        found
    }

    fn nested(&mut self) -> Result<Filter> {
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.token(&Token::Open) {
            let inside = self.any()?;
            if !self.token(&Token::Close) {
                return Err(self.wrong("expected ')'"));
            }
            return Ok(inside);
        }
        let name = self.value("the name of a field")?;
        if let Some(&Token::Operator(operator)) = self.peek() {
            self.next += 1;
            let value = self.value("a value")?;
            return self.comparison(&name, operator, value);
        }
        let negated = self.word("not");
        if !self.word("in") {
            return Err(self.wrong("expected =, !=, <, <=, >, >= or in"));
        }
        if !self.token(&Token::Open) {
            return Err(self.wrong("expected '('"));
        }
        let mut values = vec![self.value("a value")?];
        while self.token(&Token::Comma) {
            values.push(self.value("a value")?);
        }
        if !self.token(&Token::Close) {
            return Err(self.wrong("expected ',' or ')'"));
        }
        let filter = if name.eq_ignore_ascii_case("id") {
            let ids = values.iter().map(|value| self.id(value)).collect::<Result<_>>()?;
            Filter::IdIn(ids)
        } else {
            Filter::In(Field::named(&name), values)
        };
        Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
    }

    fn comparison(&self, name: &str, operator: &str, value: String) -> Result<Filter> {
        let field = Field::named(name);
        let equal = |value: String| -> Result<Filter> {
            if name.eq_ignore_ascii_case("id") {
                return Ok(Filter::IdIn(vec![self.id(&value)?]));
            }
            Ok(Filter::Eq(field.clone(), value))
        };
        Ok(match operator {
            "=" => equal(value)?,
            "!=" => Filter::Not(Box::new(equal(value)?)),
            _ if name.eq_ignore_ascii_case("id") => {
                return Err(self.wrong("ids are compared by =, != and in"));
            }
            "<" => Filter::Range(field, None, Some((value, false))),
            "<=" => Filter::Range(field, None, Some((value, true))),
            ">" => Filter::Range(field, Some((value, false)), None),
            _ => Filter::Range(field, Some((value, true)), None),
        })
    }

    fn id(&self, text: &str) -> Result<u64> {
        text.parse().map_err(|_| self.wrong(format!("expected an id, found '{text}'")))
    }

    fn value(&mut self, what: &str) -> Result<String> {
        let found = match self.peek() {
            Some(Token::Word(word) | Token::Quoted(word)) => word.clone(),
            _ => return Err(self.wrong(format!("expected {what}"))),
        };
        self.next += 1;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Record;

    fn record() -> Record {
        Record {
            id: 7,
            colour: "red".into(),
            category: "hand bag".into(),
            width: 640,
            meta: [("price".to_owned(), "99.5".to_owned())].into(),
            ..Record::default()
        }
    }

    #[test]
    fn filters_mean_what_they_say() {
        for (text, expected) in [
            ("colour=red", true),
            ("COLOR = \"red\"", true),
            ("colour!=red", false),
            ("colour=blue or category='hand bag'", true),
            ("colour=blue or colour=green and width>1", false),
            ("colour=red, width>=640", true),
            ("not (colour=red and width<640)", true),
            ("price>=99.5 and price<100", true),
            ("price>100", false),
            ("price>9", true),
            ("material=\"\"", true),
            ("material>a", false),
            ("category in (shoe, \"hand bag\")", true),
            ("category not in (shoe)", true),
            ("id=7", true),
            ("id in (1, 2)", false),
            ("not not colour=red", true),
        ] {
            assert_eq!(Filter::parse(text).unwrap().accepts(&record()), expected, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_pointed_at() {
        for (text, at) in [
            ("", 1),
            ("colour", 7),
            ("colour=", 8),
            ("colour=red blue", 12),
            ("(colour=red", 12),
            ("colour in red", 11),
            ("colour in (red", 15),
            ("colour ! red", 8),
            ("colour='red", 8),
            ("id<3", 5),
            ("id=x", 5),
            ("a=1 and", 8),
        ] {
            match Filter::parse(text) {
                Err(Error::Filter { at: found, .. }) => assert_eq!(found, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
    }

    fn filters() -> impl Strategy<Value = Filter> {
        let field = "[a-z]{1,4}|colour|\\PC{1,6}".prop_map(|name| Field::named(&name));
        let leaf = prop_oneof![
            (field.clone(), "\\PC{0,6}")
                .prop_filter(
                    "ids are apart",
                    |(f, _)| !matches!(f, Field::Meta(name) if name.eq_ignore_ascii_case("id"))
                )
                .prop_map(|(f, v)| Filter::Eq(f, v)),
            prop::collection::vec(0..9_u64, 1..3).prop_map(Filter::IdIn),
        ];
        leaf.prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
                inner.prop_map(|one| Filter::Not(Box::new(one))),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_panics(text in "\\PC{0,40}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn what_is_written_is_read_again(filter in filters()) {
            let text = filter.to_string();
            prop_assert_eq!(Filter::parse(&text).unwrap(), filter, "{}", text);
        }
    }
}
