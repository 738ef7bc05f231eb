//! The web server: pages that are part of the program, and an interface for them.
//!
//! Tokens are in the part of a link after `#`, which browsers send nowhere, and travel in a header that no
//! other page can set. A `Host` that is a name other than `localhost` is refused, since a name can be made
//! to point here (DNS rebinding), and so is an `Origin` other than the page's own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::pictures::show;
use crate::studio::{Studio, Visitor};

/// For how long requests under way may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(2);
/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 16 << 10;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An address that is listened on.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    studio: Arc<Studio>,
}

impl Server {
    /// Listens on an address; port 0 takes any that is free.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub fn bind(studio: Arc<Studio>, address: SocketAddr) -> Result<Self> {
        let failed = |reason| Error::Serve { address: address.to_string(), reason };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { runtime, listener, address, studio })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `ended` says so, which is asked a few times a second.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub fn run(self, mut ended: impl FnMut() -> bool + Send + 'static) -> Result<()> {
        let Self { runtime, listener, address, studio } = self;
        let (end, mut ending) = tokio::sync::watch::channel(false);
        let mut also = end.subscribe();
        let served = runtime.block_on(async move {
            tokio::spawn(async move {
                while !ended() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                let _ = end.send(true);
            });
            let serving = axum::serve(listener, router(studio)).with_graceful_shutdown(async move {
                let _ = ending.wait_for(|ended| *ended).await;
            });
            tokio::select! {
                served = async { serving.await } => served,
                () = async { let _ = also.wait_for(|ended| *ended).await; tokio::time::sleep(GRACE).await; } => Ok(()),
            }
        });
        runtime.shutdown_timeout(GRACE);
        served.map_err(|reason| Error::Serve { address: address.to_string(), reason })
    }
}

fn router(studio: Arc<Studio>) -> Router {
    let page = |media_type: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, media_type)], text) })
    };
    const HTML: &str = "text/html; charset=utf-8";
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    Router::new()
        .route("/", page(HTML, include_str!("page/rate.html")))
        .route("/rate.js", page(SCRIPT, include_str!("page/rate.js")))
        .route("/overview", page(HTML, include_str!("page/overview.html")))
        .route("/overview.js", page(SCRIPT, include_str!("page/overview.js")))
        .route("/style.css", page("text/css; charset=utf-8", include_str!("page/style.css")))
        .route("/api/state", get(state))
        .route("/api/answer", post(answer))
        .route("/api/undo", post(undo))
        .route("/api/overview", get(overview))
        .route("/api/picture/{id}", get(picture))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(guard))
        .with_state(studio)
}

/// Whether a `Host` cannot have been made to point here: an address, or this machine's own name.
fn is_own(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Whether a request comes from a page of this server.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = text(header::HOST).unwrap_or("");
    let origin = text(header::ORIGIN);
    is_own(host) && origin.is_none_or(|origin| origin.strip_prefix("http://") == Some(host))
}

async fn guard(request: Request, next: Next) -> Response {
    let mut response = match is_from_here(request.headers()) {
        true => next.run(request).await,
        false => refusal(StatusCode::FORBIDDEN, "open the link as it was printed"),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, json(&serde_json::json!({ "error": reason }))).into_response()
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn visitor(studio: &Studio, headers: &HeaderMap) -> Option<Visitor> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    studio.visitor(token)
}

/// Work that waits for the disk, away from the thread that serves, for whoever may have it.
async fn visit(
    studio: Arc<Studio>,
    headers: HeaderMap,
    work: impl FnOnce(&Studio, Visitor) -> Result<Response> + Send + 'static,
) -> Response {
    let Some(visitor) = visitor(&studio, &headers) else {
        return refusal(StatusCode::UNAUTHORIZED, "this link is not known here");
    };
    match tokio::task::spawn_blocking(move || work(&studio, visitor)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error @ Error::Conflict(_))) => refusal(StatusCode::CONFLICT, &error.to_string()),
        Ok(Err(error)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "the server failed"),
    }
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
        Some(path) => {
            let shown = show(path)?;
            Ok(([(header::CONTENT_TYPE, shown.media_type)], Body::from(shown.bytes))
                .into_response())
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_that_could_be_anybodys_are_refused() {
        for host in ["127.0.0.1:80", "localhost:80", "LOCALHOST", "[::1]:80", "192.168.0.7:8642"] {
            assert!(is_own(host), "{host}");
        }
        for host in ["", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "["]
        {
            assert!(!is_own(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_host_and_body_are_read_or_refused(text in "\\PC{0,40}") {
            let _ = is_own(&text);
            let _ = serde_json::from_str::<crate::studio::Sent>(&text);
            let _ = serde_json::from_str::<crate::studio::Undo>(&text);
        }
    }
}
