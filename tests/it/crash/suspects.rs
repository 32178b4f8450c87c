//! A page on which the program is killed each time it requests it: the job ends without that page.

use std::time::Duration;

use serde_json::json;

use super::crawl::Client;
use crate::jobs::site::{Reply, Site, home};
use crate::load::Node;
use crate::support::app::Backend;

const USERNAME: &str = "root";
const PASSWORD: &str = "a nightingale sang in 1915";
const DEADLY: &str = "/deadly";
const HOMES: usize = 12;
/// A lease, a pause and a restart, and a margin for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_kills_the_node_does_so_twice_on_sqlite() {
    a_page_that_kills_the_node_does_so_twice(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_kills_the_node_does_so_twice_on_postgresql() {
    a_page_that_kills_the_node_does_so_twice(Backend::Postgres).await;
}

async fn a_page_that_kills_the_node_does_so_twice(back: Backend) {
    let mut links: Vec<String> = (0..HOMES).map(|number| format!("/h/{number}")).collect();
    links.insert(2, DEADLY.to_owned());
    let site = Site::open(move |path| match path {
        "/" => home("front", &links),
        DEADLY => Reply::Silence,
        _ if path.starts_with("/h/") => home(path, &[]),
        _ => Reply::NotFound,
    })
    .await;
    let hosts = site.address.to_string();
    let settings = [
        ("LOTLINE__BOOTSTRAP__TENANT", "acme"),
        ("LOTLINE__BOOTSTRAP__USERNAME", USERNAME),
        ("LOTLINE__BOOTSTRAP__PASSWORD", PASSWORD),
        ("LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS", hosts.as_str()),
    ];
    let mut node = Node::prepare(back, &settings).await;
    node.start(&[]);
    let whereabouts = node.client();
    let token = whereabouts.signs_in(USERNAME, PASSWORD).await["access_token"].as_str().unwrap().to_owned();
    let client = Client { node: whereabouts, token };
    let job = client.starts_a_crawl(&site.url("/")).await;

    for time in 1..=2 {
        // A lease of two seconds, and a pause of one or two.
        let asked = tokio::time::timeout(TIMEOUT, site.wait_for_requests(DEADLY, time)).await;
        asked.unwrap_or_else(|_| panic!("the page is not asked for {time} times"));
        node.kill();
        node.start(&[]);
    }
    client.sees_completed(job).await;

    assert_eq!(site.count(DEADLY), 2);
    let job = client.gets(&format!("/api/v1/jobs/{job}")).await;
    assert_eq!(job["attempt"], json!(3));
    assert_eq!(client.lists_properties().await.len(), HOMES + 1);
    node.remove().await;
}
