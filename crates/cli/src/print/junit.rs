//! JUnit XML: one test case per pair, for the test reports of continuous integration.
//!
//! The layout is the part of Ant's that GitHub actions, GitLab and Jenkins all read: `testsuites`,
//! one `testsuite`, a `testcase` per pair with the folder as class and the label as name. A failed
//! gate is a `failure`, what could not be scored an `error`, a file without a partner under
//! `--allow-missing` is `skipped`. Readers show the first of several failures of a case, or the text
//! of an element rather than its message: the text of each repeats everything, and `system-out`
//! lists all scores. A pair that has errors and failed gates counts as an error, as in the exit
//! status.
//!
//! Characters that XML 1.0 cannot hold, such as control characters in file names, become U+FFFD.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::QName;

use super::Printer;
use crate::output::Output;
use crate::report::{Conclusion, ErrorRecord, PairAccount};

/// The class of cases that belong to no folder.
const RUN: &str = "lookalike";

pub(crate) struct JunitPrinter {
    output: Output,
    start: Instant,
    cases: Vec<Case>,
    /// Errors that a case carries already.
    told: BTreeSet<(String, String)>,
}

/// A `testcase`.
#[derive(Default)]
struct Case {
    class: String,
    name: String,
    file: Option<String>,
    elapsed: Duration,
    properties: Vec<(String, String)>,
    results: Vec<Verdict>,
    output: String,
}

/// What a case says besides having passed.
struct Verdict {
    kind: Kind,
    message: String,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Failure,
    Skipped,
}

impl Kind {
    fn element(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
        }
    }
}

impl Verdict {
    fn new(kind: Kind, message: String) -> Self {
        Self { kind, text: message.clone(), message }
    }
}

impl Case {
    fn of_pair(account: &PairAccount) -> Self {
        let mut case = Self {
            class: folder_of(&account.candidate),
            name: account.label.display().to_string(),
            file: Some(account.candidate.display().to_string()),
            elapsed: account.elapsed,
            ..Self::default()
        };
        let files =
            format!("{} against {}", account.candidate.display(), account.reference.display());
        for error in &account.errors {
            let message = error.to_string();
            let text = format!("{message}\n{files}");
            case.results.push(Verdict { kind: Kind::Error, message, text });
        }
        let Some(record) = &account.record else { return case };
        let size = format!("{}x{}", record.width, record.height);
        for gate in account.failed_gates() {
            let message = format!("{} failed: found {gate}", gate.rule);
            let mut text = format!("gate:  {}\nfound: {gate}", gate.rule);
            if let Some(value) = gate.value {
                let _ = write!(text, "\nvalue: {}", value.0);
            }
            let _ = write!(text, "\nwhere: {files}, {size} pixels");
            for (id, map) in record.scores.iter().filter_map(|s| Some((&s.id, s.map.as_ref()?))) {
                if gate.rule.starts_with(id.as_str()) {
                    let _ = write!(text, "\nmap:   {map}");
                }
            }
            case.results.push(Verdict { kind: Kind::Failure, message, text });
        }
        let _ = writeln!(case.output, "{files}, {size} pixels");
        for step in record.preprocessing() {
            let _ = writeln!(case.output, "{step}");
        }
        for score in &record.scores {
            let _ = writeln!(
                case.output,
                "{} = {} ({} is better)",
                score.id, score.value.0, score.direction
            );
            case.properties.push((score.id.clone(), score.value.0.to_string()));
        }
        // GitLab and a plugin of Jenkins show files that are named in this way.
        for map in record.scores.iter().filter_map(|score| score.map.as_ref()) {
            let _ = writeln!(case.output, "[[ATTACHMENT|{map}]]");
        }
        case
    }

    fn of_file(kind: Kind, record: &ErrorRecord) -> Self {
        let path = Path::new(&record.path);
        let results = vec![Verdict::new(kind, record.to_string())];
        match path.file_name() {
            None => Self { class: RUN.into(), name: "run".into(), results, ..Self::default() },
            Some(name) => Self {
                class: folder_of(path),
                name: name.to_string_lossy().into_owned(),
                file: Some(record.path.clone()),
                results,
                ..Self::default()
            },
        }
    }

    /// The kind that the case counts as.
    fn kind(&self) -> Option<Kind> {
        self.results.first().map(|verdict| verdict.kind)
    }

    fn write<W: Write>(&self, xml: &mut Writer<W>) -> io::Result<()> {
        let mut start = element("testcase", &[("classname", &self.class), ("name", &self.name)]);
        push(&mut start, "time", &seconds(self.elapsed));
        if let Some(file) = &self.file {
            push(&mut start, "file", file);
        }
        xml.write_event(Event::Start(start))?;
        write_properties(xml, &self.properties)?;
        for verdict in &self.results {
            let name = verdict.kind.element();
            let mut start = element(name, &[("message", &verdict.message)]);
            if verdict.kind == Kind::Failure {
                push(&mut start, "type", "gate");
            }
            write_text(xml, start, &verdict.text)?;
        }
        if !self.output.is_empty() {
            write_text(xml, element("system-out", &[]), &self.output)?;
        }
        xml.write_event(Event::End(BytesEnd::new("testcase")))
    }
}

impl JunitPrinter {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, start: Instant::now(), cases: Vec::new(), told: BTreeSet::new() }
    }
}

impl Printer for JunitPrinter {
    fn account(&mut self, account: &PairAccount) -> anyhow::Result<()> {
        let keys = account.errors.iter().map(|e| (e.path.clone(), e.message.clone()));
        self.told.extend(keys);
        self.cases.push(Case::of_pair(account));
        Ok(())
    }

    fn finish(mut self: Box<Self>, conclusion: &Conclusion) -> anyhow::Result<()> {
        for error in &conclusion.errors {
            if !self.told.contains(&(error.path.clone(), error.message.clone())) {
                self.cases.push(Case::of_file(Kind::Error, error));
            }
        }
        for file in &conclusion.unpaired {
            self.cases.push(Case::of_file(Kind::Skipped, file));
        }
        let count = |kind| self.cases.iter().filter(|case| case.kind() == Some(kind)).count();
        let counts = [
            ("tests", self.cases.len().to_string()),
            ("failures", count(Kind::Failure).to_string()),
            ("errors", count(Kind::Error).to_string()),
            ("skipped", count(Kind::Skipped).to_string()),
            ("time", seconds(self.start.elapsed())),
        ];
        let mut xml = Writer::new_with_indent(&mut self.output, b' ', 2);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        for (name, title) in [("testsuites", RUN), ("testsuite", "lookalike compare")] {
            let mut start = element(name, &[("name", title)]);
            for (name, value) in &counts {
                push(&mut start, name, value);
            }
            xml.write_event(Event::Start(start))?;
        }
        let version = ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let gates = conclusion.gates.iter().map(|record| {
            let verdict = format!("failed by {} of {}", record.failed, record.checked);
            (format!("gate {}", record.gate), verdict)
        });
        write_properties(&mut xml, &std::iter::once(version).chain(gates).collect::<Vec<_>>())?;
        for case in &self.cases {
            case.write(&mut xml)?;
        }
        for name in ["testsuite", "testsuites"] {
            xml.write_event(Event::End(BytesEnd::new(name)))?;
        }
        self.output.write_all(b"\n")?;
        self.output.finish()
    }
}

/// The folder of a file, `.` for the current one.
fn folder_of(file: &Path) -> String {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.display().to_string(),
        _ => ".".to_owned(),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

fn element<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (name, value) in attributes {
        push(&mut start, name, value);
    }
    start
}

fn push(start: &mut BytesStart<'_>, name: &str, value: &str) {
    // A reader turns bare line ends and tabs in attributes into blanks.
    let value = escape(allowed(value)).replace('\t', "&#9;").replace('\n', "&#10;");
    let value = value.replace('\r', "&#13;");
    let value = Cow::Owned(value.into_bytes());
    start.push_attribute(Attribute { key: QName(name.as_bytes()), value });
}

fn write_text<W: Write>(xml: &mut Writer<W>, start: BytesStart<'_>, text: &str) -> io::Result<()> {
    let end = start.to_end().into_owned();
    xml.write_event(Event::Start(start))?;
    // Written as a reference, since a reader turns a bare one into a line end.
    let text = escape(allowed(text)).replace('\r', "&#13;");
    xml.write_event(Event::Text(BytesText::from_escaped(text)))?;
    xml.write_event(Event::End(end))
}

fn write_properties<W: Write>(
    xml: &mut Writer<W>,
    properties: &[(String, String)],
) -> io::Result<()> {
    if properties.is_empty() {
        return Ok(());
    }
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    for (name, value) in properties {
        xml.write_event(Event::Empty(element("property", &[("name", name), ("value", value)])))?;
    }
    xml.write_event(Event::End(BytesEnd::new("properties")))
}

/// The text with U+FFFD in place of what XML 1.0 does not allow, not even as a reference.
fn allowed(text: &str) -> Cow<'_, str> {
    let forbidden = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) {
        Cow::Owned(text.replace(forbidden, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_xml_forbids_is_replaced() {
        assert_eq!(
            allowed("a\tb\nc\rd\u{1}e\u{1b}[0mf\u{ffff}"),
            "a\tb\nc\rd\u{fffd}e\u{fffd}[0mf\u{fffd}"
        );
        assert!(matches!(allowed("größe\u{85} 🦀"), Cow::Borrowed(_)));
    }
}
