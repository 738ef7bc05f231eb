//! How a server is reached and how long it is waited for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::unreadable;
use crate::store::EmbeddedOptions;
use crate::{Error, Result};

/// What a server knows a client by: `user:password`, or a key. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token; spaces around it are no part of it.
    ///
    /// # Errors
    /// [`Error::Request`] for one that is empty or cannot be sent.
    pub fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
            let reason = "the token of the server is empty, or has other characters than letters, digits and \
                          signs of ASCII; expected user:password or a key";
            return Err(Error::Request(reason.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Reads a file that holds nothing else.
    ///
    /// # Errors
    /// [`Error::Read`], and those of [`new`](Self::new).
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(&std::fs::read_to_string(path).map_err(unreadable(path))?)
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MilvusOptions {
    /// What the server knows us by.
    pub token: Option<Token>,
    /// Certificates (PEM) that the server's is checked against, instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key (PEM), where the server asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Allows connections to other machines that are not encrypted.
    pub insecure: bool,
    /// How long to wait for a connection.
    pub connect: Duration,
    /// How long one call may take.
    pub call: Duration,
    /// How long calls are repeated in all where the server is away, busy or slow.
    pub patience: Duration,
    /// How long the server may take to bring rows onto its disks, and to make or load an index.
    pub preparation: Duration,
    /// Whether every read sees all that was acknowledged before, and not only all that is some seconds old
    /// and what was written here.
    pub strong: bool,
    /// Rows from which an approximate index is kept.
    pub approximate_from: usize,
}

impl Default for MilvusOptions {
    fn default() -> Self {
        Self {
            token: None,
            ca_file: None,
            identity: None,
            insecure: false,
            connect: Duration::from_secs(10),
            call: Duration::from_secs(20),
            patience: Duration::from_secs(60),
            preparation: Duration::from_secs(3600),
            strong: false,
            approximate_from: EmbeddedOptions::default().approximate_from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_not_shown() {
        let token = Token::new(" root:secret\n").unwrap();
        assert_eq!(token.expose(), "root:secret");
        let options = MilvusOptions { token: Some(token), ..MilvusOptions::default() };
        assert!(!format!("{options:?}").contains("secret"));
        assert!(Token::new(" ").is_err() && Token::new("a b").is_err());
    }
}
