//! A job's log as a stream: it resumes where it stopped, ends with `complete`, and is not resumed after that.

use std::time::Duration;

use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Worker};
use crate::support::stream::{Block, Stream};

on_both_databases! {
    a_log_is_streamed_from_its_first_line_to_its_end_and_then_answers_204,
    a_stream_resumes_after_its_last_line_and_brings_each_line_once,
    a_position_that_is_not_in_the_log_is_a_gap,
    levels_narrow_the_stream_and_a_bad_one_is_named,
    a_retried_job_continues_its_log_after_the_end,
    lines_of_a_page_and_more_all_come,
}

/// A claimed job, and its worker.
struct Crawl<'a> {
    ann: &'a Admin<'a>,
    worker: Worker<'a>,
    job: i64,
    lease: String,
}

impl<'a> Crawl<'a> {
    async fn begins(app: &'a TestApp, ann: &'a Admin<'a>) -> Self {
        let scopes = [KeyScope::JobsRun, KeyScope::LogsWrite, KeyScope::EventsRead];
        let worker = app.worker(ann, &scopes).await;
        let spider = json!({ "name": "outside", "runner": "external" });
        assert_eq!(ann.post("/api/v1/spiders", &spider).await.status, 201);
        let body = json!({ "spider_name": "outside", "target_urls": ["https://portal.example/"] });
        let job = ann.post("/api/v1/jobs", &body).await.json()["job_id"].as_i64().unwrap();
        let mut crawl = Self { ann, worker, job, lease: String::new() };
        crawl.is_claimed().await;
        crawl
    }

    async fn is_claimed(&mut self) {
        let claimed = self.worker.post("/api/v1/workers/claim", &json!({})).await.json();
        self.lease = claimed["lease_token"].as_str().unwrap().to_owned();
        let start = json!({ "lease_token": self.lease });
        self.worker.post(&format!("/api/v1/jobs/{}/start", self.job), &start).await;
    }

    async fn logs(&self, lines: &[(&str, &str)]) {
        let lines = lines.iter().map(|(level, message)| json!({ "level": level, "message": message }));
        let body = json!({ "lines": lines.collect::<Vec<_>>() });
        let answer = self.worker.post(&format!("/api/v1/jobs/{}/logs", self.job), &body).await;
        assert!(answer.status < 300, "{answer:?}");
    }

    async fn ends(&self) {
        let body = json!({ "lease_token": self.lease });
        let answer = self.worker.post(&format!("/api/v1/jobs/{}/complete", self.job), &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    async fn streams(&self, query: &str, last: Option<&str>) -> Stream {
        self.ann.streams(&format!("/sse/logs/{}{query}", self.job), last).await
    }
}

/// The stream's next `count` lines: the event's id and the line's text.
async fn lines(stream: &mut Stream, count: usize) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while found.len() < count {
        let block = stream.next_event().await;
        if block.event.as_deref() == Some("log") {
            let line = block.json();
            assert_eq!(block.id, Some(line["id"].to_string()));
            found.push((block.id.unwrap(), line["message"].as_str().unwrap().to_owned()));
        } else {
            assert_eq!(block.event.as_deref(), Some("connection_established"), "{block:?}");
        }
    }
    found
}

async fn completes(stream: &mut Stream) -> Block {
    let block = stream.next_event().await;
    assert_eq!(block.event.as_deref(), Some("complete"), "{block:?}");
    while let Some(block) = stream.next_block().await {
        assert_eq!(block.data, None, "nothing is said after the end: {block:?}");
    }
    block
}

async fn a_log_is_streamed_from_its_first_line_to_its_end_and_then_answers_204(app: &TestApp) {
    let ann = app.admin("ann").await;
    let crawl = Crawl::begins(app, &ann).await;
    crawl.logs(&[("info", "one"), ("warning", "two")]).await;

    let mut stream = crawl.streams("", None).await;
    let stored = lines(&mut stream, 2).await;
    crawl.logs(&[("error", "three")]).await;
    let live = lines(&mut stream, 1).await;
    crawl.ends().await;
    let complete = completes(&mut stream).await;

    assert_eq!([&stored[0].1, &stored[1].1, &live[0].1], ["one", "two", "three"]);
    assert_eq!(complete.json(), json!({ "type": "complete", "job_id": crawl.job, "status": "completed" }));
    let end = complete.id.unwrap();
    assert!(end.starts_with("end."), "{end}");
    assert_eq!(crawl.streams("", Some(&end)).await.status, 204);
    assert_eq!(crawl.streams(&format!("?since={end}"), None).await.status, 204);
    // A first reader afterwards gets all of it.
    let mut late = crawl.streams("", None).await;
    assert_eq!(lines(&mut late, 3).await.last(), live.last());
    completes(&mut late).await;
    app.wait_for_connections(0).await;
}

async fn a_stream_resumes_after_its_last_line_and_brings_each_line_once(app: &TestApp) {
    let ann = app.admin("ann").await;
    let crawl = Crawl::begins(app, &ann).await;
    let (mut seen, mut last): (Vec<String>, Option<String>) = (Vec::new(), None);

    for round in 0..5 {
        let words: Vec<String> = (0..3).map(|number| format!("{round}.{number}")).collect();
        let batch: Vec<(&str, &str)> = words.iter().map(|word| ("info", word.as_str())).collect();
        crawl.logs(&batch).await;
        // Cut after two of three: the third line comes first in the next stream.
        let mut stream = crawl.streams("", last.as_deref()).await;
        for (id, word) in lines(&mut stream, if round == 4 { 7 } else { 2 }).await {
            (seen, last) = ([seen, vec![word]].concat(), Some(id));
        }
    }

    let wanted: Vec<String> =
        (0..5).flat_map(|round| (0..3).map(move |number| format!("{round}.{number}"))).collect();
    assert_eq!(seen, wanted);
}

async fn a_position_that_is_not_in_the_log_is_a_gap(app: &TestApp) {
    let ann = app.admin("ann").await;
    let crawl = Crawl::begins(app, &ann).await;
    crawl.logs(&[("info", "old")]).await;

    for (place, reason) in
        [("nonsense", "malformed"), ("4503599627370496", "future"), ("end.4503599627370496", "future")]
    {
        let mut stream = crawl.streams("", Some(place)).await;
        let hello = stream.next_event().await;
        let gap = stream.next_event().await.json();
        crawl.logs(&[("info", "new")]).await;
        let line = stream.next_event().await.json();

        assert_eq!(hello.event.as_deref(), Some("connection_established"));
        let received = (&gap["type"], &gap["reason"], &gap["resync_url"]);
        let url = json!(format!("/api/v1/jobs/{}/logs", crawl.job));
        assert_eq!(received, (&json!("gap"), &json!(reason), &url));
        assert_eq!(line["message"], "new", "what was there is in the list, what comes now is here");
    }
}

async fn levels_narrow_the_stream_and_a_bad_one_is_named(app: &TestApp) {
    let ann = app.admin("ann").await;
    let crawl = Crawl::begins(app, &ann).await;
    crawl.logs(&[("debug", "d"), ("warning", "w"), ("error", "e"), ("critical", "c")]).await;
    crawl.ends().await;

    let mut worse = crawl.streams("?min_level=error", None).await;
    let mut only = crawl.streams("?level=warning", None).await;
    let bad = ann.get(&format!("/sse/logs/{}?level=loud", crawl.job)).await;

    assert_eq!(lines(&mut worse, 2).await.iter().map(|line| line.1.as_str()).collect::<Vec<_>>(), ["e", "c"]);
    completes(&mut worse).await;
    assert_eq!(lines(&mut only, 1).await[0].1, "w");
    completes(&mut only).await;
    bad.expect_problem(400, "bad_request");
    assert!(bad.json()["detail"].as_str().unwrap().contains("level must be one of debug"), "{bad:?}");
    ann.get("/sse/logs/4503599627370496").await.expect_problem(404, "not_found");
    ann.get("/sse/logs/x").await.expect_problem(404, "not_found");
}

async fn a_retried_job_continues_its_log_after_the_end(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut crawl = Crawl::begins(app, &ann).await;
    crawl.logs(&[("info", "first try")]).await;
    crawl.ends().await;
    let mut stream = crawl.streams("", None).await;
    lines(&mut stream, 1).await;
    let end = completes(&mut stream).await.id.unwrap();

    let again = ann.post(&format!("/api/v1/jobs/{}/retry", crawl.job), &Value::Null).await;
    assert!(again.status < 300, "{again:?}");
    let mut stream = crawl.streams("", Some(&end)).await;
    crawl.is_claimed().await;
    crawl.logs(&[("info", "second try")]).await;
    let second = lines(&mut stream, 1).await;
    crawl.ends().await;
    let second_end = completes(&mut stream).await.id.unwrap();

    assert_eq!(second[0].1, "second try");
    assert_ne!(second_end, end);
    assert_eq!(crawl.streams("", Some(&second_end)).await.status, 204);
    // The first end is not the job's last one any more.
    assert_eq!(crawl.streams("", Some(&end)).await.status, 200);
}

async fn lines_of_a_page_and_more_all_come(app: &TestApp) {
    let ann = app.admin("ann").await;
    let crawl = Crawl::begins(app, &ann).await;
    let words: Vec<String> = (0..450).map(|number| number.to_string()).collect();
    let batch: Vec<(&str, &str)> = words.iter().map(|word| ("info", word.as_str())).collect();
    crawl.logs(&batch).await;
    crawl.ends().await;

    let mut stream = crawl.streams("", None).await;

    let seen: Vec<String> = lines(&mut stream, 450).await.into_iter().map(|line| line.1).collect();
    assert_eq!(seen, words);
    completes(&mut stream).await;
    // The clock did not have to move for this.
    app.advance(Duration::from_millis(1)).await;
}
