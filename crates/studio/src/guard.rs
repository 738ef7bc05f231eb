//! Which requests are answered at all, and what browsers are told about every answer.
//!
//! A `Host` that is a name other than `localhost` is refused, since a name can be made to point here (DNS
//! rebinding), unless it was said to be this server's. So is an `Origin` other than the page's own, and whatever
//! a browser says to come from another site, but for following a link. Programs that are no browsers send
//! neither.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::respond::refusal;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Names by which this server may be called, besides addresses and `localhost`.
pub(crate) type Hosts = Arc<Vec<String>>;

/// Whether a `Host` cannot have been made to point here: an address, this machine's own name, or a known one.
fn is_own(host: &str, known: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    is("localhost") || name.parse::<IpAddr>().is_ok() || known.iter().any(|known| is(known))
}

/// Whether a request comes from a page of this server, or from no page.
fn is_from_here(method: &Method, headers: &HeaderMap, known: &[String]) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = text(header::HOST).unwrap_or("");
    let same = |origin: &str| match origin.split_once("://") {
        // Behind a proxy the page may have come encrypted.
        Some(("http" | "https", origin)) => origin == host,
        _ => false,
    };
    let site = text(HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
    let mode = text(HeaderName::from_static("sec-fetch-mode")).unwrap_or("");
    let follows = *method == Method::GET && mode == "navigate";
    is_own(host, known)
        && text(header::ORIGIN).is_none_or(same)
        && (matches!(site, "none" | "same-origin") || follows)
}

/// Refuses what comes from elsewhere, and tells browsers to keep the pages to themselves.
pub(crate) async fn guard(Shared(known): Shared<Hosts>, request: Request, next: Next) -> Response {
    let mut response = match is_from_here(request.method(), request.headers(), &known) {
        true => next.run(request).await,
        false => refusal(StatusCode::FORBIDDEN, "open the link as it was printed"),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_that_could_be_anybodys_are_refused() {
        for host in ["127.0.0.1:80", "localhost:80", "LOCALHOST", "[::1]:80", "192.168.0.7:8642"] {
            assert!(is_own(host, &[]), "{host}");
        }
        for host in ["", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "["]
        {
            assert!(!is_own(host, &[]), "{host}");
        }
        assert!(is_own("shop.example:80", &["shop.example".to_owned()]));
    }

    #[test]
    fn pages_of_others_are_refused() {
        let headers = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:7878"));
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_str(value).unwrap());
            }
            headers
        };
        let from_here = |method: Method, pairs: &[(&'static str, &str)]| {
            is_from_here(&method, &headers(pairs), &[])
        };
        let get = |pairs: &[(&'static str, &str)]| from_here(Method::GET, pairs);
        let post = |pairs: &[(&'static str, &str)]| from_here(Method::POST, pairs);
        assert!(get(&[]) && post(&[]) && post(&[("origin", "http://127.0.0.1:7878")]));
        assert!(post(&[("sec-fetch-site", "same-origin"), ("origin", "https://127.0.0.1:7878")]));
        assert!(get(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!post(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!get(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]));
        assert!(!get(&[("sec-fetch-site", "same-site")]));
        for origin in
            ["null", "http://127.0.0.1:80", "http://evil.example", "file://127.0.0.1:7878"]
        {
            assert!(!post(&[("origin", origin)]), "{origin}");
        }
    }

    proptest! {
        #[test]
        fn any_host_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = is_own(&text, &[]);
        }
    }
}
