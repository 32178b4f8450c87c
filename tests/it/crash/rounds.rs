//! The rounds.

use std::collections::BTreeMap;
use std::time::Duration;

use lotline::base::entropy::Entropy;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::history::{Entry, History};
use super::node::{Node, Whereabouts};
use super::site::Site;
use super::{follower, writer};
use crate::support::wait::a_moment;

/// Homes of a round.
const HOMES: usize = 150;
/// The end of what is compared.
const LAST_WORD: &str = "that was all";
/// How long a crawl may take to come to its end, a lease and a restart included.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_in_mid_crawl_loses_nothing_that_it_acknowledged() {
    let rounds = rounds();
    let site = Site::open(HOMES, rounds).await;
    let mut node = Node::start(site.hosts());
    let whereabouts = node.whereabouts();
    let token = whereabouts.signs_in().await;
    let client = Client { node: whereabouts, token };
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let writing = tasks.spawn(writer::write(client.node.clone(), client.token.clone(), stop.clone()));
    let start = first_position(&client.head().await);
    let following =
        tasks.spawn(follower::follow(client.node.clone(), client.token.clone(), start.clone(), LAST_WORD));

    for front_page in site.front_pages() {
        let job = client.starts_a_crawl(&front_page).await;
        // Somewhere after the first page and before the last.
        let pages = 1 + Entropy.below(HOMES as u64 - 20);
        site.is_asked(site.asked() + pages).await;
        node.kill();
        node.restart();
        client.sees_completed(job).await;
    }

    stop.cancel();
    let written = writing.await.unwrap();
    client.says(LAST_WORD).await;
    let log = client.reads_log(&start).await;
    let (followed, cuts) =
        tokio::time::timeout(PATIENCE, following).await.expect("the follower to catch up").unwrap();
    assert_crawled(&log, &client.lists_properties().await, rounds);
    assert!(cuts >= rounds, "the follower was cut {cuts} times");
    assert!(written.acknowledged.len() as u64 > rounds, "{} were acknowledged", written.acknowledged.len());
    let log = log.into_iter().map(|(entry, _)| entry).collect();
    let writer::Written { mut tried, mut acknowledged } = written;
    tried.insert(LAST_WORD.to_owned());
    acknowledged.push(LAST_WORD.to_owned());
    let history = History { tried, acknowledged, log, followed };
    let faults = history.faults();
    assert!(faults.is_empty(), "{faults:#?}");
    let (log, said) = (history.log.len(), history.acknowledged.len());
    eprintln!(
        "{rounds} kills: {log} events in the log, {said} acknowledged broadcasts, {cuts} cuts, no faults"
    );
}

fn rounds() -> u64 {
    std::env::var("LOTLINE_CRASH_ROUNDS").map_or(10, |rounds| rounds.parse().expect("LOTLINE_CRASH_ROUNDS"))
}

/// Before everything: the log's own mark with the number 0.
fn first_position(head: &str) -> String {
    let (epoch, _) = head.split_once('-').unwrap();
    format!("{epoch}-0")
}

/// Each home is one property, created once.
fn assert_crawled(log: &[(Entry, Value)], properties: &[Value], rounds: u64) {
    let mut urls: BTreeMap<&str, usize> = BTreeMap::new();
    for property in properties {
        *urls.entry(property["source_url"].as_str().unwrap()).or_default() += 1;
    }
    let wanted = usize::try_from(rounds).unwrap() * HOMES;
    assert_eq!((urls.len(), properties.len()), (wanted, wanted), "homes, and properties");
    let created = log.iter().filter(|(_, frame)| frame["event"] == "property_created");
    let mut created: Vec<i64> = created.map(|(_, frame)| frame["property_id"].as_i64().unwrap()).collect();
    assert_eq!(created.len(), wanted, "creations that were told");
    created.sort_unstable();
    created.dedup();
    assert_eq!(created.len(), wanted, "properties whose creation was told");
}

/// An admin who asks until there is an answer: the node may just be away.
struct Client {
    node: Whereabouts,
    token: String,
}

impl Client {
    async fn gets(&self, path: &str) -> Value {
        loop {
            if let Some(answer) = self.node.get(&self.token, path).await {
                return answer;
            }
            a_moment().await;
        }
    }

    async fn head(&self) -> String {
        self.gets("/api/v1/events").await["position"].as_str().unwrap().to_owned()
    }

    async fn starts_a_crawl(&self, url: &str) -> i64 {
        let body = json!({ "spider_name": "auto", "target_urls": [url] });
        let job = self.node.post(&self.token, "/api/v1/jobs", &body).await.expect("a job");
        job["job_id"].as_i64().unwrap()
    }

    async fn says(&self, text: &str) {
        let body = json!({ "message": text });
        self.node.post(&self.token, "/api/v1/admin/broadcast", &body).await.expect("a broadcast");
    }

    async fn sees_completed(&self, job: i64) {
        let path = format!("/api/v1/jobs/{job}");
        let completed = async {
            loop {
                let job = self.gets(&path).await;
                match job["status"].as_str().unwrap() {
                    "completed" => return,
                    "pending" | "running" => a_moment().await,
                    _ => panic!("{job}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, completed)
            .await
            .unwrap_or_else(|_| panic!("job {job} does not go on"));
    }

    /// The log up to the last word, as an admin with all feeds reads it.
    async fn reads_log(&self, since: &str) -> Vec<(Entry, Value)> {
        let (mut log, mut since) = (Vec::new(), since.to_owned());
        loop {
            let feeds = "job_updates,property_updates,system_alerts";
            let path = format!("/api/v1/events?since={since}&subscriptions={feeds}&limit=200");
            let page = self.gets(&path).await;
            assert_eq!(page["recovered"], true, "{page}");
            let frames = page["data"].as_array().unwrap();
            for frame in frames {
                log.push((Entry::of(frame).unwrap(), frame.clone()));
                if frame["message"] == LAST_WORD {
                    return log;
                }
            }
            since = page["position"].as_str().unwrap().to_owned();
            assert_eq!(page["has_more"], true, "the last word is missing");
        }
    }

    async fn lists_properties(&self) -> Vec<Value> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.gets(&format!("/api/v1/properties?sort=property_id&limit=200{cursor}")).await;
            found.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                None => return found,
                Some(next) => cursor = format!("&cursor={next}"),
            }
        }
    }
}
