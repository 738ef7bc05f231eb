//! A headless Chromium, driven through chromedriver by the WebDriver protocol.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Names under which the browser may be installed.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser with one window.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
    // The browser's own files; gone with it.
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser with a window of a size; `None`, and a word about it, where there is none.
    pub(crate) fn start(width: u32, height: u32) -> Option<Self> {
        let Some(program) = BROWSERS.into_iter().find_map(installed) else {
            println!("skipped: no chromium on this machine");
            return None;
        };
        if installed("chromedriver").is_none() {
            println!("skipped: no chromedriver on this machine");
            return None;
        }
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port: u16 = lines
            .map(Result::unwrap)
            .find_map(|line| line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse().ok())
            .expect("chromedriver says which port it listens on");
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.timeout_global(Some(Duration::from_secs(120))).build().into();
        let session = format!("http://127.0.0.1:{port}/session");
        let profile = tempfile::tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        let mut browser = Self { driver, agent, session, _profile: profile };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": program, "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-background-networking", data,
            ] },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let answer = browser.post("", &wanted);
        let id = answer["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{}/{id}", browser.session);
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
        });
        browser.protocol("Emulation.setDeviceMetricsOverride", &metrics);
        Some(browser)
    }

    /// Opens a file.
    pub(crate) fn open(&self, file: &Path) {
        self.open_url(&address(file));
    }

    /// Opens an address.
    pub(crate) fn open_url(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// The value of an expression of JavaScript.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let script = json!({ "script": format!("return {expression};"), "args": [] });
        self.post("/execute/sync", &script)
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&self, expression: &str) {
        let start = Instant::now();
        while self.value(expression) != true {
            assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys one after the other: characters, or names such as `Enter`.
    pub(crate) fn press(&self, keys: &[&str]) {
        let code = |key: &str| match key {
            "Enter" => "\u{e007}".to_owned(),
            "Escape" => "\u{e00c}".to_owned(),
            "Left" => "\u{e012}".to_owned(),
            "Right" => "\u{e014}".to_owned(),
            "Down" => "\u{e015}".to_owned(),
            "Tab" => "\u{e004}".to_owned(),
            other => other.to_owned(),
        };
        let strokes = keys.iter().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": code(key) }))
        });
        let actions: Vec<Value> = strokes.collect();
        let keyboard = json!([{ "type": "key", "id": "keyboard", "actions": actions }]);
        self.post("/actions", &json!({ "actions": keyboard }));
    }

    /// Clicks the first element that a selector finds.
    pub(crate) fn click(&self, selector: &str) {
        let find = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", &find);
        let id = found.as_object().and_then(|o| o.values().next()?.as_str());
        let id = id.unwrap_or_else(|| panic!("no element {selector}: {found}"));
        let answer = self.post(&format!("/element/{id}/click"), &json!({}));
        assert_eq!(answer, Value::Null, "{selector}");
    }

    /// What pages logged since they were last asked.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.log("browser").iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// What the page logged as an error, and every address it asked for besides its own.
    pub(crate) fn complaints(&self, page: &Path) -> Vec<String> {
        let mut found = self.errors();
        let own = address(page);
        for entry in self.log("performance") {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let url = event["params"]["request"]["url"].as_str().unwrap();
                // A fresh profile begins with a page of the browser's own; others cannot ask for its parts.
                let asked = !["data:", "chrome:"].iter().any(|scheme| url.starts_with(scheme));
                if asked && url != own {
                    found.push(url.to_owned());
                }
            }
        }
        found
    }

    /// Saves what the window shows, for people, when `LOOKALIKE_SCREENSHOTS` names a folder.
    pub(crate) fn screenshot(&self, name: &str) {
        let Some(folder) = std::env::var_os("LOOKALIKE_SCREENSHOTS") else { return };
        let answer = self.protocol("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            answer["data"].as_str().unwrap(),
        );
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), bytes.unwrap()).unwrap();
    }

    /// Whether the system asks for dark colours.
    pub(crate) fn prefer_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.protocol("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    fn protocol(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", &json!({ "type": kind }));
        entries.as_array().unwrap_or_else(|| panic!("no log {kind}: {entries}")).clone()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session));
        let mut answer = request.content_type("application/json").send(body.to_string()).unwrap();
        // A log of a large page is larger than what is read by default.
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["value"].get("error").is_none(), "{path}: {}", answer["value"]);
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closing the session ends the browser, which would outlive its driver.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn address(file: &Path) -> String {
    format!("file://{}", file.canonicalize().unwrap().display())
}

fn installed(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|f| f.join(program)).find(|path| path.is_file())
}
