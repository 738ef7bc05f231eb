//! A server of the program, in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::workplace::{BINARY, Workplace};

/// A server, and what it printed.
pub(crate) struct Server {
    process: Child,
    pub(crate) told: Value,
}

impl Server {
    /// Runs a command that serves pages, and reads the line of JSON that says where.
    pub(crate) fn start(place: &Workplace, arguments: &[&str], listen: &str) -> Self {
        let mut command = Command::new(BINARY);
        command.current_dir(place.root()).args(arguments);
        command.args(["--listen", listen, "--format", "json"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).unwrap();
        Self { process, told }
    }

    /// A text of what was printed.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.told.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}"))
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// As by Ctrl-C, which ends well.
    pub(crate) fn interrupt(&mut self) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a test that failed half way.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
