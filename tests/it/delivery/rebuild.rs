//! A client that was away for longer than the log reaches gets a gap and reads the lists that it names; with the
//! events that follow it has the current state, removed rows, jobs and notifications included, while others write.

use chrono::TimeDelta;
use lotline::auth::key_scope::KeyScope;
use lotline::domain::log_retention::{LogRetention, trim_logs};
use serde_json::{Value, json};

use super::mirror::Mirror;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Member, Person, Worker};

on_both_databases! {
    a_reader_that_was_trimmed_away_rebuilds_and_stays_equal,
}

const FEEDS: &str = "job_updates,property_updates,system_alerts";
const LISTS: [&str; 3] = ["/api/v1/jobs", "/api/v1/properties?include_removed=true", "/api/v1/notifications"];
const ROUNDS: usize = 3;

async fn a_reader_that_was_trimmed_away_rebuilds_and_stays_equal(app: &TestApp) {
    let (ann, max) = (app.admin("ann").await, app.member("max").await);
    let office = Writers::new(app, &ann, &max).await;
    let own_jobs = format!("/api/v1/jobs?created_by={}", max.id);
    let maxs_lists = ["/api/v1/notifications", own_jobs.as_str()];
    let mut readers = [
        ResumingReader::begins(&ann, FEEDS, Carrier::Socket).await,
        ResumingReader::begins(&ann, FEEDS, Carrier::Stream).await,
        ResumingReader::begins(&ann, FEEDS, Carrier::Request).await,
        // Without a feed: broadcasts to everyone, and its own jobs.
        ResumingReader::begins(&max, "", Carrier::Socket).await,
        ResumingReader::begins(&max, "", Carrier::Request).await,
    ];

    for round in 0..ROUNDS {
        let [before, marker, live] = [0, 1, 2].map(|part| 3 * round + part);
        office.writes(before).await;
        trim_logs(&app.services, LogRetention { age: TimeDelta::days(3_650), events: 5, bytes: None })
            .await
            .unwrap();
        for (writing, is_gap_wanted) in [(marker, true), (live, false)] {
            let word = format!("end of {writing}");
            let [one, two, three, four, five] = &mut readers;
            tokio::join!(
                async {
                    office.writes(writing).await;
                    ann.broadcasts(&word).await;
                },
                one.reads_up_to(&word),
                two.reads_up_to(&word),
                three.reads_up_to(&word),
                four.reads_up_to(&word),
                five.reads_up_to(&word)
            );
            let (whole, maxs) = (Mirror::of(&ann, &LISTS).await, Mirror::of(&max, &maxs_lists).await);
            assert!(whole.properties.values().any(|row| row["removed"] == true));
            assert!(!maxs.jobs.is_empty() && maxs.jobs.len() < whole.jobs.len());
            for reader in &mut readers {
                let state = if reader.feeds.is_empty() { &maxs } else { &whole };
                assert_eq!(std::mem::take(&mut reader.had_gap), is_gap_wanted, "{:?}", reader.carrier);
                reader.is_equal_to(state, writing);
            }
        }
    }
}

/// The callers that write.
struct Writers<'a> {
    ann: &'a Admin<'a>,
    max: &'a Member<'a>,
    worker: Worker<'a>,
}

impl<'a> Writers<'a> {
    async fn new(app: &'a TestApp, ann: &'a Admin<'a>, max: &'a Member<'a>) -> Self {
        let worker = app.worker(ann, &[KeyScope::JobsRun, KeyScope::PropertiesWrite]).await;
        let spider = json!({ "name": "outside", "runner": "external" });
        assert_eq!(ann.post("/api/v1/spiders", &spider).await.status, 201);
        Self { ann, max, worker }
    }

    /// All of them write at once.
    async fn writes(&self, round: usize) {
        tokio::join!(self.broadcasts(round), self.writes_listings(round), self.runs_jobs(round));
    }

    async fn broadcasts(&self, round: usize) {
        for number in 0..8 {
            let audience = if number % 3 == 0 { "admins" } else { "everyone" };
            let body = json!({ "message": format!("news {round} {number}"), "audience": audience });
            assert_eq!(self.ann.post("/api/v1/admin/broadcast", &body).await.status, 200);
        }
    }

    /// Listings that appear, change, disappear, and partly come back.
    async fn writes_listings(&self, round: usize) {
        for number in 0..6 {
            let row = |key: String, price: usize| {
                json!({ "source": "portal", "listing_key": key, "list_price": price, "currency": "EUR",
                        "address": { "city": "Utrecht" } })
            };
            let gone = |key: String| json!({ "source": "portal", "listing_key": key, "removed": true });
            let items = json!([
                row(format!("lasting-{number}"), 1_000 + round),
                row(format!("new-{round}-{number}"), 2_000),
                gone(format!("new-{round}-{}", (number + 5) % 6)),
                if round.is_multiple_of(2) {
                    gone("wavering".to_owned())
                } else {
                    row("wavering".to_owned(), 7)
                },
            ]);
            let answer = self.worker.post("/api/v1/properties/batch", &json!({ "items": items })).await;
            assert_eq!((answer.status, &answer.json()["rejected"]), (200, &json!(0)), "{answer:?}");
        }
    }

    /// Jobs of two people: completed, failed, cancelled.
    async fn runs_jobs(&self, round: usize) {
        for number in 0..4 {
            let owner: &Person<'_> = if number % 2 == 0 { self.ann } else { self.max };
            let url = format!("https://portal.example/{round}/{number}");
            let body = json!({ "spider_name": "outside", "target_urls": [url] });
            let made = owner.post("/api/v1/jobs", &body).await;
            assert_eq!(made.status, 201, "{made:?}");
            let path = format!("/api/v1/jobs/{}", made.json()["job_id"]);
            if number == 3 {
                assert_eq!(owner.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
                continue;
            }
            let claim = self.reports("/api/v1/workers/claim", json!({})).await;
            let lease = json!({ "lease_token": claim["lease_token"] });
            self.reports(&format!("{path}/start"), lease.clone()).await;
            let mut progress = lease.clone();
            progress["items_scraped"] = json!(number);
            progress["sequence"] = json!(1);
            self.reports(&format!("{path}/progress"), progress).await;
            let mut end = lease;
            if number == 2 {
                end["error"] = json!("the portal is closed");
                self.reports(&format!("{path}/fail"), end).await;
            } else {
                self.reports(&format!("{path}/complete"), end).await;
            }
        }
    }

    async fn reports(&self, path: &str, body: Value) -> Value {
        let answer = self.worker.post(path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }
}

#[derive(Clone, Copy, Debug)]
enum Carrier {
    Socket,
    Stream,
    Request,
}

/// A client with its copy of the tenant's state. It connects, reads and disconnects again.
struct ResumingReader<'a> {
    person: &'a Person<'a>,
    feeds: &'static str,
    carrier: Carrier,
    position: String,
    had_gap: bool,
    mirror: Mirror,
}

impl<'a> ResumingReader<'a> {
    /// Begins in an empty tenant.
    async fn begins(who: &'a Person<'a>, feeds: &'static str, carrier: Carrier) -> Self {
        let head = who.get("/api/v1/events").await.json();
        let position = head["position"].as_str().unwrap().to_owned();
        Self { person: who, feeds, carrier, position, had_gap: false, mirror: Mirror::default() }
    }

    /// Continues from the last position until this broadcast has come.
    async fn reads_up_to(&mut self, word: &str) {
        match self.carrier {
            Carrier::Socket => self.read_socket(word).await,
            Carrier::Stream => self.read_stream(word).await,
            Carrier::Request => self.read_pages(word).await,
        }
    }

    async fn read_socket(&mut self, word: &str) {
        let mut request = self.person.socket_request("/ws").query("since", &self.position);
        if !self.feeds.is_empty() {
            request = request.query("subscriptions", self.feeds);
        }
        let mut socket = request.open().await;
        while !self.apply_frame(&socket.next().await, word).await {}
    }

    async fn read_stream(&mut self, word: &str) {
        let path = format!("/sse/events?subscriptions={}", self.feeds);
        let mut stream = self.person.streams(&path, Some(&self.position)).await;
        while !self.apply_frame(&stream.next_event().await.json(), word).await {}
    }

    async fn read_pages(&mut self, word: &str) {
        loop {
            let feeds = if self.feeds.is_empty() { "" } else { "&subscriptions=" };
            let path = format!("/api/v1/events?since={}{feeds}{}&limit=9", self.position, self.feeds);
            let page = self.person.get(&path).await.json();
            if page["recovered"] == false {
                self.had_gap = true;
                // Reads the lists after the page, so that they include what is on it.
                for url in page["resync_urls"].as_object().unwrap().values() {
                    self.reads_anew(url).await;
                }
                self.position = page["position"].as_str().unwrap().to_owned();
                continue;
            }
            for frame in page["data"].as_array().unwrap() {
                self.apply_frame(frame, word).await;
            }
            self.position = page["position"].as_str().unwrap().to_owned();
            // The last broadcast may have come in a list instead.
            let has_heard = self.mirror.notices.iter().any(|notice| notice.contains(word));
            if page["has_more"] == false && has_heard {
                return;
            }
        }
    }

    /// Reloads a list that a gap names, if any. The job feed carries more than the reader's own jobs.
    async fn reads_anew(&mut self, url: &Value) {
        if let Some(url) = url.as_str().filter(|url| !url.contains("created_by") || self.feeds.is_empty()) {
            self.mirror.reads_anew(self.person, url).await;
        }
    }

    /// Handles a frame; returns whether it is the last.
    async fn apply_frame(&mut self, frame: &Value, word: &str) -> bool {
        if frame["type"] == "gap" {
            self.had_gap = true;
            for url in [&frame["resync_url"], &frame["own_jobs_url"]] {
                self.reads_anew(url).await;
            }
        }
        self.mirror.applies(frame);
        if let Some(position) = frame["position"].as_str() {
            self.position = position.to_owned();
        }
        frame["message"] == word
    }

    #[track_caller]
    fn is_equal_to(&self, state: &Mirror, round: usize) {
        let (carrier, mirror) = (self.carrier, &self.mirror);
        assert_eq!(mirror.properties, state.properties, "{carrier:?} in round {round}");
        assert_eq!(mirror.jobs, state.jobs, "{carrier:?} in round {round}");
        assert_eq!(mirror.notices, state.notices, "{carrier:?} in round {round}");
    }
}
