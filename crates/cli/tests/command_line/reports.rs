//! `--format junit` and `html`, and further formats from the same run.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::workplace::{SIZE, Workplace};

/// A `testcase` as a reader of JUnit sees it.
#[derive(Debug, Default)]
struct Case {
    attributes: BTreeMap<String, String>,
    properties: BTreeMap<String, String>,
    /// Element, message and text.
    results: Vec<(String, String, String)>,
    output: String,
}

/// The counts of the suite, and its cases by name.
fn junit(xml: &str) -> (BTreeMap<String, String>, BTreeMap<String, Case>) {
    let mut reader = Reader::from_str(xml);
    let mut suite = BTreeMap::new();
    let mut cases = BTreeMap::new();
    let mut case = Case::default();
    let (mut path, mut text): (Vec<String>, String) = (Vec::new(), String::new());
    let attributes = |start: &quick_xml::events::BytesStart| -> BTreeMap<String, String> {
        let each = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let name = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
            let raw = std::str::from_utf8(&attribute.value).unwrap().to_owned();
            (name, quick_xml::escape::unescape(&raw).unwrap().into_owned())
        });
        each.collect()
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
                let found = attributes(&start);
                match name.as_str() {
                    "testsuite" => suite = found,
                    "testcase" => case = Case { attributes: found, ..Case::default() },
                    "failure" | "error" | "skipped" => {
                        case.results.push((name.clone(), found["message"].clone(), String::new()));
                    }
                    _ => {}
                }
                text.clear();
                path.push(name);
            }
            Event::Empty(start) if path.iter().any(|name| name == "testcase") => {
                let found = attributes(&start);
                case.properties.insert(found["name"].clone(), found["value"].clone());
            }
            Event::Text(part) => text += part.decode().unwrap().as_ref(),
            Event::GeneralRef(reference) => {
                let name = reference.decode().unwrap();
                text += &quick_xml::escape::unescape(&format!("&{name};")).unwrap();
            }
            Event::End(_) => match path.pop().unwrap().as_str() {
                "failure" | "error" | "skipped" => {
                    case.results.last_mut().unwrap().2 = text.clone()
                }
                "system-out" => case.output = text.clone(),
                "testcase" => {
                    let name = case.attributes["name"].clone();
                    assert!(cases.insert(name, std::mem::take(&mut case)).is_none());
                }
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(path.is_empty());
    (suite, cases)
}

fn kinds(case: &Case) -> Vec<&str> {
    case.results.iter().map(|(kind, _, _)| kind.as_str()).collect()
}

fn count(suite: &BTreeMap<String, String>) -> [&str; 4] {
    ["tests", "failures", "errors", "skipped"].map(|name| suite[name].as_str())
}

#[test]
fn junit_has_a_case_for_every_pair() {
    let place = Workplace::new();
    for (name, strength) in [("one", 0.0), ("deep/two", 0.6)] {
        place.scene(&format!("left/{name}.png"), SIZE);
        place.noisy(&format!("right/{name}.png"), SIZE, strength);
    }
    let start = ["compare", "left", "right", "-m", "psnr,ssim", "--format", "junit"];
    let gates = ["--gate", "ssim>=0.9", "--gate", "psnr>=30", "--map", "maps"];
    let outcome = place.run(&[&start[..], &gates].concat());
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    let (suite, cases) = junit(&outcome.stdout);
    assert_eq!(count(&suite), ["2", "1", "0", "0"]);
    assert!(suite["time"].parse::<f64>().unwrap() > 0.0);
    let one = &cases["one"];
    assert_eq!((kinds(one).len(), one.attributes["classname"].as_str()), (0, "right"));
    assert_eq!(
        (one.properties["ssim@wang"].as_str(), one.properties["psnr"].as_str()),
        ("1", "inf")
    );
    assert!(one.attributes["time"].parse::<f64>().unwrap() > 0.0);
    let two = &cases["deep/two"];
    assert_eq!(two.attributes["classname"], "right/deep");
    assert_eq!(two.attributes["file"], "right/deep/two.png");
    assert_eq!(kinds(two), ["failure", "failure"]);
    let (_, message, text) = &two.results[0];
    let value: f64 = two.properties["ssim@wang"].parse().unwrap();
    assert!(message.starts_with("ssim@wang>=0.9 failed: found 0."), "{message}");
    for part in
        ["ssim@wang>=0.9", &value.to_string(), "right/deep/two.png against left/deep/two.png"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains("two.ssim.png") && two.output.contains("[[ATTACHMENT|maps/deep/two"));
    assert!(two.results[1].1.starts_with("psnr>=30 failed: found "));
}

#[test]
fn junit_tells_errors_from_failures_and_what_was_left_out() {
    let place = Workplace::new();
    for name in ["sound", "broken"] {
        place.scene(&format!("left/{name}.png"), SIZE);
        place.scene(&format!("right/{name}.png"), SIZE);
    }
    place.scene("left/tiny.png", (8, 8));
    place.scene("right/tiny.png", (8, 8));
    place.write("right/broken.png", b"");
    place.scene("left/alone.png", SIZE);
    let start = ["compare", "left", "right", "-m", "mse,ssim", "--format", "junit"];
    let outcome = place.run(&[&start[..], &["--gate", "mse<=1"]].concat());
    assert_eq!(outcome.code, 2);
    let (suite, cases) = junit(&outcome.stdout);
    assert_eq!(count(&suite), ["4", "0", "3", "0"]);
    assert!(cases["broken"].results[0].1.starts_with("right/broken.png: "));
    assert_eq!((kinds(&cases["broken"]), kinds(&cases["sound"])), (vec!["error"], vec![]));
    // A pair that one metric refuses keeps the scores of the others.
    assert_eq!(kinds(&cases["tiny"]), ["error"]);
    assert_eq!(cases["tiny"].properties["mse"], "0");
    assert_eq!(kinds(&cases["alone.png"]), ["error"]);
    let outcome = place.run(&[&start[..], &["--allow-missing"]].concat());
    let (suite, cases) = junit(&outcome.stdout);
    assert_eq!(count(&suite), ["4", "0", "2", "1"]);
    assert_eq!(kinds(&cases["alone.png"]), ["skipped"]);
    assert!(cases["alone.png"].results[0].1.contains("no partner"));
    // Nothing to compare is an error of the run.
    place.scene("far/elsewhere.png", SIZE);
    let outcome =
        place.run(&["compare", "left", "far", "-m", "mse", "--allow-missing", "--format", "junit"]);
    let (_, cases) = junit(&outcome.stdout);
    assert_eq!((outcome.code, kinds(&cases["run"])), (2, vec!["error"]));
}

#[cfg(unix)]
#[test]
fn junit_survives_every_file_name() {
    use std::os::unix::ffi::OsStrExt;
    let place = Workplace::with_pair();
    let names: [&[u8]; 4] =
        [b"<&\"'>]]>.png", b"line\nend\tand\rmore.png", b"\x01\x1b[31m.png", b"\xff\xfe.png"];
    for name in names {
        let path = place.root().join("odd").join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(place.path("b.png"), path).unwrap();
    }
    for format in ["junit", "html"] {
        place.succeeds(&["compare", "a.png", "odd", "-m", "mse", "--format", format, "-o", format]);
    }
    let (suite, cases) = junit(&place.read("junit"));
    assert_eq!(count(&suite), ["4", "0", "0", "0"]);
    for name in ["<&\"'>]]>", "line\nend\tand\rmore", "\u{fffd}\u{fffd}[31m", "\u{fffd}\u{fffd}"] {
        assert!(cases.contains_key(name), "{name:?} {:?}", cases.keys());
    }
    let page = place.read("html");
    assert!(page.contains("odd/%FF%FE.png") && page.contains("odd/line%0Aend%09and%0Dmore.png"));
}

/// The page that a run gives, by way of a file: base64 may spell any word, and what a run prints
/// is searched for some.
fn page(place: &Workplace, arguments: &[&str]) -> String {
    place.succeeds(&[&["compare"], arguments, &["--format", "html", "-o", "page.html"]].concat());
    place.read("page.html")
}

/// The data of a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_stands_alone() {
    let place = Workplace::with_pair();
    place.noisy("c.png", SIZE, 0.8);
    let page = page(&place, &["a.png", "b.png", "c.png", "a.png", "-m", "psnr,ssim"]);
    assert_eq!((&page[..15], &page[page.len() - 8..]), ("<!doctype html>", "</html>\n"));
    for part in ["http://", "https://", "url(", "@import", " src=\"", "innerHTML", "eval("] {
        assert!(!page.contains(part), "{part}");
    }
    let data = data(&page);
    let rows = data["rows"].as_array().unwrap();
    let labels: Vec<&str> = rows.iter().map(|row| row["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["c", "b", "a"]);
    assert_eq!(rows[2]["values"][0], "inf");
    assert_eq!(rows[0]["links"], serde_json::json!(["./a.png", "./c.png"]));
    assert_eq!((&rows[0]["status"], &data["gated"]), (&"scored".into(), &false.into()));
    // Pictures are numbered, and the reference is there once.
    let number = |row: usize, slot: usize| rows[row]["thumbnails"][slot].as_u64().unwrap();
    assert_eq!(number(0, 0), number(1, 0));
    assert_eq!(number(2, 0), number(2, 1));
    assert_ne!(number(0, 1), number(1, 1));
    let pictures = page.matches("<script type=\"text/plain\"").count();
    for row in rows {
        let previews = &row["previews"];
        assert_eq!(previews["size"], serde_json::json!([SIZE.0, SIZE.1]));
        assert_eq!(previews["maps"][0][0], "psnr");
        assert!((previews["candidate"].as_u64().unwrap() as usize) < pictures);
    }
    assert_eq!(place.files(), ["a.png", "b.png", "c.png", "page.html"]);
    let mut command = std::process::Command::new(crate::workplace::BINARY);
    command.current_dir(place.root()).args(["compare", "a.png", "b.png", "--format", "html"]);
    let printed = command.output().unwrap().stdout;
    assert!(printed.starts_with(b"<!doctype html>") && printed.ends_with(b"</html>\n"));
}

#[test]
fn a_page_shows_pictures_of_every_kind() {
    let place = Workplace::new();
    let word = |x: u16| x.to_be_bytes();
    let deep: Vec<u8> = (0..SIZE.0 * SIZE.1).flat_map(|i| word((i * 8) as u16)).collect();
    let header = format!("P5 {} {} 65535\n", SIZE.0, SIZE.1);
    place.write("deep.pgm", &[header.as_bytes(), &deep].concat());
    place.scene("wide.png", (SIZE.0 * 2, SIZE.1));
    let fits = ["deep.pgm", "wide.png", "--fit", "resize", "-m", "mse,ssim"];
    let row = &data(&page(&place, &fits))["rows"][0];
    assert_eq!(row["previews"]["size"], serde_json::json!([SIZE.0, SIZE.1]));
    let steps = row["steps"].to_string();
    assert!(steps.contains("fit=resize") && steps.contains("sizes differ"), "{row}");
    // Radiance HDR: two pixels of light, one far beyond white.
    let light = [
        &b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 2\n"[..],
        &[128, 128, 128, 129],
        &[255, 255, 255, 140],
    ];
    place.write("light.hdr", &light.concat());
    let light = ["light.hdr", "light.hdr", "-m", "mse", "--tonemap", "reinhard"];
    let page = page(&place, &light);
    assert!(data(&page)["rows"][0]["previews"]["reference"].is_number());
}

#[test]
fn several_formats_come_from_one_run() {
    let place = Workplace::with_pair();
    let start = ["compare", "a.png", "b.png", "-m", "ssim", "--gate", "ssim>=0.99"];
    let also = ["--also", "junit=r.xml", "--also", "html=r.html", "--also", "json=r.json"];
    let outcome =
        place.run(&[&start[..], &also, &["--also", "text=r.txt", "--format", "csv"]].concat());
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stdout.starts_with("reference,candidate,"));
    // What CSV cannot say is said on standard error, as without the others.
    assert!(outcome.stderr.contains("failed by 1 of 1"), "{}", outcome.stderr);
    assert_eq!(place.files(), ["a.png", "b.png", "r.html", "r.json", "r.txt", "r.xml"]);
    let json: Value = serde_json::from_str(&place.read("r.json")).unwrap();
    let failed = &json["pairs"][0]["failed_gates"][0];
    assert_eq!(failed["rule"], "ssim@wang>=0.99");
    let value = failed["value"].as_f64().unwrap();
    assert_eq!(json["pairs"][0]["scores"][0]["value"].as_f64(), Some(value));
    let (_, cases) = junit(&place.read("r.xml"));
    assert_eq!(cases["b"].properties["ssim@wang"], value.to_string());
    assert_eq!(data(&place.read("r.html"))["rows"][0]["gates"][0][1].as_f64(), Some(value));
    // Beside --out, and one format twice.
    place.succeeds(&[
        "compare",
        "a.png",
        "b.png",
        "-m",
        "mse",
        "-o",
        "1.txt",
        "--also",
        "html=1.html",
        "--also",
        "html=2.html",
    ]);
    assert!(place.read("1.html").len() > 10_000 && place.read("2.html").len() > 10_000);
}

#[test]
fn further_formats_that_cannot_be_written_are_refused_first() {
    let place = Workplace::with_pair();
    place.write("old.xml", b"older");
    std::fs::create_dir(place.path("folder")).unwrap();
    let pair = ["compare", "a.png", "b.png", "-m", "mse"];
    let cases: [(&[&str], &str); 9] = [
        (&["--also", "xml=r.xml"], "'xml' is no format; expected one of text, json"),
        (&["--also", "r.xml"], "expected FORMAT=PATH"),
        (&["--also", "junit="], "expected a path after 'junit='"),
        (&["--also", "junit=r", "--also", "html=./r"], "two results would go to this file"),
        (&["--also", "junit=r", "-o", "folder/../r"], "two results would go to this file"),
        (&["--also", "junit=old.xml", "-o", "nowhere/r"], "nowhere/r: cannot write here"),
        (&["-o", "old.xml", "--also", "junit=nowhere/r"], "nowhere/r: cannot write here"),
        (&["--also", "html=folder"], "folder: cannot write here"),
        (&["--also", "junit=r", "--explain-diff"], "cannot be used with"),
    ];
    for (more, part) in cases {
        let message = place.fails(&[&pair, more].concat());
        assert!(message.contains(part), "{more:?}: {message}");
    }
    for format in ["junit", "html"] {
        for command in [&["metrics"][..], &["compare", "a.png", "b.png", "--explain-diff"]] {
            let message = place.fails(&[command, &["--format", format]].concat());
            assert!(message.contains("which reports compared pairs"), "{message}");
        }
    }
    assert_eq!(place.read("old.xml"), "older");
    assert_eq!(place.files(), ["a.png", "b.png", "old.xml"]);
}

#[test]
fn the_demonstration_can_be_looked_through() {
    let place = Workplace::new();
    let outcome = place.run(&["demo", "--format", "html", "-o", "demo.html", "--quiet"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let rows = &data(&place.read("demo.html"))["rows"];
    assert_eq!(rows.as_array().unwrap().len(), 3 * lookalike::procedural::Distortion::ALL.len());
}

#[cfg(unix)]
#[test]
fn files_are_completed_when_the_reader_of_the_rest_goes_away() {
    let place = Workplace::with_pair();
    let mut command = std::process::Command::new(crate::workplace::BINARY);
    command.current_dir(place.root()).args(["compare", "a.png", "b.png", "a.png", "-m", "mse"]);
    command.args(["--format", "jsonl", "--also", "junit=r.xml"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(count(&junit(&place.read("r.xml")).0), ["2", "0", "0", "0"]);
}
