//! Who may search a store and see what people said.
//!
//! On this machine alone, whoever can reach the port; where others can reach it, whoever has the token. Raters
//! have tokens of their own, which open nothing but their questions.

use std::net::SocketAddr;

use sha2::{Digest, Sha256};

/// The least bytes of a token that somebody chose.
const SHORTEST: usize = 16;

/// Who may use a workbench.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    token: Option<String>,
}

impl Access {
    /// For an address: with a token where others can reach it, or where one is demanded. `given` is a token that
    /// was chosen; without one it is drawn.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub fn of(address: SocketAddr, demanded: bool, given: Option<String>) -> Result<Self, String> {
        if let Some(given) = &given
            && (given.len() < SHORTEST || !given.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(format!(
                "expected a token of {SHORTEST} visible ASCII characters at least, found {}",
                given.len()
            ));
        }
        let open = address.ip().is_loopback() && !demanded && given.is_none();
        let token = (!open).then(|| given.unwrap_or_else(crate::store::token));
        Ok(Self { token })
    }

    /// The token, where one is needed.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether somebody with this token may.
    pub(super) fn allows(&self, given: Option<&str>) -> bool {
        match &self.token {
            None => true,
            // Comparing hashes tells nothing about the token by the time it takes.
            Some(token) => {
                given.is_some_and(|given| Sha256::digest(given) == Sha256::digest(token))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_need_the_token() {
        let here: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let everywhere: SocketAddr = "0.0.0.0:1".parse().unwrap();
        let open = Access::of(here, false, None).unwrap();
        assert!(open.token().is_none() && open.allows(None));
        for access in [Access::of(everywhere, false, None), Access::of(here, true, None)] {
            let access = access.unwrap();
            assert_eq!(access.token().map(str::len), Some(32));
            assert!(access.allows(access.token()) && !access.allows(None));
            assert!(!access.allows(Some("")) && !access.allows(Some("other")));
        }
        let chosen = "a-token-of-a-shop".to_owned();
        let access = Access::of(everywhere, false, Some(chosen.clone())).unwrap();
        assert_eq!(access.token(), Some(chosen.as_str()));
        for wrong in ["short", "with a blank in it", "Umlaute-äöü-sind-es-nicht"] {
            assert!(Access::of(here, false, Some(wrong.to_owned())).is_err(), "{wrong}");
        }
    }
}
