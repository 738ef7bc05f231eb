//! The weights that have a name: where they are published, their hashes, their licence.
//!
//! The list is `manifest.toml`, compiled in. An entry has files of its own, or is put together from
//! other entries; one with neither has to be imported from a file that the user has.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Whether weights may be used commercially.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Commercial {
    /// The licence permits it.
    Yes,
    /// The licence forbids it.
    No,
    /// The licence permits it, the pictures it was trained on have terms of their own.
    Unclear,
}

impl Commercial {
    /// `yes`, `no` or `unclear`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unclear => "unclear",
        }
    }
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFile {
    /// Where it is published.
    pub url: String,
    /// Its size, where it is known to the byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// A bound on its size, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// SHA-256, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The first digits of its SHA-256, where no more is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256_prefix: Option<String>,
}

impl PublishedFile {
    /// The last segment of the address.
    pub fn file_name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// Most bytes that a download may have.
    pub fn size_limit(&self) -> u64 {
        self.bytes.or(self.at_most).unwrap_or(0)
    }

    /// What is known of the hash: all of it, or its first digits.
    pub fn digits(&self) -> &str {
        self.sha256.as_deref().or(self.sha256_prefix.as_deref()).unwrap_or_default()
    }

    /// Whether a hash is that of this file, as far as it is known.
    pub fn is(&self, sha256: &str) -> bool {
        !self.digits().is_empty() && sha256.starts_with(self.digits())
    }
}

/// An entry that another is put together from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The other entry.
    pub name: String,
    /// What is put before the names of its tensors.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// Weights that have a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// What they are, in a few words.
    pub title: String,
    /// SPDX identifiers of the licence of the published files.
    pub licence: String,
    /// Whether they may be used commercially.
    pub commercial: Commercial,
    /// Who publishes them, and under what name.
    pub source: String,
    /// The published files.
    #[serde(default)]
    pub files: Vec<PublishedFile>,
    /// The entries it is put together from.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// How far a file is known to be the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// Its hash is the published one.
    Published,
    /// Its hash begins with the digits that are known of the published one.
    FirstDigits,
    /// It is another file: converted, trained by the user, or unknown.
    Other,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    weights: Vec<Entry>,
}

static MANIFEST: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    // A test reads the same text, so it cannot fail in a release.
    toml::from_str::<Manifest>(include_str!("manifest.toml")).map(|m| m.weights).unwrap_or_default()
});

/// All weights that have a name.
pub fn manifest() -> &'static [Entry] {
    &MANIFEST
}

/// The entry of a name.
pub(crate) fn entry(name: &str) -> Option<&'static Entry> {
    manifest().iter().find(|entry| entry.name == name)
}

/// The entry that publishes a file of this hash.
fn publisher(sha256: &str) -> Option<(&'static Entry, &'static PublishedFile)> {
    let mut files = manifest().iter().flat_map(|e| e.files.iter().map(move |file| (e, file)));
    files.find(|(_, file)| file.is(sha256))
}

pub(crate) fn known(sha256: &str) -> Known {
    match publisher(sha256) {
        Some((_, file)) if file.sha256.is_some() => Known::Published,
        Some(_) => Known::FirstDigits,
        None => Known::Other,
    }
}

/// The name under which a file is published, if that is neither the given name nor one of its parts.
/// The six heads of LPIPS can be told apart by nothing else.
pub(crate) fn published_otherwise(sha256: &str, name: &str) -> Option<&'static str> {
    let asked = entry(name)?;
    let (published, _) = publisher(sha256)?;
    let expected =
        published.name == name || asked.parts.iter().any(|part| part.name == published.name);
    (!expected).then_some(published.name.as_str())
}

pub(crate) fn licence(sha256: &str) -> Option<&'static str> {
    publisher(sha256).map(|(entry, _)| entry.licence.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Specification;

    #[test]
    fn the_manifest_makes_sense() {
        let parsed: Manifest = toml::from_str(include_str!("manifest.toml")).unwrap();
        assert_eq!(parsed.weights, manifest());
        assert!(manifest().len() >= 19);
        for entry in manifest() {
            let specification = Specification::of(&entry.name).unwrap();
            assert!(specification.parameters() > 0);
            assert!(entry.files.is_empty() || entry.parts.is_empty(), "{}", entry.name);
            assert_eq!(manifest().iter().filter(|e| e.name == entry.name).count(), 1);
            for file in &entry.files {
                assert!(file.url.starts_with("https://") && !file.file_name().is_empty());
                assert!(file.size_limit() > 0 && file.bytes.is_none_or(|_| file.at_most.is_none()));
                assert!(file.sha256.is_none() != file.sha256_prefix.is_none(), "{}", entry.name);
                assert!(file.sha256.as_ref().is_none_or(|hash| hash.len() == 64));
                assert!(file.digits().len() >= 8);
                assert!(file.digits().bytes().all(|d| b"0123456789abcdef".contains(&d)));
                // Files of PyTorch carry the first digits of their hash in their name.
                if let Some((_, digits)) =
                    file.file_name().trim_end_matches(".pth").rsplit_once('-')
                {
                    assert!(file.digits().starts_with(digits), "{}", entry.name);
                }
            }
            let mut names: Vec<String> = Vec::new();
            for part in &entry.parts {
                assert!(super::entry(&part.name).is_some_and(|e| e.parts.is_empty()));
                let part_specification = Specification::of(&part.name).unwrap();
                names.extend(
                    part_specification.tensors().map(|(n, _)| format!("{}{n}", part.prefix)),
                );
            }
            if !entry.parts.is_empty() {
                let mut expected: Vec<_> =
                    specification.tensors().map(|(name, _)| name.to_owned()).collect();
                names.sort();
                expected.sort();
                assert_eq!(names, expected, "{}", entry.name);
            }
        }
    }

    #[test]
    fn hashes_are_looked_up() {
        let alex = "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0";
        assert_eq!((known(alex), licence(alex)), (Known::Published, Some("BSD-2-Clause")));
        let resnet = format!("f37072fd{}", "0".repeat(56));
        assert_eq!(known(&resnet), Known::FirstDigits);
        assert_eq!(published_otherwise(alex, "lpips-head-alex-0.0"), Some("lpips-head-alex-0.1"));
        for name in ["lpips-head-alex-0.1", "lpips-heads", "lpips-alex-0.1", "one of the user's"] {
            assert_eq!(published_otherwise(alex, name), None, "{name}");
        }
        assert_eq!((known(&"0".repeat(64)), licence("")), (Known::Other, None));
    }
}
