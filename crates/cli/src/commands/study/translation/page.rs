//! The study as one HTML page: figures, and what was drawn side by side.
//!
//! The page needs nothing besides itself and has no script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lookalike::Picture;
use lookalike::encode::png;
use lookalike_translate::study::Found;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::markdown::{self, multiplications, parameters};
use super::pictures::shown;
use super::record::{Report, ValueRecord};

const PAGE: &str = include_str!("page.html");
/// As of the other studies.
const STYLE: &str = include_str!("../losses/page.css");

/// The page.
pub(super) fn render(report: &Report, found: &Found) -> anyhow::Result<String> {
    let mut environment = Environment::new();
    // Nothing is undefined in a sound template.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("page.html", PAGE)?;
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let shown = shown(found)
        .into_iter()
        .map(|(name, pictures)| {
            let pictures = pictures.iter().map(inline).collect::<anyhow::Result<Vec<_>>>()?;
            Ok(json!({"name": name, "pictures": pictures}))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let rows = report.rows.iter().map(|row| {
        let values: Vec<String> = row.values.iter().map(ValueRecord::text).collect();
        json!({
            "name": row.name, "what": row.what, "rests_on": row.rests_on(), "values": values,
            "parameters": parameters(row), "multiplications": multiplications(row),
            "evaluations": row.evaluations, "training": row.training_seconds.text(),
            "drawing": row.drawing_seconds.text(), "threads": row.threads,
        })
    });
    let explained = report.columns.iter().filter_map(|column| {
        let what = column.what.as_ref()?.replace('`', "");
        Some(json!({"id": column.id, "what": what}))
    });
    let left_out = report
        .left_out
        .iter()
        .map(|one| json!({"name": one.name, "reason": one.reason.replace('`', "")}));
    let facts = json!({
        "policy": policy, "style": STYLE, "report": report, "headings": report.headings(),
        "setting": markdown::setting(report), "reading": markdown::reading(report),
        "times": markdown::TIMES, "rows": rows.collect::<Vec<_>>(), "shown": shown,
        "explained": explained.collect::<Vec<_>>(), "left_out": left_out.collect::<Vec<_>>(),
    });
    Ok(environment.get_template("page.html")?.render(Serde(&facts))?)
}

/// A picture inside the page.
fn inline(picture: &Picture) -> anyhow::Result<String> {
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png(picture)?)))
}
