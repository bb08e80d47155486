//! Chromium, driven over its DevTools pipe. Nothing is needed but the program itself.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const PATIENCE: Duration = Duration::from_secs(120);

/// A headless browser with one page.
pub(crate) struct Browser {
    process: Child,
    calls: ChildStdin,
    messages: Receiver<Value>,
    session: Value,
    n_calls: u64,
    /// Addresses that pages asked for, without those within the page.
    pub(crate) requests: Vec<String>,
    /// What pages complained of.
    pub(crate) complaints: Vec<String>,
    n_loads: u64,
    _profile: TempDir,
}

impl Browser {
    /// None where none is installed, which is printed.
    pub(crate) fn start() -> Option<Self> {
        let is_there = |program: &&str| {
            let version = Command::new(program).arg("--version").stderr(Stdio::null()).output();
            version.is_ok_and(|output| output.status.success())
        };
        let Some(program) = PROGRAMS.into_iter().find(is_there) else {
            eprintln!("skipped: no Chromium is installed (looked for {})", PROGRAMS.join(", "));
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // The browser reads calls from file descriptor 3, and writes answers to 4.
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 1>&2", "sh", program])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (calls, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(answers).split(0) {
                let message: Value = serde_json::from_slice(&message.unwrap()).unwrap();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            calls,
            messages,
            session: Value::Null,
            n_calls: 0,
            requests: Vec::new(),
            complaints: Vec::new(),
            n_loads: 0,
            _profile: profile,
        };
        let targets = browser.call("Target.getTargets", json!({}));
        let page = targets["targetInfos"].as_array().unwrap().iter().find(|target| target["type"] == "page").unwrap();
        let attached = json!({"targetId": page["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", attached)["sessionId"].clone();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Calls a method of the DevTools protocol.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.n_calls += 1;
        let mut call = json!({"id": self.n_calls, "method": method, "params": params});
        if !self.session.is_null() {
            call["sessionId"] = self.session.clone();
        }
        self.calls.write_all(format!("{call}\0").as_bytes()).unwrap();
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect(method);
            if message["id"] == self.n_calls {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str() {
            Some("Page.loadEventFired") => self.n_loads += 1,
            Some("Network.requestWillBeSent") => {
                let address = params["request"]["url"].as_str().unwrap();
                if !address.starts_with("data:") {
                    self.requests.push(address.to_owned());
                }
            }
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => self.complaints.push(params.to_string()),
            _ => {}
        }
    }

    fn load(&mut self, method: &str, params: Value) {
        let n_loads = self.n_loads;
        self.call(method, params);
        while self.n_loads == n_loads {
            let message = self.messages.recv_timeout(PATIENCE).expect("a page that loads");
            self.note(&message);
        }
    }

    /// Opens a file.
    pub(crate) fn open(&mut self, page: &Path, hash: &str) {
        // From another page, as a change of the hash alone loads nothing.
        self.load("Page.navigate", json!({"url": "about:blank"}));
        self.load("Page.navigate", json!({"url": format!("file://{}{hash}", page.display())}));
    }

    pub(crate) fn reload(&mut self) {
        self.load("Page.reload", json!({}));
    }

    /// The value of an expression.
    #[track_caller]
    pub(crate) fn js(&mut self, expression: &str) -> Value {
        let params =
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let found = self.call("Runtime.evaluate", params);
        assert!(found["exceptionDetails"].is_null(), "{expression}: {found}");
        found["result"]["value"].clone()
    }

    /// The text that a person reads of an element; none where it is not shown.
    #[track_caller]
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let found = self.js(&format!("document.querySelector({selector:?}).innerText"));
        found.as_str().unwrap().to_owned()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&mut self, expression: &str) {
        let begin = Instant::now();
        while self.js(expression) != true {
            assert!(begin.elapsed() < PATIENCE, "{expression} does not become true");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses keys, one after the other.
    pub(crate) fn press(&mut self, keys: &[&str]) {
        for key in keys {
            let text = match *key {
                "Enter" => "\r",
                key if key.chars().count() == 1 => key,
                _ => "",
            };
            let code = match *key {
                "Escape" => 27,
                "Enter" => 13,
                "Tab" => 9,
                "ArrowLeft" => 37,
                "ArrowRight" => 39,
                key => u32::from(key.as_bytes()[0].to_ascii_uppercase()),
            };
            for kind in ["keyDown", "keyUp"] {
                let text = if kind == "keyDown" { text } else { "" };
                let event = json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code});
                self.call("Input.dispatchKeyEvent", event);
            }
        }
    }

    /// Clicks on the middle of an element.
    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        let middle = format!(
            "(() => {{ const found = document.querySelector({selector:?}); found.scrollIntoView({{block: 'nearest'}}); \
             const box = found.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let middle = self.js(&middle);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// A window of so many pixels; a narrow one is a telephone's.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Wishes of a reader: `[("prefers-color-scheme", "dark")]`.
    pub(crate) fn prefer(&mut self, wishes: &[(&str, &str)]) {
        let features: Vec<Value> = wishes.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Gives a file to an element that asks for one.
    pub(crate) fn give_file(&mut self, selector: &str, file: &Path) {
        let element = json!({"expression": format!("document.querySelector({selector:?})")});
        let found = self.call("Runtime.evaluate", element);
        let file = json!({"objectId": found["result"]["objectId"], "files": [file]});
        self.call("DOM.setFileInputFiles", file);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.calls.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) {
            if self.process.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
