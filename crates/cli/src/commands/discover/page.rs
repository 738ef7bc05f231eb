//! Pages of results: one file each, without a script.
//!
//! A page's content security policy allows its own style and the pictures inside. What comes from a run reaches it
//! through its template, which escapes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How every page begins, with the macro `figure` for a picture.
const HEAD: &str = include_str!("page_head.html");
const STYLE: &str = include_str!("report/page.css");

/// Fills in the template of a page's body; `values` is an object, to which title, version, policy and style are
/// added.
pub(super) fn render(title: &str, body: &str, mut values: Value) -> anyhow::Result<String> {
    let mut environment = Environment::new();
    // Nothing is undefined in a sound template.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template_owned("page.html", format!("{HEAD}{body}"))?;
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    values["title"] = title.into();
    values["version"] = env!("CARGO_PKG_VERSION").into();
    values["style"] = STYLE.into();
    values["policy"] = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{hash}'; base-uri 'none'; form-action \
         'none'"
    )
    .into();
    Ok(environment.get_template("page.html")?.render(Serde(values))?)
}
