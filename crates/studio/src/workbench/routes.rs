//! The interface of the workbench: searches for shops and pages, pictures, labels, agreement, evaluation.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::multipart::Multipart;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Router, extract};
use tokio::sync::Semaphore;

use super::Workbench;
use super::parameters::Parameters;
use crate::collecting::{apart, shown, token};
use crate::error::Result;
use crate::respond::{json, refusal, written};

/// The largest body of a search, in bytes.
const LARGEST_UPLOAD: usize = 32 << 20;
/// Searches and evaluations at a time; each uses all threads where it can.
const AT_ONCE: usize = 2;
/// For how long others wait for their turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// A workbench and whose turn it is.
#[derive(Clone)]
struct Served {
    workbench: Arc<Workbench>,
    turns: Arc<Semaphore>,
}

/// The routes.
pub(crate) fn routes(workbench: Arc<Workbench>) -> Router {
    let served = Served { workbench, turns: Arc::new(Semaphore::new(AT_ONCE)) };
    let mut router = Router::new()
        .route("/api/search", post(search))
        .route("/api/catalogue", tell(Workbench::record))
        .route("/api/catalogue/{number}/{id}", get(picture))
        .route("/api/labels", tell(Workbench::labels))
        .route("/api/agreement", tell(Workbench::agreement))
        .route("/api/evaluation", tell(Workbench::evaluation));
    router = router.layer(DefaultBodyLimit::max(LARGEST_UPLOAD));
    router.with_state(served)
}

/// What a function says as JSON.
fn tell(what: fn(&Workbench) -> Result<String>) -> MethodRouter<Served> {
    get(move |served: Shared<Served>, headers: HeaderMap| told(served, headers, what))
}

fn unknown() -> Response {
    let mut response = refusal(
        StatusCode::UNAUTHORIZED,
        "expected the token that was printed: Authorization: Bearer TOKEN",
    );
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    response
}

/// Work that takes a while, for whoever may have it, when it is their turn.
async fn in_turn(
    Served { workbench, turns }: Served,
    work: impl FnOnce(&Workbench) -> Result<Response> + Send + 'static,
) -> Response {
    let Ok(Ok(turn)) = tokio::time::timeout(PATIENCE, turns.acquire_owned()).await else {
        let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, "too many ask at once");
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        return response;
    };
    apart(move || {
        let done = work(&workbench);
        drop(turn);
        done
    })
    .await
}

async fn told(
    Shared(served): Shared<Served>,
    headers: HeaderMap,
    what: fn(&Workbench) -> Result<String>,
) -> Response {
    match served.workbench.access().allows(token(&headers)) {
        true => in_turn(served, move |workbench| Ok(written(what(workbench)?))).await,
        false => unknown(),
    }
}

async fn picture(
    Shared(served): Shared<Served>,
    headers: HeaderMap,
    Path((number, id)): Path<(usize, u64)>,
) -> Response {
    if !served.workbench.access().allows(token(&headers)) {
        return unknown();
    }
    apart(move || shown(&served.workbench.picture(number, id)?)).await
}

/// The parameters and the picture of a search.
struct Asked {
    parameters: Parameters,
    picture: Option<(String, Bytes)>,
}

async fn search(
    Shared(served): Shared<Served>,
    query: std::result::Result<Query<Vec<(String, String)>>, extract::rejection::QueryRejection>,
    request: Request,
) -> Response {
    if !served.workbench.access().allows(token(request.headers())) {
        return unknown();
    }
    let Ok(Query(query)) = query else {
        return refusal(StatusCode::BAD_REQUEST, "the query of the address cannot be read");
    };
    match asked(query, request).await {
        Err(response) => response,
        Ok(Asked { parameters, picture }) => {
            in_turn(served, move |workbench| {
                let picture = picture.as_ref().map(|(name, bytes)| (name.as_str(), &bytes[..]));
                Ok(json(&workbench.search(&parameters, picture)?))
            })
            .await
        }
    }
}

async fn asked(
    query: Vec<(String, String)>,
    request: Request,
) -> std::result::Result<Asked, Response> {
    let wrong = |reason: String| refusal(StatusCode::BAD_REQUEST, &reason);
    let refused = |rejection: Response| {
        // Too large, or broken off: the status says which.
        let status = rejection.status();
        let reason = match status {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("the body is larger than {} MiB", LARGEST_UPLOAD >> 20)
            }
            _ => "the body cannot be read".to_owned(),
        };
        refusal(status, &reason)
    };
    let mut parameters = Parameters::default();
    for (name, value) in query {
        parameters.set(&name, &value).map_err(wrong)?;
    }
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut picture = None;
    match kind.as_str() {
        "multipart/form-data" => {
            let form = Multipart::from_request(request, &()).await;
            let mut form = form.map_err(|rejection| refused(rejection.into_response()))?;
            let broken =
                |error: axum::extract::multipart::MultipartError| refused(error.into_response());
            while let Some(field) = form.next_field().await.map_err(broken)? {
                let name = field.name().unwrap_or_default().to_owned();
                if name == "picture" {
                    let file = field.file_name().unwrap_or_default().to_owned();
                    let bytes = field.bytes().await.map_err(broken)?;
                    // A form without a chosen file sends an empty one.
                    if !bytes.is_empty() {
                        picture = Some((
                            if file.is_empty() { "picture".to_owned() } else { file },
                            bytes,
                        ));
                    }
                } else {
                    let value = field.text().await.map_err(broken)?;
                    parameters.set(&name, &value).map_err(wrong)?;
                }
            }
        }
        "application/json" => {
            let body = body(request).await.map_err(refused)?;
            parameters.set_all(&body).map_err(wrong)?;
        }
        kind if kind.starts_with("image/") || kind == "application/octet-stream" => {
            let body = body(request).await.map_err(refused)?;
            picture = Some(("picture".to_owned(), body));
        }
        _ => {
            return Err(refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "expected the bytes of a picture (image/… or application/octet-stream), a form \
                 (multipart/form-data) with a field 'picture', or application/json with an 'id'",
            ));
        }
    }
    Ok(Asked { parameters, picture })
}

async fn body(request: Request) -> std::result::Result<Bytes, Response> {
    Bytes::from_request(request, &()).await.map_err(IntoResponse::into_response)
}
