//! Retention in the middle of a replay: on every carrier a reader gets the events that are kept and a gap for those
//! that are not, and the checker finds no silent gap.

use chrono::TimeDelta;
use lotline::auth::key_scope::KeyScope;
use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use lotline::base::entropy::Entropy;
use lotline::domain::log_retention::{LogRetention, trim_logs};
use serde_json::{Value, json};

use crate::history::{Entry, History, Reader, Role, Seen, Tenant, number};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Person, Worker};
use crate::support::wait::sleep_briefly;

on_both_databases! {
    a_replay_gets_a_gap_for_what_is_trimmed_between_two_of_its_reads,
    a_replay_gets_a_gap_for_what_is_trimmed_while_it_reads,
}

const BATCHES: usize = 4;
const ROWS: usize = 500;
/// The number of events that the last trim leaves.
const LEFT: i64 = 60;
const FEED: &str = "property_updates";

/// Reads and trims strictly alternate: a trim before each page that a replay reads.
async fn a_replay_gets_a_gap_for_what_is_trimmed_between_two_of_its_reads(app: &TestApp) {
    let ann = app.admin("ann").await;
    let log = a_long_log(app, &ann).await;
    let mut permits = app.takes_all_replay_permits().await;
    let neighbour = TenantScope::for_system(SystemReason::Retention, app.other);
    let trims = async {
        // A reader that connects after the trims would start with what is left.
        app.wait_for_connections(3).await;
        app.wait_for_waiting_replays(2).await;
        permits.pop();
        let mut kept = log.entries.len() as i64;
        for round in 0.. {
            let permit = app.services.db.acquire_replay_permit(&neighbour).await.unwrap();
            kept -= match round {
                // The readers have read a little; then most of the rest is trimmed.
                0..8 => 0,
                8 => 1_100,
                _ => Entropy.below(200) as i64,
            };
            trim(app, kept.max(LEFT)).await;
            drop(permit);
            if kept <= LEFT {
                return;
            }
        }
    };

    let (readers, ()) = tokio::join!(readers(app, &ann, &log), trims);

    for reader in &readers[..3] {
        let (gaps, all) = (gaps(reader), reader.seen.len());
        assert!(gaps > 0 && all > gaps, "{}: {gaps} gaps, {all} in all", reader.name);
    }
    log.check_history(readers);
}

/// Neither waits for the other, so a trim may happen in the middle of a read.
async fn a_replay_gets_a_gap_for_what_is_trimmed_while_it_reads(app: &TestApp) {
    let ann = app.admin("ann").await;
    let log = a_long_log(app, &ann).await;
    let trims = async {
        let mut kept = log.entries.len() as i64;
        while kept > LEFT {
            kept -= 1 + Entropy.below(60) as i64;
            trim(app, kept.max(LEFT)).await;
            sleep_briefly().await;
        }
    };

    let (readers, ()) = tokio::join!(readers(app, &ann, &log), trims);

    log.check_history(readers);
}

/// The log of the changes before the first trim.
struct Log {
    start: String,
    entries: Vec<Entry>,
}

impl Log {
    fn last(&self) -> u64 {
        self.entries.last().and_then(Entry::number).unwrap()
    }

    #[track_caller]
    fn check_history(self, readers: Vec<Reader>) {
        let tried = self.entries.iter().filter_map(|entry| entry.fact.clone()).collect();
        let tenant = Tenant { tried, acknowledged: Vec::new(), log: self.entries, readers };
        let faults = History { tenants: vec![tenant] }.faults();
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

async fn a_long_log(app: &TestApp, ann: &Admin<'_>) -> Log {
    let worker = app.worker(ann, &[KeyScope::PropertiesWrite]).await;
    // New listings are also announced to all in one message; the late subscription follows their later prices.
    reprices(&worker, 0).await;
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    for batch in 1..=BATCHES {
        reprices(&worker, batch).await;
    }
    let (mut entries, mut since) = (Vec::new(), start.clone());
    loop {
        let page = read_page(ann, &since, 200).await;
        entries.extend(page["data"].as_array().unwrap().iter().filter_map(Entry::of));
        since = page["position"].as_str().unwrap().to_owned();
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(entries.len(), BATCHES * ROWS);
    Log { start, entries }
}

async fn reprices(worker: &Worker<'_>, batch: usize) {
    let item = |row: usize| {
        let price = 1_000 * (batch + 1) + row;
        json!({ "source": "portal", "listing_key": row.to_string(), "list_price": price, "currency": "EUR" })
    };
    let items: Vec<Value> = (0..ROWS).map(item).collect();
    let answer = worker.post("/api/v1/properties/batch", &json!({ "items": items })).await;
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(ROWS)), "{answer:?}");
}

async fn trim(app: &TestApp, keep: i64) {
    trim_logs(&app.services, LogRetention { age: TimeDelta::days(3_650), events: keep, bytes: None })
        .await
        .unwrap();
}

/// All readers at once, from before the first change.
async fn readers(app: &TestApp, ann: &Person<'_>, log: &Log) -> Vec<Reader> {
    let bob = app.viewer("bob").await;
    let (by_socket, by_stream, by_request, by_subscription) = tokio::join!(
        read_socket(ann, log),
        read_stream(ann, log),
        read_pages(&bob, log),
        read_subscription(&bob, log)
    );
    let reader = |name: &str, role, seen| Reader {
        name: name.to_owned(),
        role,
        follows: true,
        start: log.start.clone(),
        seen,
    };
    vec![
        reader("the socket", Role::Admin, by_socket),
        reader("the stream", Role::Admin, by_stream),
        reader("who asks", Role::Viewer, by_request),
        reader("the late subscription", Role::Viewer, by_subscription),
    ]
}

fn gaps(reader: &Reader) -> usize {
    reader.seen.iter().filter(|one| matches!(one, Seen::Gap { .. })).count()
}

/// A frame as the checker's record; none when it is not durable.
fn seen(frame: &Value) -> Option<Seen> {
    if frame["type"] == "gap" {
        return Some(Seen::Gap { to: frame["to"].as_str().unwrap().to_owned() });
    }
    Entry::of(frame).map(Seen::Event)
}

/// Whether the end of the log was reached.
fn is_over(log: &Log, seen: &[Seen]) -> bool {
    let reached = seen.last().and_then(|last| match last {
        Seen::Event(entry) => entry.number(),
        Seen::Gap { to } => number(to),
    });
    reached >= Some(log.last())
}

async fn read_socket(who: &Person<'_>, log: &Log) -> Vec<Seen> {
    let request = who.socket_request("/ws").query("since", &log.start).query("subscriptions", FEED);
    let (mut socket, mut all) = (request.open().await, Vec::new());
    while !is_over(log, &all) {
        all.extend(seen(&socket.next().await));
    }
    all
}

async fn read_stream(who: &Person<'_>, log: &Log) -> Vec<Seen> {
    let path = format!("/sse/events?subscriptions={FEED}");
    let (mut stream, mut all) = (who.streams(&path, Some(&log.start)).await, Vec::new());
    while !is_over(log, &all) {
        all.extend(seen(&stream.next_event().await.json()));
    }
    all
}

async fn read_pages(who: &Person<'_>, log: &Log) -> Vec<Seen> {
    let (mut all, mut since) = (Vec::new(), log.start.clone());
    while !is_over(log, &all) {
        let page = read_page(who, &since, 1 + Entropy.below(200)).await;
        let frames = page["data"].as_array().unwrap();
        since = page["position"].as_str().unwrap().to_owned();
        if page["recovered"] == false {
            // The missing part comes before everything on the page.
            let to = frames.first().map_or_else(|| since.clone(), before);
            all.push(Seen::Gap { to });
        }
        all.extend(frames.iter().filter_map(seen));
    }
    all
}

/// Subscribes to nothing at first, and later to the feed from before the first change.
async fn read_subscription(who: &Person<'_>, log: &Log) -> Vec<Seen> {
    let (mut socket, mut all, mut recovered) = (who.connects().await, Vec::new(), true);
    socket.send_json(json!({ "type": "subscribe", "subscription": FEED, "since": log.start })).await;
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str().unwrap() {
            "subscription_confirmed" if frame["recovered"] == false => {
                all.push(Seen::Gap { to: frame["position"].as_str().unwrap().to_owned() });
                recovered = false;
            }
            "subscription_live" => {
                assert_eq!(frame["recovered"], json!(recovered), "{frame}");
                return all;
            }
            "gap" => recovered = false,
            _ => {}
        }
        all.extend(seen(&frame));
    }
}

async fn read_page(who: &Person<'_>, since: &str, limit: u64) -> Value {
    let path = format!("/api/v1/events?since={since}&subscriptions={FEED}&limit={limit}");
    let answer = who.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The position before a frame's. Clients compare positions by equality only; a test may look inside.
fn before(frame: &Value) -> String {
    let position = frame["position"].as_str().unwrap();
    let (epoch, _) = position.split_once('-').unwrap();
    format!("{epoch}-{:x}", number(position).unwrap() - 1)
}
