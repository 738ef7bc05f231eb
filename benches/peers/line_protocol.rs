//! The line protocol of the workers: a request per line on standard input, a JSON object per line
//! on standard output.
//!
//! * `prepare NAME PAIR`: loads the pair and runs the work twice; `{"setting", "value"}`
//! * `time NAME PAIR REPEATS`: runs the work; `{"seconds"}` for one repeat
//! * `forget`: drops pairs and prepared work; `{}`
//! * `about`: `{"versions": {…}}`
//!
//! What cannot be done answers `{"error"}`. Time is taken around the work alone, on the worker's
//! own clock.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

/// One measurable piece of work, ready to run; gives what it computes.
pub type Work<T = f64> = Box<dyn FnMut() -> Result<T, String>>;

/// Answers requests until standard input ends. `bind` makes work of a name and the name of a pair.
pub fn serve<T: Into<Value>>(
    folder: PathBuf,
    versions: Value,
    bind: impl Fn(&Path, &str, &str) -> Result<Work<T>, String>,
) -> std::io::Result<()> {
    let mut prepared: HashMap<(String, String), Work<T>> = HashMap::new();
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
                let value: Value = work()?.into();
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

fn time<T>(work: &mut Work<T>, repeats: u32) -> Result<Value, String> {
    let start = Instant::now();
    for _ in 0..repeats {
        black_box(work()?);
    }
    Ok(json!({ "seconds": start.elapsed().as_secs_f64() / f64::from(repeats) }))
}
