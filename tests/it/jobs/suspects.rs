//! A page that was being read when the node died: it is tried alone, last, once.

use std::time::Duration;

use super::nodes::{Crawler, End, loses_lease, reads_log, sees_end, sees_job, starts_crawl};
use super::site::{Reply, Site, home};
use crate::store::tables::number;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    the_page_that_was_being_read_is_tried_alone_last_and_once,
    a_crawl_that_is_handed_back_has_no_suspects,
    pages_that_were_not_the_cause_are_read_after_all,
}

const HOMES: usize = 30;
const DEADLY: &str = "/deadly";

/// A front page with links to thirty homes and, among them, to a page that is never answered.
async fn deadly_site() -> Site {
    let links: Vec<String> = (0..HOMES).map(|number| format!("/h/{number}")).collect();
    let mut all = links.clone();
    all.insert(3, DEADLY.to_owned());
    Site::open(move |path| match path {
        "/" => home("front", &all),
        DEADLY => Reply::Silence,
        _ if path.starts_with("/h/") => home(path, &[]),
        _ => Reply::NotFound,
    })
    .await
}

/// The number of frontier pages in each state.
async fn states(app: &TestApp, job: i64, state: &str) -> i64 {
    let connection = app.raw_database().await;
    let sql = format!("SELECT count(*) FROM crawl_urls WHERE job_id = {job} AND state = '{state}'");
    let count = number(&connection, &sql).await;
    connection.close().await.unwrap();
    count
}

async fn the_page_that_was_being_read_is_tried_alone_last_and_once(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, deadly_site().await);
    let (crawler, job) = (Crawler::of(&[&site]), starts_crawl(&ann, &site.url("/")).await);

    // The node is killed while it reads the page.
    crawler.runs(&app.services, End::Kill, site.wait_for_requests(DEADLY, 1)).await;
    assert!(states(app, job, "taken").await >= 1);
    loses_lease(app, &ann, job).await;
    assert_eq!(states(app, job, "taken").await, 0);
    assert!(states(app, job, "suspect").await >= 1);
    app.clock.advance(Duration::from_secs(10));

    // Another node reads everything else first, and is killed by the page when nothing else is being read.
    crawler.runs(&app.another_node(), End::Kill, site.wait_for_requests(DEADLY, 2)).await;
    assert_eq!(
        site.requested_paths().last().map(String::as_str),
        Some(DEADLY),
        "nothing is asked for beside it"
    );
    assert_eq!((states(app, job, "queued").await, states(app, job, "taken").await), (0, 0), "it comes last");
    assert_eq!(states(app, job, "alone").await, 1);
    loses_lease(app, &ann, job).await;
    assert_eq!(states(app, job, "lost").await, 1);
    app.clock.advance(Duration::from_secs(20));

    // The third node ends the job without the page.
    let over = crawler.runs(&app.another_node(), End::Stop, sees_end(&ann, job)).await;
    assert_eq!((over["status"].as_str(), over["attempt"].as_i64()), (Some("completed"), Some(3)));
    assert_eq!(site.count(DEADLY), 2);
    let log = reads_log(&ann, job).await;
    let named = log.iter().filter(|line| line.contains(DEADLY) && line.contains("does not read it again"));
    assert_eq!(named.count(), 1, "{log:#?}");
    let properties = ann.get("/api/v1/properties?limit=200").await.json();
    assert_eq!(properties["data"].as_array().unwrap().len(), HOMES + 1);

    // The page is not read again even when a person retries the job.
    assert_eq!(ann.post(&format!("/api/v1/jobs/{job}/retry"), &serde_json::json!({})).await.status, 200);
    let over = crawler.runs(&app.another_node(), End::Stop, sees_end(&ann, job)).await;
    assert_eq!((over["status"].as_str(), site.count(DEADLY)), (Some("completed"), 2));
    assert_eq!(site.count("/"), 2);
}

async fn a_crawl_that_is_handed_back_has_no_suspects(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, deadly_site().await);
    let (crawler, job) = (Crawler::of(&[&site]), starts_crawl(&ann, &site.url("/")).await);

    crawler.runs(&app.services, End::Stop, site.wait_for_requests(DEADLY, 1)).await;

    assert_eq!(sees_job(&ann, job).await["status"], "pending");
    for state in ["taken", "suspect", "alone", "lost"] {
        assert_eq!(states(app, job, state).await, 0, "{state}");
    }
    // The clock is not advanced: the same node takes the job up at once, and the page in its usual order.
    crawler.runs(&app.services, End::Stop, site.wait_for_requests(DEADLY, 2)).await;
    assert_eq!(sees_job(&ann, job).await["attempt"], 1);
}

async fn pages_that_were_not_the_cause_are_read_after_all(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, deadly_site().await);
    let (crawler, job) = (Crawler::of(&[&site]), starts_crawl(&ann, &site.url("/")).await);
    crawler.runs(&app.services, End::Kill, site.wait_for_requests("/h/1", 1)).await;
    loses_lease(app, &ann, job).await;
    let suspects = states(app, job, "suspect").await;
    app.clock.advance(Duration::from_secs(10));

    let before = site.count(DEADLY);
    crawler.runs(&app.another_node(), End::Stop, site.wait_for_requests(DEADLY, before + 1)).await;

    // A node that shuts down while it tries a page leaves it to be tried once more.
    assert!(suspects >= 1);
    assert_eq!((states(app, job, "alone").await, states(app, job, "lost").await), (0, 0));
    assert_eq!(sees_job(&ann, job).await["attempt"], 2);
}
