//! A site that no longer gives a field of its homes: the alert, once, and the series that a reader of spiders sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::nodes::{Crawler, End, sees_end, starts_crawl};
use super::site::{Reply, Site, home};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

on_both_databases! {
    a_field_that_is_no_longer_read_raises_one_alert_and_is_shown,
}

const HOMES: usize = 20;

/// Twenty homes and a page that links to them. While `is_complete` is false no home has a number of bedrooms.
async fn homes(is_complete: Arc<AtomicBool>) -> Site {
    let links: String = (0..HOMES).map(|number| format!("<a href=/h/{number}>home</a>")).collect();
    Site::open(move |path| match path {
        "/" => Reply::Page(links.clone()),
        _ if path.starts_with("/h/") => match home(path, &[]) {
            Reply::Page(html) if !is_complete.load(Ordering::Relaxed) => {
                Reply::Page(html.replace(r#""numberOfBedrooms": 3, "#, ""))
            }
            reply => reply,
        },
        _ => Reply::NotFound,
    })
    .await
}

/// The texts of the alerts of drift in the admin's inbox.
async fn alerts(ann: &Admin<'_>) -> Vec<String> {
    let list = ann.get("/api/v1/notifications?limit=200").await.json();
    let messages = list["data"].as_array().unwrap().iter().map(|row| &row["message"]);
    let drifts = messages.filter(|message| message["category"] == "drift");
    drifts.map(|message| message["message"].as_str().unwrap().to_owned()).collect()
}

async fn health(ann: &Admin<'_>) -> Value {
    let answer = ann.get("/api/v1/spiders/auto/health").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn a_field_that_is_no_longer_read_raises_one_alert_and_is_shown(app: &TestApp) {
    let (ann, vic) = (app.admin("ann").await, app.viewer("vic").await);
    let is_complete = Arc::new(AtomicBool::new(true));
    let site = homes(Arc::clone(&is_complete)).await;
    let crawler = Crawler::of(&[&site]);
    let crawl = async || {
        let job = starts_crawl(&ann, &site.url("/")).await;
        let over = crawler.runs(&app.services, End::Stop, sees_end(&ann, job)).await;
        assert_eq!(over["status"], "completed", "{over}");
        job
    };
    assert_eq!(health(&ann).await, json!({ "spider_name": "auto", "sources": [] }));

    for _ in 0..10 {
        crawl().await;
    }
    let quiet = alerts(&ann).await;
    is_complete.store(false, Ordering::Relaxed);
    let fallen = crawl().await;
    crawl().await;

    assert_eq!(quiet, Vec::<String>::new());
    let alerts = alerts(&ann).await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let source = site.address.to_string();
    assert!(alerts[0].starts_with(&format!("Job {fallen} (auto): fields of {source} ")), "{alerts:?}");
    assert!(alerts[0].contains("bedrooms_total on 0 of 20 pages (0 %, before 100 %)"), "{alerts:?}");
    let health = health(&ann).await;
    let seen = &health["sources"][0];
    assert_eq!((&seen["source"], seen["jobs"].as_array().unwrap().len()), (&json!(source), 12));
    assert_eq!((&seen["jobs"][1]["job_id"], &seen["jobs"][1]["pages"]), (&json!(fallen), &json!(20)));
    assert_eq!(
        (&seen["jobs"][11]["fields"]["bedrooms_total"], &seen["medians"]["bedrooms_total"]),
        (&json!(1.0), &json!(1.0))
    );
    assert!(seen["drifting"].as_array().unwrap().contains(&json!("bedrooms_total")), "{seen}");
    assert_eq!(vic.get("/api/v1/spiders/auto/health").await.status, 403, "as other reads of spiders");
    ann.get("/api/v1/spiders/unknown/health").await.expect_problem(404, "not_found");
}
