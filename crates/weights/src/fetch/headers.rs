//! What the headers of an answer say of the file.

use ureq::Body;
use ureq::http::{Response, header};

/// A header as text.
pub(super) fn text(response: &Response<Body>, name: header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(|text| text.trim().to_owned())
}

/// Bytes that the body is said to have.
pub(super) fn content_length(response: &Response<Body>) -> Option<u64> {
    text(response, header::CONTENT_LENGTH)?.parse().ok()
}

/// What identifies the version of the file: a strong entity tag, else the date of modification.
pub(super) fn validator(response: &Response<Body>) -> Option<String> {
    let tag = text(response, header::ETAG).filter(|tag| !tag.starts_with("W/"));
    tag.or_else(|| text(response, header::LAST_MODIFIED))
}

/// First byte and total of `bytes 100-199/200`; the total may be unknown.
pub(super) fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let range = text(response, header::CONTENT_RANGE)?;
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = span.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}
