//! HTML: one page with a table of all pairs, worst first, and their pictures, to look through.
//!
//! The page needs nothing besides itself: style, script and pictures are inside, and its content
//! security policy allows nothing else. What comes from the run (paths, ids, messages) reaches the
//! page in two ways: through the template, which escapes it, and as JSON in a data block, in which
//! no `<` is left; the script puts it on the page as text, never as markup.
//!
//! Pictures stand after the script, one data block each and equal ones once, so the table can be
//! read while they are still being loaded.

mod gallery;
mod links;
pub(crate) mod pictures;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lookalike::scale_colour;
use minijinja::{Environment, context};
use sha2::{Digest, Sha256};

use super::{Column, Printer, significant};
use crate::limit_record::FailedGate;
use crate::output::Output;
use crate::report::{Conclusion, PairAccount, PairRecord};
use gallery::{Previews, Rank, Thumbnails};
use links::Links;
use pictures::Shown;

pub(crate) use gallery::Gallery;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Where the pictures go in the rendered page.
const PICTURES: &str = "<!-- pictures -->";

/// Colours of the bar beside a map.
const BAR_STOPS: u32 = 32;

pub(crate) struct HtmlPrinter {
    output: Output,
    columns: Vec<Column>,
    gallery: Arc<Gallery>,
    links: Links,
    rows: Vec<(Rank, Row)>,
}

/// A pair as the script reads it.
#[derive(serde::Serialize)]
struct Row {
    label: String,
    reference: String,
    candidate: String,
    /// Addresses of the files, relative to the page.
    links: [String; 2],
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<[usize; 2]>,
    /// Values in the order of the columns, as numbers or as `inf` and `-inf`.
    values: Vec<Option<Number>>,
    /// Ids where they differ from the column's, by column.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    ids: BTreeMap<usize, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gates: Vec<(String, Option<Number>, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<String>,
    /// Numbers of the pictures: reference, candidate, map.
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnails: Option<[Option<usize>; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previews: Option<PreviewNumbers>,
}

#[derive(serde::Serialize)]
struct PreviewNumbers {
    reference: usize,
    candidate: usize,
    size: [u32; 2],
    maps: Vec<(String, usize)>,
}

/// A number that may be infinite, which JSON's are not.
#[derive(Clone, Copy)]
struct Number(f64);

impl serde::Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

/// The pictures of a page, equal ones once, in the order of their numbers.
#[derive(Default)]
struct Sheet {
    numbers: BTreeMap<Arc<str>, usize>,
    addresses: Vec<Arc<str>>,
}

impl Sheet {
    fn number(&mut self, shown: &Shown) -> usize {
        match self.numbers.entry(Arc::clone(&shown.address)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                self.addresses.push(Arc::clone(&shown.address));
                *entry.insert(self.addresses.len() - 1)
            }
        }
    }

    fn thumbnails(&mut self, pictures: &Thumbnails) -> [Option<usize>; 3] {
        let Thumbnails { reference, candidate, map } = pictures;
        [
            Some(self.number(reference)),
            Some(self.number(candidate)),
            map.as_ref().map(|map| self.number(map)),
        ]
    }

    fn previews(&mut self, pictures: &Previews) -> PreviewNumbers {
        let maps = pictures.maps.iter();
        PreviewNumbers {
            reference: self.number(&pictures.reference),
            candidate: self.number(&pictures.candidate),
            size: [pictures.reference.width, pictures.reference.height],
            maps: maps.map(|(id, map)| (id.clone(), self.number(map))).collect(),
        }
    }
}

impl HtmlPrinter {
    pub(crate) fn new(output: Output, columns: Vec<Column>, gallery: Arc<Gallery>) -> Self {
        let links = Links::from_page(output.path());
        Self { output, columns, gallery, links, rows: Vec::new() }
    }

    fn row(&self, account: &PairAccount) -> Row {
        let record = account.record.as_ref();
        let complete = account.errors.is_empty() && record.is_some();
        let mut ids = BTreeMap::new();
        let mut values = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            let mut scores = record.iter().flat_map(|record| &record.scores);
            let score = scores.find(|score| column.ids.contains(&score.id));
            if let Some(score) = score.filter(|score| column.ids.first() != Some(&score.id)) {
                ids.insert(index, score.id.clone());
            }
            values.push(score.map(|score| Number(score.value.0)));
        }
        let gate = |gate: &FailedGate| {
            (gate.rule.clone(), gate.value.map(|value| Number(value.0)), gate.to_string())
        };
        Row {
            label: account.label.display().to_string(),
            reference: account.reference.display().to_string(),
            candidate: account.candidate.display().to_string(),
            links: [self.links.to(&account.reference), self.links.to(&account.candidate)],
            status: match account.failed_gates() {
                _ if !complete => "error",
                [] if self.gallery.has_gates() => "passed",
                [] => "scored",
                _ => "failed",
            },
            size: record.map(|record| [record.width, record.height]),
            values,
            ids,
            gates: account.failed_gates().iter().map(gate).collect(),
            errors: account.errors.iter().map(ToString::to_string).collect(),
            steps: record.map_or_else(Vec::new, PairRecord::notes),
            thumbnails: None,
            previews: None,
        }
    }

    /// Worst first, with the numbers of the pictures.
    fn rows_with_pictures(&mut self, sheet: &mut Sheet) -> Vec<Row> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by(|(a, _), (b, _)| b.cmp(a));
        let kept = self.gallery.kept();
        let numbered = rows.into_iter().map(|(rank, mut row)| {
            if let Some((thumbnails, previews)) = kept.get(&rank.label) {
                row.thumbnails = thumbnails.as_ref().map(|pictures| sheet.thumbnails(pictures));
                row.previews = previews.as_ref().map(|pictures| sheet.previews(pictures));
            }
            row
        });
        numbered.collect()
    }

    fn render(&self, rows: &[Row], conclusion: &Conclusion) -> anyhow::Result<String> {
        let scales: BTreeMap<_, _> = self
            .gallery
            .scales()
            .iter()
            .map(|(id, scale)| (id, [Number(scale.same), Number(scale.different)]))
            .collect();
        let columns: Vec<_> = self.columns.iter().map(|c| (c.ids.first(), c.direction)).collect();
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let data = serde_json::json!({
            "columns": columns,
            "gated": self.gallery.has_gates(),
            "rows": rows,
            "scales": scales,
            "time": u64::try_from(time.as_millis()).unwrap_or_default(),
        });
        let mut environment = Environment::new();
        // Nothing is undefined in a sound template.
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        let stops: Vec<String> = (0..BAR_STOPS)
            .map(|stop| scale_colour(f64::from(stop) / f64::from(BAR_STOPS - 1)))
            .map(|[r, g, b]| format!("rgb({r} {g} {b})"))
            .collect();
        let style = environment.render_str(STYLE, context! { stops => stops.join(", ") })?;
        let summary: Vec<_> = conclusion
            .summary
            .iter()
            .map(|(id, record)| {
                let of = &record.summary;
                context! {
                    id,
                    direction => of.direction.as_str(),
                    n => of.n,
                    numbers => [of.mean, of.median, of.min, of.max].map(significant),
                }
            })
            .collect();
        let gates: Vec<_> = conclusion
            .gates
            .iter()
            .map(|gate| {
                let rule = gate.gate.to_string();
                context! { rule, checked => gate.checked, failed => gate.failed }
            })
            .collect();
        let with = |status: &str| rows.iter().filter(|row| row.status == status).count();
        environment.add_template("page.html", PAGE)?;
        let page = environment.get_template("page.html")?.render(context! {
            version => env!("CARGO_PKG_VERSION"),
            pairs => rows.len(),
            failed => with("failed"),
            passed => with("passed"),
            incomplete => with("error"),
            summary,
            gates,
            errors => lines(&conclusion.errors),
            unpaired => lines(&conclusion.unpaired),
            policy => policy(&style),
            style => minijinja::Value::from_safe_string(style),
            script => minijinja::Value::from_safe_string(SCRIPT.to_owned()),
            data => minijinja::Value::from_safe_string(inert(&data.to_string())),
        })?;
        Ok(page)
    }
}

impl Printer for HtmlPrinter {
    fn account(&mut self, account: &PairAccount) -> anyhow::Result<()> {
        let row = self.row(account);
        let severity = match row.status {
            "error" => 2,
            "failed" => 1,
            _ => 0,
        };
        let scores = account.record.iter().flat_map(|record| &record.scores);
        let values = scores.map(|score| (score.id.as_str(), score.value.0));
        self.rows.push((self.gallery.rank(severity, values, &account.label), row));
        Ok(())
    }

    fn finish(mut self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()> {
        let mut sheet = Sheet::default();
        let rows = self.rows_with_pictures(&mut sheet);
        let page = self.render(&rows, conclusion)?;
        let (head, tail) =
            page.split_once(PICTURES).context("the page has a place for pictures")?;
        self.output.write_all(head.as_bytes())?;
        for (number, address) in sheet.addresses.iter().enumerate() {
            writeln!(
                self.output,
                "<script type=\"text/plain\" id=\"p{number}\">{address}</script>"
            )?;
        }
        writeln!(self.output, "{tail}")?;
        self.output.finish()
    }
}

fn lines(errors: &[crate::report::ErrorRecord]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// The content security policy: this style, this script, pictures from within, nothing else.
fn policy(style: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; img-src data:; style-src {}; script-src {}; base-uri 'none'; \
         form-action 'none'",
        hash(style),
        hash(SCRIPT)
    )
}

/// JSON in which nothing can end the element that holds it.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_its_element() {
        let hostile = "</script><!--<script>&\u{2028}\"'";
        let json = serde_json::json!([hostile]).to_string();
        let safe = inert(&json);
        assert!(!safe.contains(['<', '>', '&']), "{safe}");
        let back: Vec<String> = serde_json::from_str(&safe).unwrap();
        assert_eq!(back, [hostile]);
    }

    #[test]
    fn style_and_script_stay_within_their_elements() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</s") && !text.contains("<!--"));
        }
        assert_eq!(PAGE.matches(PICTURES).count(), 1);
    }
}
