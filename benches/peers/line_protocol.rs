//! The line protocol of the workers: a request per line on standard input, a JSON object per line
//! on standard output.
//!
//! * `prepare NAME PAIR`: loads the pair and runs the work twice; `{"setting", "value"}`
//! * `time NAME PAIR REPEATS`: runs the work; `{"seconds", "value"}`, seconds for one repeat
//! * `forget`: drops pairs and prepared work; `{}`
//! * `about`: `{"versions": {…}}`
//!
//! What cannot be done answers `{"error"}`. Time is taken around the work alone, on the worker's
//! own clock.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

/// One measurable piece of work, ready to run; gives the value it computes.
pub type Work = Box<dyn FnMut() -> Result<f64, String>>;

/// The decoded pictures of a pair: interleaved 8-bit RGB.
pub struct Pair {
    pub width: usize,
    pub height: usize,
    pub reference: Vec<u8>,
    pub candidate: Vec<u8>,
}

impl Pair {
    /// Reads `NAME-WIDTHxHEIGHT.reference.rgb` and its candidate.
    pub fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let size = name.rsplit_once('-').and_then(|(_, size)| size.split_once('x'));
        let (width, height) = size.ok_or_else(|| format!("{name}: no size in the name"))?;
        let side = |text: &str| text.parse::<usize>().map_err(|error| format!("{name}: {error}"));
        let samples = |role: &str| {
            let path = folder.join(format!("{name}.{role}.rgb"));
            std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self {
            width: side(width)?,
            height: side(height)?,
            reference: samples("reference")?,
            candidate: samples("candidate")?,
        })
    }
}

/// Answers requests until standard input ends. `bind` makes work of a name and the name of a pair.
pub fn serve(
    folder: PathBuf,
    versions: Value,
    bind: impl Fn(&Path, &str, &str) -> Result<Work, String>,
) -> std::io::Result<()> {
    let mut prepared: HashMap<(String, String), Work> = HashMap::new();
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["about"] => Ok(json!({ "versions": versions })),
            ["forget"] => {
                prepared.clear();
                Ok(json!({}))
            }
            ["prepare", name, pair] => bind(&folder, name, pair).and_then(|mut work| {
                work()?;
                let value = work()?;
                prepared.insert((name.to_owned(), pair.to_owned()), work);
                Ok(json!({ "setting": "", "value": value }))
            }),
            ["time", name, pair, repeats] => {
                match (prepared.get_mut(&(name.to_owned(), pair.to_owned())), repeats.parse()) {
                    (Some(work), Ok(repeats)) => time(work, repeats),
                    _ => Err(format!("{name} of {pair} is not prepared")),
                }
            }
            _ => Err(format!("not a request: {line}")),
        };
        writeln!(output, "{}", answer.unwrap_or_else(|error| json!({ "error": error })))?;
        output.flush()?;
    }
    Ok(())
}

fn time(work: &mut Work, repeats: u32) -> Result<Value, String> {
    let start = Instant::now();
    let mut value = 0.0;
    for _ in 0..repeats {
        value = work()?;
    }
    Ok(json!({ "seconds": start.elapsed().as_secs_f64() / f64::from(repeats), "value": value }))
}
