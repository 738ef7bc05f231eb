//! One file over HTTP(S), continued where it broke off.
//!
//! A server that cannot continue, has another version by now or sends a wrong range begins anew, once.
//! A transfer that ends early or stalls is taken up again a few times. What is complete is compared
//! with the published hash, and removed if it is another file.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;

use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, Timeout};

use super::address::{Address, MAX_REDIRECTS};
use super::headers::{content_length, content_range, text, validator};
use super::partial::{Origin, Partial};
use super::{Event, FetchOptions, shown};
use crate::manifest::PublishedFile;
use crate::{Error, Result};

/// Why an attempt did not complete the file.
enum Trouble {
    /// Nothing that another attempt would change.
    Final(Error),
    /// What is there cannot be continued.
    Anew(String),
    /// It may go on from here.
    Again(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Completes the file, whose hash is the published one afterwards.
pub(super) fn download(
    name: &str,
    url: &str,
    file: &PublishedFile,
    partial: &Partial,
    options: &FetchOptions,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    let failed = |reason: String| Error::Download { url: url.to_owned(), reason };
    let (mut anew, mut retries) = (false, 0);
    let mut backoff = options.backoff;
    loop {
        let before = partial.held(url).map_or(0, |(held, _)| held);
        match attempt(name, url, file, partial, options, on_event) {
            Ok(continued) => {
                let found = partial.sha256()?;
                if file.is(&found) {
                    return Ok(());
                }
                partial.discard()?;
                if continued && !std::mem::replace(&mut anew, true) {
                    on_event(Event::Again {
                        reason: "the pieces do not make the file; from the start",
                    });
                    continue;
                }
                return Err(Error::Checksum { url: url.to_owned(), expected: shown(file), found });
            }
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Anew(reason)) => {
                partial.discard()?;
                if std::mem::replace(&mut anew, true) {
                    return Err(failed(reason));
                }
                on_event(Event::Again { reason: &reason });
            }
            Err(Trouble::Again(reason)) => {
                let held = partial.held(url).map_or(0, |(held, _)| held);
                // Only attempts that bring nothing count towards giving up.
                if held > before {
                    (retries, backoff) = (0, options.backoff);
                }
                if retries == options.retries {
                    let rest = if held > 0 {
                        format!("; {held} bytes are kept, run the command again to continue")
                    } else {
                        String::new()
                    };
                    return Err(failed(format!("{reason}{rest}")));
                }
                retries += 1;
                on_event(Event::Again { reason: &reason });
                std::thread::sleep(backoff);
                backoff = backoff.saturating_mul(2);
            }
        }
    }
}

/// One request and its body. Whether the file was continued rather than begun.
fn attempt(
    name: &str,
    url: &str,
    file: &PublishedFile,
    partial: &Partial,
    options: &FetchOptions,
    on_event: &mut dyn FnMut(Event<'_>),
) -> std::result::Result<bool, Trouble> {
    let failed = |reason: String| Error::Download { url: url.to_owned(), reason };
    let held = partial.held(url);
    let response = ask(url, file, held.as_ref(), options)?;
    let validator = validator(&response);
    let status = response.status();
    let (mut out, start, total) = match (status, held) {
        (StatusCode::OK, _) => {
            let total = content_length(&response);
            check_total(total, file, url)?;
            let origin =
                Origin { url: url.to_owned(), validator: validator.unwrap_or_default(), total };
            (partial.begin(&origin)?, 0, total)
        }
        (StatusCode::PARTIAL_CONTENT, Some((held, origin))) => {
            if validator.is_some_and(|now| now != origin.validator) {
                return Err(Trouble::Anew("the file on the server has changed".to_owned()));
            }
            let Some((start, total)) = content_range(&response) else {
                return Err(Trouble::Anew(
                    "the server sends a part without saying which".to_owned(),
                ));
            };
            if start != held || (origin.total.is_some() && total != origin.total) {
                return Err(Trouble::Anew(format!(
                    "asked for the bytes from {held} on, the server sends those from {start} on of \
                     another total"
                )));
            }
            check_total(total, file, url)?;
            (partial.append()?, held, total)
        }
        (StatusCode::PARTIAL_CONTENT, None) => {
            return Err(Trouble::Anew("the server sends a part that was not asked for".to_owned()));
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, _) => {
            return Err(Trouble::Anew(
                "the server has no bytes beyond those that are held".to_owned(),
            ));
        }
        (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS, _) => {
            return Err(Trouble::Again(format!("the server answers {status}")));
        }
        _ if status.is_server_error() => {
            return Err(Trouble::Again(format!("the server answers {status}")));
        }
        _ => return Err(failed(format!("the server answers {status}")).into()),
    };
    on_event(Event::Start { name, url, held: start, total });
    let got = copy(response, &mut out, start, file, partial, on_event)?;
    match total {
        Some(total) if got < total => {
            Err(Trouble::Again(format!("the transfer ended after {got} of {total} bytes")))
        }
        _ => Ok(start > 0),
    }
}

fn copy(
    response: Response<Body>,
    out: &mut File,
    start: u64,
    file: &PublishedFile,
    partial: &Partial,
    on_event: &mut dyn FnMut(Event<'_>),
) -> std::result::Result<u64, Trouble> {
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut held = start;
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => return Ok(held),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let reason = format!("the transfer broke off after {held} bytes: {error}");
                return Err(Trouble::Again(reason));
            }
        };
        held += read as u64;
        if held > file.size_limit() {
            partial.discard()?;
            return Err(Trouble::Final(too_large(&file.url, held, file)));
        }
        out.write_all(&buffer[..read]).map_err(|reason| partial.failed(reason))?;
        on_event(Event::Held(held));
    }
}

/// Asks for the file or the rest of it, and follows redirects.
fn ask(
    url: &str,
    file: &PublishedFile,
    held: Option<&(u64, Origin)>,
    options: &FetchOptions,
) -> std::result::Result<Response<Body>, Trouble> {
    let mut address = Address::first(url, file.sha256.is_some())?;
    for _ in 0..=MAX_REDIRECTS {
        let mut request = agent(&address, options).get(address.to_string());
        if let Some((held, origin)) = held {
            request = request
                .header(header::RANGE, format!("bytes={held}-"))
                .header(header::IF_RANGE, &origin.validator);
        }
        let response = request.call().map_err(|error| trouble(url, error))?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let Some(location) = text(&response, header::LOCATION) else {
            let reason =
                format!("the server answers {} without saying where to", response.status());
            return Err(Error::Download { url: url.to_owned(), reason }.into());
        };
        address = address.next(&location)?;
    }
    let reason = format!("more than {MAX_REDIRECTS} redirects, the last to {address}");
    Err(Error::Download { url: url.to_owned(), reason }.into())
}

fn trouble(url: &str, error: ureq::Error) -> Trouble {
    match error {
        ureq::Error::Timeout(what) => Trouble::Again(match what {
            Timeout::Connect | Timeout::Resolve => "no connection in time".to_owned(),
            _ => "the server is silent".to_owned(),
        }),
        ureq::Error::Io(error)
            if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) =>
        {
            let reason = format!(
                "no secure connection: {error}. Accepted are the certificates that the operating \
                 system trusts; on Linux, SSL_CERT_FILE names a file of others"
            );
            Trouble::Final(Error::Download { url: url.to_owned(), reason })
        }
        ureq::Error::Io(error) => Trouble::Again(format!("no connection: {error}")),
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => {
            Trouble::Again(format!("no connection: {error}"))
        }
        other => Trouble::Final(Error::Download { url: url.to_owned(), reason: other.to_string() }),
    }
}

/// An agent for one request. Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`,
/// `ALL_PROXY`, `NO_PROXY`); certificates are those that the operating system trusts.
fn agent(address: &Address, options: &FetchOptions) -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let mut config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("lookalike/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(options.stall))
        .timeout_connect(Some(options.stall))
        .timeout_recv_response(Some(options.stall))
        .timeout_per_read(Some(options.stall));
    if address.is_loopback() {
        config = config.proxy(None);
    }
    config.build().into()
}

fn check_total(
    total: Option<u64>,
    file: &PublishedFile,
    url: &str,
) -> std::result::Result<(), Trouble> {
    match (total, file.bytes) {
        (Some(total), Some(bytes)) if total != bytes => Err(Trouble::Anew(format!(
            "the server announces {total} bytes, the published file has {bytes}"
        ))),
        (Some(total), None) if total > file.size_limit() => {
            Err(Trouble::Final(too_large(url, total, file)))
        }
        _ => Ok(()),
    }
}

fn too_large(url: &str, bytes: u64, file: &PublishedFile) -> Error {
    let reason = format!("{bytes} bytes or more, expected {} at most", file.size_limit());
    Error::Download { url: url.to_owned(), reason }
}
