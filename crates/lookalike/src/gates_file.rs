//! `gates.toml`: metrics, limits and masks of a project, by patterns of file names.
//!
//! ```toml
//! metrics = ["ssim", "ciede2000"]     # what is reported of every pair
//! fit = "pad"                         # error, resize, crop, pad
//! alpha = "white"                     # error, white, black, ignore
//! allow_missing = false               # whether files may lack a partner
//! sizes = "equal"                     # "equal": pairs of different size fail; "any": they may differ
//!
//! [[rule]]
//! files = ["pages/**/*.png"]
//! gates = ["ssim.worst32>=0.9", "ciede2000<=0.5"]
//! masks = ["0,0,200,40", "masks/clock.png"]
//! ```
//!
//! Every key may be left out, except `files` of a rule. Unknown keys are errors. Which rules win is
//! said at [`Limits`](crate::Limits). Mask pictures are looked for relative to the file's folder.

use std::path::Path;

use lookalike_core::{AlphaPolicy, FitPolicy};
use serde::Deserialize;
use toml::Spanned;

use crate::error::{Error, Result};
use crate::gate::{Gate, GateSyntax};
use crate::mask::Mask;

/// What a `gates.toml` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatesFile {
    /// Ids of the metrics that every pair gets.
    pub metrics: Option<Vec<String>>,
    /// What happens to pairs of different size.
    pub fit: Option<FitPolicy>,
    /// What lies behind transparent pixels.
    pub alpha: Option<AlphaPolicy>,
    /// Whether files may lack a partner.
    pub allow_missing: bool,
    /// Whether pairs of different size fail.
    pub equal_sizes: bool,
    /// Limits and masks by names of files, in the order of the file.
    pub rules: Vec<FileRule>,
}

/// One `[[rule]]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileRule {
    /// Patterns of names.
    pub files: Vec<String>,
    /// Gates whose metrics and directions are known to be sound.
    pub gates: Vec<GateSyntax>,
    /// Masks, read.
    pub masks: Vec<Mask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    metrics: Option<Vec<Spanned<String>>>,
    fit: Option<RawFit>,
    alpha: Option<RawAlpha>,
    #[serde(default)]
    allow_missing: bool,
    #[serde(default)]
    sizes: RawSizes,
    #[serde(default)]
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    files: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    gates: Vec<Spanned<String>>,
    #[serde(default)]
    masks: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawFit {
    Error,
    Resize,
    Crop,
    Pad,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawAlpha {
    Error,
    White,
    Black,
    Ignore,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum RawSizes {
    #[default]
    Any,
    Equal,
}

impl GatesFile {
    /// Reads the file, and the mask pictures that it names.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::GatesFile {
            path: path.to_owned(),
            line: None,
            reason: format!("cannot read the file: {error}"),
        })?;
        Self::parse(&bytes, path)
    }

    /// Reads the text of the file at `path`, and the mask pictures that it names.
    ///
    /// # Errors
    /// [`Error::GatesFile`], with the line where it is known: the text is not TOML, has unknown
    /// keys, names unknown metrics, gates that cannot be meant, or unreadable masks.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let wrong = |line, reason| Error::GatesFile { path: path.to_owned(), line, reason };
        let text = std::str::from_utf8(text)
            .map_err(|_| wrong(None, "the file is not UTF-8 text".to_owned()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse_text(text, folder).map_err(|problem| wrong(problem.line, problem.reason))
    }

    fn parse_text(text: &str, folder: &Path) -> Result<Self, Problem> {
        let raw: RawFile = toml::from_str(text).map_err(|error| Problem {
            line: error.span().map(|span| line_of(text, span.start)),
            reason: error.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        let reader = Reader { text, folder };
        Ok(Self {
            metrics: raw.metrics.map(|ids| reader.each(&ids, metric)).transpose()?,
            fit: raw.fit.map(|fit| match fit {
                RawFit::Error => FitPolicy::Error,
                RawFit::Resize => FitPolicy::Resize,
                RawFit::Crop => FitPolicy::Crop,
                RawFit::Pad => FitPolicy::Pad,
            }),
            alpha: raw.alpha.map(|alpha| match alpha {
                RawAlpha::Error => AlphaPolicy::Error,
                RawAlpha::White => AlphaPolicy::White,
                RawAlpha::Black => AlphaPolicy::Black,
                RawAlpha::Ignore => AlphaPolicy::Ignore,
            }),
            allow_missing: raw.allow_missing,
            equal_sizes: raw.sizes == RawSizes::Equal,
            rules: raw.rule.iter().map(|rule| reader.rule(rule)).collect::<Result<_, _>>()?,
        })
    }
}

/// What is wrong with a file, and in which line.
#[derive(Debug)]
struct Problem {
    line: Option<usize>,
    reason: String,
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    fn rule(&self, raw: &RawRule) -> Result<FileRule, Problem> {
        if raw.files.get_ref().is_empty() {
            let reason = "files is empty, so the rule holds for nothing; [\"**\"] means all";
            return Err(self.problem(&raw.files, reason.to_owned()));
        }
        // A throw-away set of limits checks the pattern.
        let pattern = |text: &str| {
            let pattern = [text.to_owned()];
            crate::Limits::default().add_rule(&pattern, Vec::new(), Vec::new())?;
            Ok(text.to_owned())
        };
        let gate = |rule: &str| {
            let syntax = GateSyntax::parse(rule)?;
            Gate::new(&syntax)?;
            Ok(syntax)
        };
        Ok(FileRule {
            files: self.each(raw.files.get_ref(), pattern)?,
            gates: self.each(&raw.gates, gate)?,
            masks: self.each(&raw.masks, |text| Mask::parse(text, self.folder))?,
        })
    }

    fn each<T>(
        &self,
        texts: &[Spanned<String>],
        read: impl Fn(&str) -> Result<T>,
    ) -> Result<Vec<T>, Problem> {
        let read = |text: &Spanned<String>| {
            read(text.get_ref()).map_err(|error| self.problem(text, error.to_string()))
        };
        texts.iter().map(read).collect()
    }

    fn problem<T>(&self, place: &Spanned<T>, reason: String) -> Problem {
        Problem { line: Some(line_of(self.text, place.span().start)), reason }
    }
}

fn metric(id: &str) -> Result<String> {
    crate::look_up(id)?;
    Ok(id.to_owned())
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let file = GatesFile::parse_text(
            r#"
            metrics = ["ssim", "mse"]
            fit = "pad"
            alpha = "white"
            allow_missing = true
            sizes = "equal"
            [[rule]]
            files = ["**"]
            gates = ["ssim.worst32>=0.9"]
            masks = ["0,0,200,40"]
            [[rule]]
            files = ["*.png"]
            "#,
            Path::new(""),
        )
        .unwrap();
        assert_eq!(file.metrics.unwrap(), ["ssim", "mse"]);
        assert_eq!((file.fit, file.alpha), (Some(FitPolicy::Pad), Some(AlphaPolicy::White)));
        assert!(file.allow_missing && file.equal_sizes);
        assert_eq!(file.rules[0].gates, [GateSyntax::parse("ssim.worst32>=0.9").unwrap()]);
        assert_eq!(file.rules[0].masks[0].name(), "0,0,200,40");
        assert_eq!(file.rules[1], FileRule { files: vec!["*.png".into()], ..FileRule::default() });
        assert_eq!(GatesFile::parse_text("", Path::new("")).unwrap(), GatesFile::default());
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line, part) in [
            ("metrics = [\"ssim\"]\ngate = 1", 2, "unknown field `gate`"),
            ("\n[[rule]]\nfiles = [\"**\"]\nmask = []", 4, "unknown field `mask`"),
            ("[[rule]]\ngates = []", 1, "missing field `files`"),
            ("[[rule]]\nfiles = []", 2, "the rule holds for nothing"),
            ("[[rule]]\nfiles = [\n \"a\",\n \"[\"]", 4, "not a valid pattern"),
            ("[[rule]]\nfiles=[\"**\"]\ngates = [\"ssim<=1\"]", 3, "higher is better"),
            ("[[rule]]\nfiles=[\"**\"]\ngates = [\n\"sssim>=1\"]", 4, "did you mean"),
            ("[[rule]]\nfiles=[\"**\"]\nmasks = [\"1,2,3\"]", 3, "x,y,width,height"),
            ("[[rule]]\nfiles=[\"**\"]\nmasks = [\"no.png\"]", 3, "cannot read the file"),
            ("metrics = [\"nothing\"]", 1, "no metric is called"),
            ("fit = \"squeeze\"", 1, "expected one of `error`, `resize`, `crop`, `pad`"),
            ("\nsizes = \"same\"", 2, "`any`"),
            ("allow_missing = \"yes\"", 1, "expected a boolean"),
            ("metrics = [", 1, "array"),
        ] {
            let problem = GatesFile::parse_text(text, Path::new("")).unwrap_err();
            assert_eq!(problem.line, Some(line), "{text}: {problem:?}");
            assert!(problem.reason.contains(part), "{text}: {problem:?}");
        }
    }
}
