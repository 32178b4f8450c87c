//! Kills in the middle of a crawl: the crawl continues, each home is one property, its creation one event.

use std::collections::BTreeMap;
use std::time::Duration;

use lotline::base::entropy::Entropy;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::rounds;
use super::site::Site;
use crate::history::{Entry, Fact, History, Role, Tenant};
use crate::load::{Carrier, Node, NodeClient, ReaderSpec, SwitchPolicy, follow, read_log};
use crate::support::app::Backend;
use crate::support::wait::sleep_briefly;

const TENANT: &str = "acme";
const USERNAME: &str = "root";
const PASSWORD: &str = "a nightingale sang in 1915";
/// Homes per round.
const HOMES: usize = 150;
/// The broadcast that ends the compared part of the log.
const LAST_MESSAGE: &str = "that was all";
/// The longest time a crawl may take, a lease and a restart included.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_in_mid_crawl_finds_each_home_once() {
    let rounds = rounds(3);
    let site = Site::open(HOMES, rounds).await;
    let mut node = crawling_node(&site.hosts()).await;
    node.start(&[]);
    let whereabouts = node.client();
    let signed_in = whereabouts.signs_in(USERNAME, PASSWORD).await;
    let token = signed_in["access_token"].as_str().unwrap().to_owned();
    let client = Client { node: whereabouts, token };
    let start = first_position(&client.head().await);
    let person = ReaderSpec {
        name: "the admin".to_owned(),
        token: client.token.clone(),
        role: Role::Admin,
        follows: true,
        start: start.clone(),
    };
    let following =
        follow(client.node.clone(), person, (Carrier::Stream, SwitchPolicy::OnDisconnect), LAST_MESSAGE);
    let following = TaskTracker::new().spawn(following);

    for front_page in site.front_pages() {
        let job = client.starts_a_crawl(&front_page).await;
        // Somewhere between the first page and the last.
        let pages = 1 + Entropy.below(HOMES as u64 - 20);
        site.wait_for_requests(site.request_count() + pages).await;
        node.kill();
        node.start(&[]);
        client.sees_completed(job).await;
    }

    client.broadcasts(LAST_MESSAGE).await;
    let frames = read_log(&client.node, &client.token, &start, LAST_MESSAGE).await;
    let (reader, cuts) =
        tokio::time::timeout(TIMEOUT, following).await.expect("the follower to catch up").unwrap();
    assert_crawled(&frames, &client.lists_properties().await, rounds);
    assert!(cuts >= rounds, "the follower was cut {cuts} times");
    let faults = history(&frames, reader).faults();
    assert!(faults.is_empty(), "{faults:#?}");
    eprintln!("{rounds} kills in mid-crawl: {} events in the log, {cuts} cuts, no faults", frames.len());
    node.remove().await;
}

async fn crawling_node(hosts: &str) -> Node {
    let settings = [
        ("LOTLINE__BOOTSTRAP__TENANT", TENANT),
        ("LOTLINE__BOOTSTRAP__USERNAME", USERNAME),
        ("LOTLINE__BOOTSTRAP__PASSWORD", PASSWORD),
        ("LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS", hosts),
    ];
    Node::prepare(Backend::Sqlite, &settings).await
}

/// Only the crawler writes: every fact in its events counts as tried, and the checker judges the rest.
fn history(frames: &[Value], reader: crate::history::Reader) -> History {
    let log: Vec<Entry> = frames.iter().map(|frame| Entry::of(frame).unwrap()).collect();
    let tried = log.iter().filter_map(|entry| entry.fact.clone()).collect();
    let acknowledged = vec![vec![Fact::message(LAST_MESSAGE)]];
    History { tenants: vec![Tenant { tried, acknowledged, log, readers: vec![reader] }] }
}

/// The position before the first event: the log's epoch with the number 0.
fn first_position(head: &str) -> String {
    let (epoch, _) = head.split_once('-').unwrap();
    format!("{epoch}-0")
}

/// Asserts that each home is one property, created once.
fn assert_crawled(log: &[Value], properties: &[Value], rounds: u64) {
    let mut urls: BTreeMap<&str, usize> = BTreeMap::new();
    for property in properties {
        *urls.entry(property["source_url"].as_str().unwrap()).or_default() += 1;
    }
    let wanted = usize::try_from(rounds).unwrap() * HOMES;
    assert_eq!((urls.len(), properties.len()), (wanted, wanted), "homes, and properties");
    let created = log.iter().filter(|frame| frame["event"] == "property_created");
    let mut created: Vec<i64> = created.map(|frame| frame["property_id"].as_i64().unwrap()).collect();
    assert_eq!(created.len(), wanted, "creations that were told");
    created.sort_unstable();
    created.dedup();
    assert_eq!(created.len(), wanted, "properties whose creation was told");
}

/// An admin that repeats a request until it is answered, because the node may be down.
pub(super) struct Client {
    pub(super) node: NodeClient,
    pub(super) token: String,
}

impl Client {
    pub(super) async fn gets(&self, path: &str) -> Value {
        loop {
            if let Some(answer) = self.node.get(&self.token, path).await.done() {
                return answer;
            }
            sleep_briefly().await;
        }
    }

    async fn head(&self) -> String {
        self.gets("/api/v1/events").await["position"].as_str().unwrap().to_owned()
    }

    pub(super) async fn starts_a_crawl(&self, url: &str) -> i64 {
        let body = json!({ "spider_name": "auto", "target_urls": [url] });
        let job = self.node.post(&self.token, "/api/v1/jobs", &body).await.expect_done("a job");
        job["job_id"].as_i64().unwrap()
    }

    async fn broadcasts(&self, text: &str) {
        let body = json!({ "message": text });
        self.node.post(&self.token, "/api/v1/admin/broadcast", &body).await.expect_done("a broadcast");
    }

    pub(super) async fn sees_completed(&self, job: i64) {
        let path = format!("/api/v1/jobs/{job}");
        let completed = async {
            loop {
                let job = self.gets(&path).await;
                match job["status"].as_str().unwrap() {
                    "completed" => return,
                    "pending" | "running" => sleep_briefly().await,
                    _ => panic!("{job}"),
                }
            }
        };
        tokio::time::timeout(TIMEOUT, completed).await.unwrap_or_else(|_| panic!("job {job} does not go on"));
    }

    pub(super) async fn lists_properties(&self) -> Vec<Value> {
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
