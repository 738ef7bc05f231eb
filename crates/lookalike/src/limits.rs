//! Which limits and which masks hold for which pair.
//!
//! Limits and masks are given for every pair, or by a rule for the candidates whose names match a
//! pattern. Where several rules match one candidate, their masks add up. Their gates add up too,
//! except that a later rule's gate replaces those of earlier rules on the same metric and pooling,
//! so that a special page can be judged more leniently or more strictly than the rest. Limits for
//! every pair are never replaced.
//!
//! Patterns are matched against the candidate's path relative to its folder, with extension, or
//! against the path as it was given where candidates are named one by one. `*` and `?` do not
//! cross `/`, `**` does. A pattern without `/` matches the file's name in every folder.

use std::fmt;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result};
use crate::gate::Gate;
use crate::mask::Mask;

/// Something that a pair meets or fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// A bound on a metric or on a pooling of its map.
    Gate(Gate),
    /// `sizes=equal`: both pictures have one size before they are fitted.
    EqualSizes,
    /// `pixels=equal`: no sample differs, after fitting and outside masks.
    EqualPixels,
}

impl Limit {
    /// The gate, unless the limit is another.
    pub fn gate(&self) -> Option<&Gate> {
        match self {
            Self::Gate(gate) => Some(gate),
            Self::EqualSizes | Self::EqualPixels => None,
        }
    }

    /// Whether two limits bound the same number.
    fn same_subject(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Gate(a), Self::Gate(b)) => (a.id(), a.pooling()) == (b.id(), b.pooling()),
            _ => self == other,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(gate) => gate.fmt(f),
            Self::EqualSizes => f.write_str("sizes=equal"),
            Self::EqualPixels => f.write_str("pixels=equal"),
        }
    }
}

/// A pattern for the names of candidates.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    matcher: GlobMatcher,
    file_name_only: bool,
}

impl Pattern {
    fn new(text: &str) -> Result<Self> {
        let wrong = |error: globset::Error| Error::Pattern {
            pattern: text.to_owned(),
            reason: error.kind().to_string(),
        };
        let path = text.strip_prefix("./").unwrap_or(text);
        let glob = GlobBuilder::new(path).literal_separator(true).build().map_err(wrong)?;
        let file_name_only = !path.contains('/');
        Ok(Self { text: text.to_owned(), matcher: glob.compile_matcher(), file_name_only })
    }

    fn matches(&self, name: &Path) -> bool {
        let name = name.strip_prefix(".").unwrap_or(name);
        match name.file_name() {
            Some(file) if self.file_name_only => self.matcher.is_match(file),
            _ => self.matcher.is_match(name),
        }
    }
}

#[derive(Clone, Debug)]
struct Rule {
    patterns: Vec<Pattern>,
    limits: Vec<usize>,
    masks: Vec<Mask>,
}

/// The limits and masks of a run.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    all: Vec<Limit>,
    for_every_pair: Vec<usize>,
    masks: Vec<Mask>,
    rules: Vec<Rule>,
}

/// What holds for one pair.
#[derive(Clone, Debug, Default)]
pub struct PairLimits<'a> {
    /// Positions in [`Limits::all`], rising.
    pub limits: Vec<usize>,
    /// The masks, those of every pair first.
    pub masks: Vec<&'a Mask>,
}

impl Limits {
    /// A limit that every pair must meet.
    pub fn require(&mut self, limit: Limit) {
        let index = self.index(limit);
        if !self.for_every_pair.contains(&index) {
            self.for_every_pair.push(index);
        }
    }

    /// A mask on every pair.
    pub fn mask(&mut self, mask: Mask) {
        self.masks.push(mask);
    }

    /// Gates and masks for the candidates whose names match one of the patterns.
    ///
    /// # Errors
    /// [`Error::Pattern`].
    pub fn add_rule(
        &mut self,
        patterns: &[String],
        gates: Vec<Gate>,
        masks: Vec<Mask>,
    ) -> Result<()> {
        let patterns = patterns.iter().map(|text| Pattern::new(text)).collect::<Result<_>>()?;
        let limits = gates.into_iter().map(|gate| self.index(Limit::Gate(gate))).collect();
        self.rules.push(Rule { patterns, limits, masks });
        Ok(())
    }

    fn index(&mut self, limit: Limit) -> usize {
        self.all.iter().position(|known| *known == limit).unwrap_or_else(|| {
            self.all.push(limit);
            self.all.len() - 1
        })
    }

    /// All limits, each once.
    pub fn all(&self) -> &[Limit] {
        &self.all
    }

    /// The gates among the limits that every pair must meet.
    pub fn gates_for_every_pair(&self) -> impl Iterator<Item = &Gate> {
        self.for_every_pair.iter().filter_map(|&index| self.all[index].gate())
    }

    /// What holds for the candidate of that name ([`Candidate::name`](crate::pairing::Candidate)).
    pub fn of(&self, name: &Path) -> PairLimits<'_> {
        let mut limits: Vec<usize> = Vec::new();
        let mut masks: Vec<&Mask> = self.masks.iter().collect();
        let matching = |rule: &&Rule| rule.patterns.iter().any(|pattern| pattern.matches(name));
        for rule in self.rules.iter().filter(matching) {
            limits.retain(|&earlier| {
                let replaces = |&later: &usize| self.all[later].same_subject(&self.all[earlier]);
                !rule.limits.iter().any(replaces)
            });
            limits.extend(&rule.limits);
            masks.extend(&rule.masks);
        }
        limits.extend(&self.for_every_pair);
        limits.sort_unstable();
        limits.dedup();
        PairLimits { limits, masks }
    }

    /// The patterns that match none of the names: most likely misspelt.
    pub fn unmatched<'a>(&self, names: impl Iterator<Item = &'a Path> + Clone) -> Vec<&str> {
        let patterns = self.rules.iter().flat_map(|rule| &rule.patterns);
        patterns
            .filter(|pattern| !names.clone().any(|name| pattern.matches(name)))
            .map(|pattern| pattern.text.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rules: &[(&[&str], &[&str])]) -> Limits {
        let mut limits = Limits::default();
        for (patterns, gates) in rules {
            let patterns: Vec<String> = patterns.iter().map(|&text| text.to_owned()).collect();
            let gates = gates.iter().map(|rule| Gate::parse(rule).unwrap()).collect();
            limits.add_rule(&patterns, gates, Vec::new()).unwrap();
        }
        limits
    }

    fn shown(limits: &Limits, name: &str) -> Vec<String> {
        let found = limits.of(name.as_ref());
        found.limits.iter().map(|&index| limits.all()[index].to_string()).collect()
    }

    #[test]
    fn patterns_follow_folders() {
        for (pattern, name, matches) in [
            ("pages/**/*.png", "pages/a.png", true),
            ("pages/**/*.png", "pages/deep/er/a.png", true),
            ("pages/*.png", "pages/deep/a.png", false),
            ("pages/?.png", "pages/a.png", true),
            ("*.png", "deep/a.png", true),
            ("**/*.png", "a.png", true),
            ("./pages/*.png", "pages/a.png", true),
            ("pages/*.png", "./pages/a.png", true),
            ("{home,about}.*", "x/about.webp", true),
            ("a", "a.png", false),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(name.as_ref()), matches, "{pattern}");
        }
        assert!(matches!(Pattern::new("[").unwrap_err(), Error::Pattern { .. }));
    }

    #[test]
    fn later_rules_replace_gates_on_the_same_number_and_add_others() {
        let mut limits = limits(&[
            (&["**"], &["ssim.worst32>=0.9", "mse<=0.1"]),
            (&["news/**"], &["ssim.worst32>=0.5", "ssim>=0.9"]),
        ]);
        assert_eq!(shown(&limits, "a.png"), ["ssim@wang.worst32>=0.9", "mse<=0.1"]);
        let news = ["mse<=0.1", "ssim@wang.worst32>=0.5", "ssim@wang>=0.9"];
        assert_eq!(shown(&limits, "news/a.png"), news);
        // What holds for every pair is not replaced.
        limits.require(Limit::Gate(Gate::parse("ssim.worst32>=0.9").unwrap()));
        limits.require(Limit::EqualSizes);
        let all = ["ssim@wang.worst32>=0.9", news[0], news[1], news[2], "sizes=equal"];
        assert_eq!(shown(&limits, "news/a.png"), all);
    }

    #[test]
    fn patterns_that_match_nothing_are_named() {
        let limits = limits(&[(&["pages/*", "page/*"], &[]), (&["*.webp"], &[])]);
        let names = ["pages/a.png", "b.png"].map(Path::new);
        assert_eq!(limits.unmatched(names.into_iter()), ["page/*", "*.webp"]);
    }
}
