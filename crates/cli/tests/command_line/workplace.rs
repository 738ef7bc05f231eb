//! A temporary folder with pictures in it, and the binary run inside.

use std::path::{Path, PathBuf};

use lookalike::procedural::{Distortion, scene};
use lookalike::{Channels, Picture, Samples, encode};
use serde_json::Value;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_lookalike");

/// Size of the pictures unless a test says otherwise; below 161, so `ms-ssim` turns `@small`.
pub(crate) const SIZE: (usize, usize) = (96, 80);

pub(crate) struct Workplace {
    folder: tempfile::TempDir,
}

/// What a run left behind.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workplace {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A workplace with `a.png` and a noisy `b.png`.
    pub(crate) fn with_pair() -> Self {
        let place = Self::new();
        place.scene("a.png", SIZE);
        place.noisy("b.png", SIZE, 0.3);
        place
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn scene(&self, name: &str, size: (usize, usize)) {
        self.save(name, &scene(5, size.0, size.1));
    }

    /// The scene with noise of a strength from 0 to 1.
    pub(crate) fn noisy(&self, name: &str, size: (usize, usize), strength: f64) {
        let scene = scene(5, size.0, size.1);
        self.save(name, &Distortion::Noise.apply(&scene, strength, 1).unwrap());
    }

    /// Saves a picture as PNG, or as PPM when the name says so.
    pub(crate) fn save(&self, name: &str, picture: &Picture) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if !name.ends_with(".ppm") {
            return encode::write_png(picture, &path).unwrap();
        }
        let (Samples::U8(codes), Channels::Rgb) = (picture.samples(), picture.channels()) else {
            panic!("PPM is for 8-bit RGB pictures");
        };
        let mut file = format!("P6 {} {} 255\n", picture.width(), picture.height()).into_bytes();
        file.extend_from_slice(codes);
        self.write(name, &file);
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Paths of all files below the folder, relative to it and sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        walk(self.root(), self.root(), &mut found);
        found.sort();
        found
    }

    /// Runs the binary in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, b"")
    }

    /// Runs the binary in the folder with something on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = assert_cmd::Command::new(BINARY);
        command.current_dir(self.root()).args(arguments).write_stdin(input);
        // Weights of whoever runs the tests are none of their business.
        command.env("LOOKALIKE_HOME", self.path("home")).env_remove("LOOKALIKE_WEIGHTS_URL");
        let output = command.output().unwrap();
        let outcome = Outcome {
            code: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        outcome.check(arguments);
        outcome
    }

    /// Runs a command that must succeed; returns its standard output.
    pub(crate) fn succeeds(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        outcome.stdout
    }

    /// Runs a command that must fail before it has any result; returns its message.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 2, "{arguments:?}: {}", outcome.stdout);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        assert!(outcome.stderr.len() > 20, "{arguments:?}: {}", outcome.stderr);
        outcome.stderr
    }

    /// Runs `compare` with `--format json`; returns the status and the object.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let outcome = self.run(&[&["compare", "--format", "json"], arguments].concat());
        let json = serde_json::from_str(&outcome.stdout);
        (outcome.code, json.unwrap_or_else(|e| panic!("{e}: {}{}", outcome.stdout, outcome.stderr)))
    }
}

impl Outcome {
    /// What holds for every run, whatever it was asked for.
    fn check(&self, arguments: &[&str]) {
        assert!((0..=2).contains(&self.code), "{arguments:?}: exit status {}", self.code);
        assert!(!self.stderr.contains("panicked"), "{arguments:?}: {}", self.stderr);
        assert!(!self.stdout.contains("NaN"), "{arguments:?}: {}", self.stdout);
        for line in self.stderr.lines() {
            assert_eq!(doubled(line), None, "{arguments:?}: {line}");
        }
    }
}

/// Words between colons that a message says twice in a row.
pub(crate) fn doubled(message: &str) -> Option<&str> {
    let pieces: Vec<&str> = message.split(": ").collect();
    pieces.windows(2).find(|two| two[0].trim() == two[1].trim()).map(|two| two[0])
}

/// The values of one metric in the order of the pairs.
pub(crate) fn values(json: &Value, id: &str) -> Vec<f64> {
    let pairs = json["pairs"].as_array().unwrap().iter();
    pairs
        .flat_map(|pair| pair["scores"].as_array().unwrap())
        .filter(|score| score["id"] == id)
        .map(|score| score["value"].as_f64().unwrap())
        .collect()
}

/// `reference candidate` of every pair.
pub(crate) fn pairs(json: &Value) -> Vec<String> {
    let pairs = json["pairs"].as_array().unwrap().iter();
    let name = |value: &Value| value.as_str().unwrap().replace('\\', "/");
    pairs.map(|p| format!("{} {}", name(&p["reference"]), name(&p["candidate"]))).collect()
}

/// `path: message` of every error.
pub(crate) fn errors(json: &Value) -> Vec<String> {
    let errors = json["errors"].as_array().unwrap().iter();
    errors
        .map(|e| {
            let message = e["message"].as_str().unwrap();
            assert_eq!(doubled(message), None);
            format!("{}: {message}", e["path"].as_str().unwrap())
        })
        .collect()
}

/// The names of an object's fields, sorted.
pub(crate) fn fields(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// What lies beside the repository on machines that have it; a word about it where it is absent.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        #[allow(clippy::print_stdout)]
        {
            println!("skipped: {} is absent", path.display());
        }
        return None;
    }
    path.canonicalize().ok()
}

/// Holds a table against the one between two marks of a page of `docs`, or writes it there where
/// `LOOKALIKE_UPDATE_DOCS` asks for it. Figures of networks may differ a little between machines.
#[cfg(feature = "deep")]
pub(crate) fn table_of_page(page: &str, mark: &str, table: &str, tolerance: f64) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let [begin, end] = ["begin", "end"].map(|which| format!("<!-- {mark}: {which} -->"));
    let start = text.find(&begin).unwrap() + begin.len() + 1;
    let end = text.find(&end).unwrap();
    if std::env::var_os("LOOKALIKE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    let numbers = |text: &str| -> Vec<f64> {
        text.split(['|', '\n', ' ', '(', ')']).filter_map(|part| part.parse().ok()).collect()
    };
    let (stated, found) = (numbers(&text[start..end]), numbers(table));
    assert_eq!(stated.len(), found.len(), "the table of {page} is not that of this run:\n{table}");
    for (stated, found) in stated.iter().zip(&found) {
        assert!((stated - found).abs() < tolerance, "{stated} in {page}, {found} here:\n{table}");
    }
}
