//! The socket page in a real browser, using only the browser's own `WebSocket` and `EventSource`.

use std::path::PathBuf;

use lotline::auth::key_scope::KeyScope;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::browser::{Browser, Page};
use crate::support::on_both_databases;
use crate::support::people::PASSWORD;

on_both_databases! {
    two_pages_talk_in_a_room,
    a_jobs_log_goes_on_after_a_reload_and_ends_with_complete,
    the_log_of_an_unknown_job_is_refused_in_words_and_not_kept,
    the_documented_example_runs_in_the_console_of_both_pages,
}

/// Screenshots of the last run, for a person to look at.
fn picture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// The socket page, connected with a token.
async fn connected(browser: &Browser, app: &TestApp, token: &str) -> Page {
    let mut page = browser.opens(&app.url("/")).await;
    connects(&mut page, token).await;
    page
}

async fn connects(page: &mut Page, token: &str) {
    page.submits("with-token", &[("token", token)]).await;
    page.until("document.getElementById('state').textContent === 'open'").await;
    page.until("document.getElementById('log').textContent.includes('connection_established')").await;
}

/// A condition: the message list has an entry of this name with this in its text.
fn shows(name: &str, text: &str) -> String {
    format!(
        "[...document.querySelectorAll('#log li')].some((line) => \
         line.querySelector('b').textContent === '{name}' && line.textContent.includes('{text}'))"
    )
}

async fn two_pages_talk_in_a_room(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = json!({ "room_id": "kitchen", "name": "Kitchen", "visibility": "public" });
    assert_eq!(ann.post("/api/v1/rooms", &room).await.status, 201);
    let browser = Browser::start();
    let mut of_ann = connected(&browser, app, ann.token()).await;
    let mut of_bob = connected(&browser, app, bob.token()).await;

    of_bob.runs("document.querySelector('#chat [name=room_id]').value = 'kitchen'").await;
    of_bob.runs("document.getElementById('join').click()").await;
    of_bob.until(&shows("system", "Joined room kitchen")).await;
    of_bob.submits("chat", &[("room_id", "kitchen"), ("text", "Is the house on Elm Street gone?")]).await;
    of_ann.until(&shows("chat", "Elm Street")).await;
    of_ann.submits("chat", &[("room_id", "kitchen"), ("text", "Sold <b>yesterday</b>.")]).await;
    of_bob.until(&shows("chat", "Sold <b>yesterday</b>.")).await;

    of_bob.until(&shows("ack", "Elm Street")).await;
    assert_eq!(of_bob.runs(&shows("chat", "Elm Street")).await, json!(false), "what one says is not echoed");
    of_bob.save_screenshot(&picture("chat.png")).await;
}

async fn a_jobs_log_goes_on_after_a_reload_and_ends_with_complete(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::JobsRun, KeyScope::LogsWrite]).await;
    ann.post("/api/v1/spiders", &json!({ "name": "outside", "runner": "external" })).await;
    let job = json!({ "spider_name": "outside", "target_urls": ["https://portal.example/"] });
    let job = ann.post("/api/v1/jobs", &job).await.json()["job_id"].to_string();
    let claimed = worker.post("/api/v1/workers/claim", &json!({})).await.json();
    let lease = json!({ "lease_token": claimed["lease_token"] });
    worker.post(&format!("/api/v1/jobs/{job}/start"), &lease).await;
    let logs = async |message: &str| {
        let lines = json!({ "lines": [{ "level": "info", "message": message }] });
        worker.post(&format!("/api/v1/jobs/{job}/logs"), &lines).await;
    };
    let browser = Browser::start();
    let mut page = connected(&browser, app, ann.token()).await;

    logs("the first line").await;
    page.submits("logs", &[("job_id", job.as_str())]).await;
    page.until(&shows("log", "the first line")).await;
    page.reloads().await;
    logs("said meanwhile").await;
    connects(&mut page, ann.token()).await;
    page.until(&shows("log", "said meanwhile")).await;
    logs("the last line").await;
    page.until(&shows("log", "the last line")).await;
    worker.post(&format!("/api/v1/jobs/{job}/complete"), &lease).await;
    page.until(&shows("complete", "completed")).await;

    assert_eq!(
        page.runs(&shows("log", "the first line")).await,
        json!(false),
        "it was read before the reload"
    );
    page.until("document.getElementById('log-state').textContent === 'complete'").await;
    // A reconnect would come within the `retry` time that the stream has sent.
    page.runs("new Promise((resolve) => setTimeout(resolve, 3000))").await;
    let asked = page.requests.iter().filter(|url| url.contains("/sse/logs/")).count();
    assert_eq!(asked, 2, "one request before the reload and one after it: {:?}", page.requests);
    page.save_screenshot(&picture("log.png")).await;
}

async fn the_log_of_an_unknown_job_is_refused_in_words_and_not_kept(app: &TestApp) {
    let ann = app.admin("ann").await;
    let browser = Browser::start();
    let mut page = connected(&browser, app, ann.token()).await;

    page.submits("logs", &[("job_id", "4711")]).await;
    page.until(&shows("problem", "4404")).await;

    assert_eq!(page.runs("document.getElementById('log-state').textContent").await, json!("refused"));
    assert_eq!(page.runs("sessionStorage.length").await, json!(0));
}

async fn the_documented_example_runs_in_the_console_of_both_pages(app: &TestApp) {
    app.member("ann").await;
    let browser = Browser::start();
    let mut page = browser.opens(&app.url("/docs/async")).await;
    let example = page.runs("document.querySelector('main pre').textContent").await;
    let example = example.as_str().unwrap().replace('…', PASSWORD);

    for path in ["/docs/async", "/"] {
        let mut page = browser.opens(&app.url(path)).await;
        page.runs("window.heard = []; console.log = (message) => heard.push(message)").await;
        page.is_typed(&example).await;
        page.until("heard.some((message) => message.type === 'subscription_confirmed')").await;
    }
}
