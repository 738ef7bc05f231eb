//! Where a catalogue on a server is: `milvus+https://host:port/database/catalogue`.

use std::net::IpAddr;

use crate::{Error, Result};

const PORT: u16 = 19530;
/// The database that every server has.
const DATABASE: &str = "default";
/// The catalogue of an address that names none.
const CATALOGUE: &str = "catalogue";
/// The most letters of a name: with what is put around it, below what a server takes.
const LONGEST: usize = 64;

/// The address of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MilvusAddress {
    host: String,
    port: u16,
    /// Whether the connection is encrypted.
    secure: bool,
    database: String,
    catalogue: String,
}

impl MilvusAddress {
    /// Reads `milvus+http(s)://host[:port][/database[/catalogue]]`.
    ///
    /// # Errors
    /// [`Error::Request`] with what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |reason: &str| {
            Error::Request(format!(
                "{reason}; expected milvus+https://host:19530/database/catalogue, or milvus+http:// for this \
                 machine, found '{}'",
                without_credentials(text)
            ))
        };
        let (secure, rest) = match text.split_once("://") {
            Some(("milvus+https", rest)) => (true, rest),
            Some(("milvus+http", rest)) => (false, rest),
            _ => return Err(wrong("the address of a store has an unknown scheme")),
        };
        let mut parts = rest.split('/');
        let place = parts.next().unwrap_or_default();
        if rest.contains('@') {
            return Err(wrong(
                "an address holds no names or passwords; they are read from LOOKALIKE_MILVUS_TOKEN or a file",
            ));
        }
        if rest.contains(['?', '#']) {
            return Err(wrong("an address has no parameters"));
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong("the port is no number"))?)
            }
            _ => (place, PORT),
        };
        let plain = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        if plain.is_empty() || !plain.chars().all(allowed) {
            return Err(wrong("the address names no host"));
        }
        let mut name = |default: &str, what: &str| match parts.next() {
            None | Some("") => Ok(default.to_owned()),
            Some(name) if is_name(name) => Ok(name.to_owned()),
            Some(_) => Err(wrong(&format!(
                "the name of a {what} has at most {LONGEST} letters, digits and _, and begins with a letter"
            ))),
        };
        let (database, catalogue) = (name(DATABASE, "database")?, name(CATALOGUE, "catalogue")?);
        if parts.any(|part| !part.is_empty()) {
            return Err(wrong("the address has more parts than a database and a catalogue"));
        }
        Ok(Self { host: host.to_owned(), port, secure, database, catalogue })
    }

    /// What a gRPC client connects to.
    pub(super) fn endpoint(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether what is sent stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// The name of the collection of a fingerprint's digest.
    pub(super) fn collection(&self, digest: &str) -> String {
        format!("vsd_{}_{digest}", self.catalogue)
    }

    /// Whether a collection is this catalogue's, whatever its fingerprint.
    pub(super) fn owns(&self, collection: &str) -> bool {
        let prefix = format!("vsd_{}_", self.catalogue);
        let digest = collection.strip_prefix(&prefix);
        digest.is_some_and(|digest| {
            digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

impl std::fmt::Display for MilvusAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port, database, catalogue, .. } = self;
        let scheme = if self.secure { "milvus+https" } else { "milvus+http" };
        write!(f, "{scheme}://{host}:{port}/{database}/{catalogue}")
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A text for a message, without what stands before an `@`.
fn without_credentials(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (_, Some((_, host))) => format!("…@{host}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, full, endpoint) in [
            (
                "milvus+http://127.0.0.1",
                "milvus+http://127.0.0.1:19530/default/catalogue",
                "http://127.0.0.1:19530",
            ),
            (
                "milvus+https://db.example.org:443/shop/",
                "milvus+https://db.example.org:443/shop/catalogue",
                "https://db.example.org:443",
            ),
            ("milvus+http://[::1]:7/a/b_2", "milvus+http://[::1]:7/a/b_2", "http://[::1]:7"),
            (
                "milvus+http://[::1]/a",
                "milvus+http://[::1]:19530/a/catalogue",
                "http://[::1]:19530",
            ),
        ] {
            let address = MilvusAddress::parse(text).unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.endpoint().as_str()),
                (full, endpoint)
            );
            assert_eq!(MilvusAddress::parse(full).unwrap(), address);
        }
        for text in [
            "http://a/b",
            "milvus+http://",
            "milvus+http://a:b/c",
            "milvus+http://a/b/c/d",
            "milvus+http://a/b-c",
            "milvus+http://a/b?x=1",
            "milvus+http://a/2b",
            "folder",
        ] {
            assert!(MilvusAddress::parse(text).is_err(), "{text}");
        }
        let told = MilvusAddress::parse("milvus+http://root:secret@a/b").unwrap_err().to_string();
        assert!(!told.contains("secret") && told.contains("LOOKALIKE_MILVUS_TOKEN"), "{told}");
    }

    #[test]
    fn plain_connections_stay_on_the_machine() {
        let loopback = |host: &str| {
            MilvusAddress::parse(&format!("milvus+http://{host}/a")).unwrap().is_loopback()
        };
        assert!(loopback("localhost") && loopback("127.3.2.1:80") && loopback("[::1]:80"));
        assert!(!loopback("10.0.0.1") && !loopback("localhost.example.org"));
    }

    #[test]
    fn collections_belong_to_one_catalogue() {
        let address = MilvusAddress::parse("milvus+http://a/b/shoes").unwrap();
        assert!(address.owns(&address.collection("0123456789ab")));
        for other in ["vsd_shoes_red_0123456789ab", "vsd_shoes_0123", "vsd_shoe_0123456789ab", "x"]
        {
            assert!(!address.owns(other), "{other}");
        }
    }
}
