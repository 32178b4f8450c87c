//! A real browser: headless Chromium, driven over its DevTools protocol (Target, Page, Runtime and Network domains).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::wait::{sleep_briefly, within};

/// A browser with its own profile; it ends when this is dropped.
pub struct Browser {
    process: Child,
    address: String,
    http: reqwest::Client,
    _profile: TempDir,
}

impl Browser {
    /// Starts it on a free port. As root it needs to run without its sandbox; it loads our own pages only.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--remote-debugging-port=0", "--window-size=1200,900"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("scripts/install has installed Chromium");
        let said = BufReader::new(process.stderr.take().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.strip_prefix("DevTools listening on ws://").map(str::to_owned));
        let address = url.expect("Chromium says where it listens").split('/').next().unwrap().to_owned();
        // Its further output must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { process, address, http, _profile: profile }
    }

    /// Opens `url` in a new page and waits until it is loaded.
    pub async fn opens(&self, url: &str) -> Page {
        let made = self.http.put(format!("http://{}/json/new?about:blank", self.address)).send();
        let made: Value = within("a page", made).await.unwrap().json().await.unwrap();
        let address = made["webSocketDebuggerUrl"].as_str().unwrap();
        let (socket, _) =
            within("the page's socket", tokio_tungstenite::connect_async(address)).await.unwrap();
        let mut page = Page { socket, sent: 0, requests: Vec::new() };
        page.call("Page.enable", json!({})).await;
        page.call("Network.enable", json!({})).await;
        page.call("Page.navigate", json!({ "url": url })).await;
        page.until("document.readyState === 'complete'").await;
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    sent: u64,
    /// The addresses of all requests so far.
    pub requests: Vec<String>,
}

impl Page {
    /// The value of an expression; a promise is waited for.
    pub async fn runs(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Runs an expression, as if it were entered in the console.
    pub async fn is_typed(&mut self, script: &str) {
        let asked = json!({ "expression": script, "awaitPromise": true, "replMode": true });
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, condition: &str) {
        let holds = async {
            // While a page is loading there may be nothing to evaluate in.
            while self.runs(&format!("Boolean({condition})")).await != json!(true) {
                sleep_briefly().await;
            }
        };
        within(&format!("the page to have {condition}"), holds).await;
    }

    /// Fills in a field and submits its form, as a user would.
    pub async fn submits(&mut self, form: &str, fields: &[(&str, &str)]) {
        let fields: Value = fields.iter().map(|(name, value)| json!([name, value])).collect();
        let script = format!(
            "(() => {{ const form = document.getElementById('{form}');
                for (const [name, value] of {fields}) form.elements[name].value = value;
                form.requestSubmit(); }})()"
        );
        self.runs(&script).await;
    }

    pub async fn reloads(&mut self) {
        self.runs("window.isOld = true").await;
        self.call("Page.reload", json!({})).await;
        self.until("!window.isOld && document.readyState === 'complete'").await;
    }

    /// A screenshot of the page, as PNG.
    pub async fn save_screenshot(&mut self, path: &Path) {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The result of a method of the protocol.
    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let message = json!({ "id": self.sent, "method": method, "params": params });
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        let answer = async {
            loop {
                let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else { continue };
                let received: Value = serde_json::from_str(&text).unwrap();
                if received["method"] == "Network.requestWillBeSent" {
                    self.requests.push(received["params"]["request"]["url"].as_str().unwrap().to_owned());
                }
                if received["id"] == self.sent {
                    assert!(received["error"].is_null(), "{method}: {received}");
                    return received["result"].clone();
                }
            }
        };
        within("the browser's answer", answer).await
    }
}
