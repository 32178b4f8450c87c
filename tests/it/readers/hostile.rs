//! Hostile pages affect their reader, and no other part of the node.

use futures_util::{SinkExt, StreamExt};
use rustix::process::Signal;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::node::{Node, Person};
use super::pages::{attributes, beginnings, copies, home, index};
use super::site::Site;
use crate::support::wait::within;

const MIB: usize = 1024 * 1024;
/// The default maximum size of a page.
const LARGEST: usize = 8_380_000;
/// The server's allowed memory growth: some pages in progress, and a debug build's overhead for them.
const GROWTH: usize = 160 * MIB;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_pages_harm_neither_the_server_nor_another_tenant() {
    let paths = ["/copies", "/attributes", "/beginnings", "/h/1"];
    let site = Site::open([
        ("/", index(&paths)),
        ("/copies", copies()),
        ("/attributes", attributes(1_200_000)),
        ("/beginnings", beginnings(LARGEST)),
        ("/h/1", home(1)),
        ("/h/2", home(2)),
    ])
    .await;
    let settings = [
        ("LOTLINE__CRAWLER__READERS", "2"),
        ("LOTLINE__CRAWLER__READER_MEMORY_MB", "64"),
        ("LOTLINE__CRAWLER__READER_SECONDS", "2"),
    ];
    let (mut node, victim) = Node::start(&site.address.to_string(), &settings);
    let other = node.another_tenant();
    let socket = connect_async(format!("ws://{}/ws?token={}", node.server.address, other.token));
    let (mut socket, _) = within("a handshake", socket).await.unwrap();
    let before = node.server.resident_bytes();

    let attack = node.starts_a_crawl(&victim, &[site.url("/")]).await;
    let honest = node.starts_a_crawl(&other, &[site.url("/h/1")]).await;
    let honest = node.sees_the_end_of(&other, honest).await;
    within("an answer on the socket", async {
        socket.send(Message::text(r#"{"type": "ping"}"#)).await.unwrap();
        while !matches!(socket.next().await, Some(Ok(Message::Text(text))) if text.contains("\"pong\"")) {}
    })
    .await;
    let attack = node.sees_the_end_of(&victim, attack).await;

    assert!(!node.server.has_ended());
    assert_eq!(
        (honest["status"].as_str(), &honest["items_scraped"]),
        (Some("completed"), &2.into()),
        "{honest}"
    );
    // The page "/h/3" is linked but does not exist. Every page of the attack is counted, however it ended.
    assert_eq!(
        (attack["status"].as_str(), &attack["pages_crawled"]),
        (Some("completed"), &7.into()),
        "{attack}"
    );
    let unread = attack["stats"]["lotline/unreadable"].as_i64().unwrap_or(0);
    let errors = node.lines(&victim, attack["job_id"].as_i64().unwrap(), "error").await;
    assert_eq!(errors.len() as i64, unread, "{errors:?}");
    assert!(errors.iter().all(|line| line.starts_with(&site.url("/"))), "{errors:?}");
    let grown = node.server.peak_resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH, "the server grew by {grown} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_over_its_memory_is_an_error_of_that_page() {
    let large = beginnings(12 * MIB);
    let site = Site::open([("/", index(&["/large", "/h/1"])), ("/large", large), ("/h/1", home(1))]).await;
    let settings =
        [("LOTLINE__CRAWLER__READER_MEMORY_MB", "8"), ("LOTLINE__CRAWLER__PAGE_BYTES", "16777216")];
    let (node, person) = Node::start(&site.address.to_string(), &settings);

    let job = crawl(&node, &person, &site).await;

    is_one_error(&node, &person, &job, &site.url("/large"), "takes more memory than a page may take").await;
    assert_eq!(job["items_scraped"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_over_its_time_is_an_error_of_that_page() {
    let site = Site::open([("/", home(1)), ("/h/2", home(2))]).await;
    let (node, person) = Node::start(&site.address.to_string(), &[("LOTLINE__CRAWLER__READER_SECONDS", "5")]);
    let reader = node.readers().await[0];
    reader.suspend().await;

    let targets = [site.url("/"), site.url("/h/2")];
    let job = node.starts_a_crawl(&person, &targets).await;
    let job = node.sees_the_end_of(&person, job).await;

    assert!(reader.has_ended());
    is_one_error(&node, &person, &job, &site.url(""), "takes longer than a page may take").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_breaks_its_reader_is_an_error_of_that_page() {
    let site = Site::open([("/", home(1)), ("/h/2", home(2))]).await;
    let (node, person) = Node::start(&site.address.to_string(), &[]);
    let reader = node.readers().await[0];
    reader.suspend().await;

    let targets = [site.url("/"), site.url("/h/2")];
    let job = node.starts_a_crawl(&person, &targets).await;
    // The second page is requested while the first one is in the reader.
    within("the pages to be asked for", async {
        site.wait_for_request("/").await;
        site.wait_for_request("/h/2").await;
    })
    .await;
    reader.signal(Signal::SEGV);
    reader.signal(Signal::CONT);
    let job = node.sees_the_end_of(&person, job).await;

    is_one_error(&node, &person, &job, &site.url(""), "broke its reader").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_made_of_robots_txt_is_kept_to() {
    let robots = b"User-agent: *\nDisallow: /private".to_vec();
    let pages = [("/robots.txt", robots), ("/", index(&["/private/1", "/h/1"])), ("/h/1", home(1))];
    let site = Site::open(pages).await;
    let (node, person) = Node::start(&site.address.to_string(), &[]);

    let job = crawl(&node, &person, &site).await;

    assert_eq!(job["status"], "completed", "{job}");
    assert!(
        !site.requested_paths().iter().any(|path| path.starts_with("/private")),
        "{:?}",
        site.requested_paths()
    );
    assert!(site.requested_paths().iter().any(|path| path == "/h/1"));
}

async fn crawl(node: &Node, person: &Person, site: &Site) -> serde_json::Value {
    let job = node.starts_a_crawl(person, &[site.url("/")]).await;
    node.sees_the_end_of(person, job).await
}

/// Asserts that the job continued after that one page, and that its log names the page.
async fn is_one_error(node: &Node, person: &Person, job: &serde_json::Value, url: &str, cause: &str) {
    assert_eq!(
        (&job["status"], &job["stats"]["lotline/unreadable"]),
        (&"completed".into(), &1.into()),
        "{job}"
    );
    let errors = node.lines(person, job["job_id"].as_i64().unwrap(), "error").await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with(url) && errors[0].ends_with(cause), "{errors:?}");
}
