//! The interface of a project for its pages: what is asked, answers, and the pictures, by token.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::error::Result;
use crate::pictures::show;
use crate::respond::{json, refusal};
use crate::studio::{Studio, Visitor};

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 16 << 10;

/// The routes.
pub(crate) fn routes(studio: Arc<Studio>) -> Router {
    Router::new()
        .route("/api/state", get(state))
        .route("/api/answer", post(answer))
        .route("/api/undo", post(undo))
        .route("/api/overview", get(overview))
        .route("/api/picture/{id}", get(picture))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(studio)
}

/// The token of a request.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The bytes of a picture, as a browser shows them.
pub(crate) fn shown(path: &std::path::Path) -> Result<Response> {
    let shown = show(path)?;
    Ok(([(header::CONTENT_TYPE, shown.media_type)], Body::from(shown.bytes)).into_response())
}

/// Work that waits for the disk, away from the thread that serves.
pub(crate) async fn apart(work: impl FnOnce() -> Result<Response> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => refusal(error.status(), &error.to_string()),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "the server failed"),
    }
}

/// Work for whoever may have it.
async fn visit(
    studio: Arc<Studio>,
    headers: HeaderMap,
    work: impl FnOnce(&Studio, Visitor) -> Result<Response> + Send + 'static,
) -> Response {
    let Some(visitor) = token(&headers).and_then(|token| studio.visitor(token)) else {
        return refusal(StatusCode::UNAUTHORIZED, "this link is not known here");
    };
    apart(move || work(&studio, visitor)).await
}

fn not_here() -> Response {
    refusal(StatusCode::FORBIDDEN, "this link is for another page")
}

async fn state(Shared(studio): Shared<Arc<Studio>>, headers: HeaderMap) -> Response {
    visit(studio, headers, |studio, visitor| match visitor {
        Visitor::Rater(rater) => Ok(json(&studio.state(rater))),
        Visitor::Owner => Ok(not_here()),
    })
    .await
}

async fn answer(Shared(studio): Shared<Arc<Studio>>, headers: HeaderMap, body: Bytes) -> Response {
    visit(studio, headers, move |studio, visitor| match (visitor, serde_json::from_slice(&body)) {
        (Visitor::Owner, _) => Ok(not_here()),
        (_, Err(error)) => Ok(refusal(StatusCode::BAD_REQUEST, &error.to_string())),
        (Visitor::Rater(rater), Ok(sent)) => {
            studio.answer(rater, &sent)?;
            Ok(json(&studio.state(rater)))
        }
    })
    .await
}

async fn undo(Shared(studio): Shared<Arc<Studio>>, headers: HeaderMap, body: Bytes) -> Response {
    visit(studio, headers, move |studio, visitor| match (visitor, serde_json::from_slice(&body)) {
        (Visitor::Owner, _) => Ok(not_here()),
        (_, Err(error)) => Ok(refusal(StatusCode::BAD_REQUEST, &error.to_string())),
        (Visitor::Rater(rater), Ok(undo)) => {
            studio.undo(rater, &undo)?;
            Ok(json(&studio.state(rater)))
        }
    })
    .await
}

async fn overview(Shared(studio): Shared<Arc<Studio>>, headers: HeaderMap) -> Response {
    visit(studio, headers, |studio, visitor| match visitor {
        Visitor::Owner => Ok(json(&studio.overview())),
        Visitor::Rater(_) => Ok(not_here()),
    })
    .await
}

async fn picture(
    Shared(studio): Shared<Arc<Studio>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    visit(studio, headers, move |studio, _| match studio.picture(&id) {
        None => Ok(refusal(StatusCode::NOT_FOUND, "there is no such picture")),
        Some(path) => shown(path),
    })
    .await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = serde_json::from_str::<crate::studio::Sent>(&text);
            let _ = serde_json::from_str::<crate::studio::Undo>(&text);
        }
    }
}
