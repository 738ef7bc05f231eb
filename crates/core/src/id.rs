//! Names of metrics: `family[:variant][@profile][+option[=value]]…`.
//!
//! `ssim` is a family, `ssim:y` its luma variant, `ssim:y@wang` the profile that fixes every
//! choice on which implementations differ, `psnr:y@studio+shave=4` the same with an option that
//! changes the value. Two equal ids mean the same number, in every release.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The name of a metric: family, variant, profile and the options that change its value.
///
/// Options are kept sorted by name, so that equal metrics have equal ids.
///
/// ```
/// use lookalike_core::MetricId;
/// let id: MetricId = "psnr:y@studio+shave=4".parse()?;
/// assert_eq!((id.family(), id.variant(), id.profile()), ("psnr", Some("y"), Some("studio")));
/// assert_eq!(id.option("shave"), Some("4"));
/// assert_eq!(id.to_string(), "psnr:y@studio+shave=4");
/// assert!("ssim@".parse::<MetricId>().is_err());
/// # Ok::<(), lookalike_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId {
    family: String,
    variant: Option<String>,
    profile: Option<String>,
    options: Vec<(String, String)>,
}

/// Longest id that is read: far above any real one, small enough to print in an error.
const MAX_LENGTH: usize = 1024;

impl MetricId {
    /// The family, such as `ssim`.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The variant, such as `y` in `ssim:y@wang`.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// The profile, such as `wang` in `ssim:y@wang`.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The options that change the value, sorted by name. A flag has the empty value.
    pub fn options(&self) -> &[(String, String)] {
        &self.options
    }

    /// The value of one option; the empty string for a flag such as `+grey`.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The same id without its options.
    pub fn without_options(&self) -> Self {
        Self { options: Vec::new(), ..self.clone() }
    }

    /// The same id with one option added; an option of that name is replaced.
    ///
    /// # Errors
    /// [`Error::InvalidId`] when the name is not made of `a-z` and `-`, or the value holds `+`,
    /// `,` or white space.
    pub fn with_option(&self, name: &str, value: &str) -> Result<Self> {
        let mut id = self.clone();
        id.options.retain(|(key, _)| key != name);
        id.add_option(name, value, &format!("{self}+{name}={value}"))?;
        Ok(id)
    }

    fn add_option(&mut self, name: &str, value: &str, text: &str) -> Result<()> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
            return Err(invalid(text, "an option's name is made of a-z and '-'"));
        }
        if value.chars().any(|c| c == '+' || c == ',' || c.is_whitespace() || c.is_control()) {
            return Err(invalid(text, "an option's value holds no '+', ',' or white space"));
        }
        if self.option(name).is_some() {
            return Err(invalid(text, &format!("the option '{name}' is given twice")));
        }
        self.options.push((name.to_owned(), value.to_owned()));
        self.options.sort();
        Ok(())
    }
}

fn invalid(text: &str, reason: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::InvalidId { text: shown, reason: reason.to_owned() }
}

fn check_word(text: &str, what: &str, word: &str) -> Result<()> {
    if word.is_empty() {
        return Err(invalid(text, &format!("the {what} is empty")));
    }
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_./".contains(&b);
    match word.bytes().find(|&b| !allowed(b)) {
        None => Ok(()),
        Some(_) => Err(invalid(text, &format!("the {what} is made of a-z, 0-9, '-', '_', '.'"))),
    }
}

impl FromStr for MetricId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MAX_LENGTH {
            return Err(invalid(text, &format!("it is longer than {MAX_LENGTH} bytes")));
        }
        let mut pieces = text.split('+');
        let name = pieces.next().unwrap_or_default();
        let (rest, profile) = match name.split_once('@') {
            Some((rest, profile)) => (rest, Some(profile)),
            None => (name, None),
        };
        let (family, variant) = match rest.split_once(':') {
            Some((family, variant)) => (family, Some(variant)),
            None => (rest, None),
        };
        check_word(text, "family", family)?;
        if let Some(variant) = variant {
            check_word(text, "variant", variant)?;
        }
        // A profile may be a path to weights, so it may hold more than the other words.
        if let Some(profile) = profile
            && (profile.is_empty() || profile.chars().any(|c| c == ',' || c.is_control()))
        {
            return Err(invalid(text, "the profile is empty or holds ',' or a control character"));
        }
        let mut id = Self {
            family: family.to_owned(),
            variant: variant.map(str::to_owned),
            profile: profile.map(str::to_owned),
            options: Vec::new(),
        };
        for option in pieces {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            let path =
                option.contains(['/', '.']) || id.profile.as_ref().is_some_and(|p| p.contains('/'));
            id.add_option(key, value, text).map_err(|error| match &error {
                Error::InvalidId { reason, .. } if path && id.profile.is_some() => {
                    let path =
                        "a path in an id has no '+': move the file to where its path has none";
                    invalid(text, &format!("{reason}; {path}"))
                }
                _ => error,
            })?;
        }
        Ok(id)
    }
}

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.family)?;
        if let Some(variant) = &self.variant {
            write!(f, ":{variant}")?;
        }
        if let Some(profile) = &self.profile {
            write!(f, "@{profile}")?;
        }
        for (key, value) in &self.options {
            write!(f, "+{key}")?;
            if !value.is_empty() {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints_the_same_text() {
        for text in ["ssim", "ssim@wang", "ssim:y@wang", "lpips:alex@0.1", "psnr+grey+shave=4"] {
            assert_eq!(text.parse::<MetricId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn sorts_options_so_that_equal_metrics_have_equal_ids() {
        let a: MetricId = "psnr+shave=4+grey".parse().unwrap();
        let b: MetricId = "psnr+grey+shave=4".parse().unwrap();
        assert_eq!(a, b);
    }

    #[test]
    fn refuses_malformed_text() {
        for text in ["", ":y", "@wang", "ssim:", "ssim@", "SSIM", "ssim+", "ssim+a=1+a=2", "s s"] {
            assert!(text.parse::<MetricId>().is_err(), "{text:?} was accepted");
        }
        assert!("x".repeat(2000).parse::<MetricId>().is_err());
    }

    #[test]
    fn paths_with_a_plus_are_told_from_options() {
        let message = "lpips:alex@a/b+c.safetensors".parse::<MetricId>().unwrap_err().to_string();
        assert!(message.contains("move the file"), "{message}");
        let id: MetricId = "lpips:alex@a/b@2.safetensors+grey".parse().unwrap();
        assert_eq!(id.profile(), Some("a/b@2.safetensors"));
    }

    #[test]
    fn with_option_replaces() {
        let id: MetricId = "flip+ppd=30".parse().unwrap();
        assert_eq!(id.with_option("ppd", "67").unwrap().to_string(), "flip+ppd=67");
        assert!(id.with_option("ppd", "a,b").is_err());
    }
}
