//! What the server says: JSON, and why not.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => written(text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A text that is JSON already.
pub(crate) fn written(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// `{"error": …}` with a status.
pub(crate) fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, json(&serde_json::json!({ "error": reason }))).into_response()
}
