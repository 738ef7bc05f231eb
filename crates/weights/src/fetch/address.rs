//! Addresses: which are asked, where a redirect leads, and which ways are refused.
//!
//! A redirect never leads from HTTPS to plain HTTP. Plain HTTP is asked only where the complete hash
//! of the file is known, or on the same machine: a few digits of a hash can be forged.

use ureq::http::Uri;

use crate::{Error, Result};

/// How many redirects are followed.
pub(super) const MAX_REDIRECTS: usize = 5;

/// An address that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    uri: Uri,
}

impl Address {
    /// The address to begin with.
    pub(super) fn first(url: &str, whole_hash_known: bool) -> Result<Self> {
        let address = Self::parse(url).map_err(|reason| failed(url, reason))?;
        if !address.is_https() && !address.is_loopback() && !whole_hash_known {
            let reason =
                "expected https, because only the first digits of the file's hash are known";
            return Err(failed(url, reason));
        }
        Ok(address)
    }

    fn parse(url: &str) -> std::result::Result<Self, &'static str> {
        let expected = "expected an address that begins with https:// or http://; a file on this \
                        machine is taken in by `lookalike weights import`";
        let uri: Uri = url.parse().map_err(|_| expected)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if known { Ok(Self { uri }) } else { Err(expected) }
    }

    /// Where a redirect from here leads.
    pub(super) fn next(&self, location: &str) -> Result<Self> {
        let (scheme, authority) = (
            self.uri.scheme_str().unwrap_or("https"),
            self.uri.authority().map_or("", |a| a.as_str()),
        );
        let url = if location.contains("://") {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{scheme}://{rest}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else {
            let folder = self.uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        };
        let refused =
            |reason: &str| failed(&self.to_string(), format!("redirects to {url}: {reason}"));
        let next = Self::parse(&url).map_err(refused)?;
        if self.is_https() && !next.is_https() {
            return Err(refused(
                "from https to http, where anyone on the way could change the file",
            ));
        }
        Ok(next)
    }

    fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether it is on this machine, which no proxy can reach.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost"
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.uri.fmt(f)
    }
}

fn failed(url: &str, reason: impl Into<String>) -> Error {
    Error::Download { url: url.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_where_they_come_from() {
        let from = Address::first("https://a.org/x/y.pth?q=1", true).unwrap();
        for (location, expected) in [
            ("https://b.org/z", "https://b.org/z"),
            ("//b.org/z", "https://b.org/z"),
            ("/z?k=v", "https://a.org/z?k=v"),
            ("z", "https://a.org/x/z"),
        ] {
            assert_eq!(from.next(location).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_could_be_changed_on_the_way_is_refused() {
        let https = Address::first("https://a.org/x", false).unwrap();
        for location in ["http://a.org/x", "http://127.0.0.1/x"] {
            let message = https.next(location).unwrap_err().to_string();
            assert!(message.contains("from https to http"), "{message}");
        }
        for location in ["ftp://a.org/x", "file:///etc/passwd", "javascript://x", "http://"] {
            assert!(https.next(location).is_err(), "{location}");
        }
        assert!(Address::first("http://a.org/x", true).is_ok());
        assert!(
            Address::first("http://a.org/x", false).unwrap_err().to_string().contains("digits")
        );
        for url in ["http://127.0.0.1:8/x", "http://[::1]:8/x", "http://localhost/x"] {
            assert!(Address::first(url, false).unwrap().is_loopback());
        }
        for url in ["", "/x", "a.org/x", "file:///x", "gopher://a.org"] {
            assert!(Address::first(url, true).unwrap_err().to_string().contains("import"), "{url}");
        }
        assert!(!Address::first("https://127.0.0.1.a.org/x", true).unwrap().is_loopback());
    }
}
