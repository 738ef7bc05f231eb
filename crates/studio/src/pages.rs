//! Pages that are part of the program: templates, scripts and styles, none of them fetched from elsewhere.
//!
//! Pages are the same for everybody and hold nothing of a store or project; their scripts ask for that, with a
//! token where one is needed.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::error::{Error, Result};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Pages of the workbench: address, template, script, title.
const WORKBENCH: [(&str, &str, &str, &str); 4] = [
    ("/", "search.html", "search.js", "Search"),
    ("/labels", "labels.html", "labels.js", "Labels"),
    ("/agreement", "agreement.html", "agreement.js", "Agreement"),
    ("/evaluation", "evaluation.html", "evaluation.js", "Evaluation"),
];

fn environment() -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in [
        ("rate.html", include_str!("page/rate.html")),
        ("workbench.html", include_str!("page/workbench.html")),
        ("search.html", include_str!("page/search.html")),
        ("labels.html", include_str!("page/labels.html")),
        ("agreement.html", include_str!("page/agreement.html")),
        ("evaluation.html", include_str!("page/evaluation.html")),
    ] {
        environment.add_template(name, text).map_err(broken)?;
    }
    Ok(environment)
}

fn broken(error: minijinja::Error) -> Error {
    Error::Page(error.to_string())
}

fn text(media_type: &'static str, text: impl Into<String>) -> axum::routing::MethodRouter {
    let text = text.into();
    get(move || async move { ([(header::CONTENT_TYPE, media_type)], text) })
}

/// The page on which somebody answers, under an address, with the scripts and styles that it needs.
pub(crate) fn answering(at: &str, similarity: bool) -> Result<Router> {
    let scripts = ["/session.js", if similarity { "/label.js" } else { "/rate.js" }];
    let environment = environment()?;
    let template = environment.get_template("rate.html").map_err(broken)?;
    let page = template.render(context! { scripts }).map_err(broken)?;
    Ok(Router::new()
        .route(at, text(HTML, page))
        .route("/session.js", text(SCRIPT, include_str!("page/session.js")))
        .route("/rate.js", text(SCRIPT, include_str!("page/rate.js")))
        .route("/label.js", text(SCRIPT, include_str!("page/label.js")))
        .route("/style.css", text(STYLE, include_str!("page/style.css"))))
}

/// The page that shows the owner of a project how far everybody is.
pub(crate) fn overview() -> Router {
    Router::new()
        .route("/overview", text(HTML, include_str!("page/overview.html")))
        .route("/overview.js", text(SCRIPT, include_str!("page/overview.js")))
}

/// The pages of the workbench.
pub(crate) fn workbench() -> Result<Router> {
    let environment = environment()?;
    let links: Vec<(&str, &str)> = WORKBENCH.iter().map(|(at, .., title)| (*at, *title)).collect();
    let mut router = Router::new()
        .route("/workbench.css", text(STYLE, include_str!("page/workbench.css")))
        .route("/workbench.js", text(SCRIPT, include_str!("page/workbench.js")))
        .route("/search.js", text(SCRIPT, include_str!("page/search.js")))
        .route("/labels.js", text(SCRIPT, include_str!("page/labels.js")))
        .route("/agreement.js", text(SCRIPT, include_str!("page/agreement.js")))
        .route("/evaluation.js", text(SCRIPT, include_str!("page/evaluation.js")));
    for (at, name, script, title) in WORKBENCH {
        let template = environment.get_template(name).map_err(broken)?;
        let page =
            template.render(context! { links => &links, at, script, title }).map_err(broken)?;
        router = router.route(at, text(HTML, page));
    }
    Ok(router)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pages_can_be_written() {
        assert!(workbench().unwrap().has_routes());
        assert!(answering("/", true).unwrap().has_routes());
        assert!(answering("/label", false).unwrap().has_routes());
    }
}
