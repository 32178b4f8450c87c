//! Pages that their hosts report as unchanged, and where the fields of a property were read, on both databases.

use std::time::Duration;

use lotline::auth::key_scope::KeyScope;
use lotline::domain::row_retention::{RowRetention, sweep};
use lotline::domain::visits;
use lotline::telemetry::metrics::PageOutcome;
use serde_json::{Value, json};

use super::nodes::{Crawler, End, sees_end, starts_crawl};
use super::site::{Reply, Site, home};
use crate::store::tables::number;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

on_both_databases! {
    an_unchanged_page_is_seen_and_not_read,
    a_page_whose_property_a_worker_changed_is_read_and_its_evidence_is_not_shown,
    visits_are_deleted_when_they_are_of_no_use,
}

const HOMES: usize = 5;
const DAY: Duration = Duration::from_secs(86_400);

/// A front page without a validator, with links to homes that have one.
async fn tagged_site() -> Site {
    Site::open(|path| match path {
        "/" => {
            let links: String =
                (0..HOMES).map(|number| format!("<a href=/h/{number}>{number}</a>")).collect();
            Reply::Page(links)
        }
        _ if path.starts_with("/h/") => match home(path, &["/".to_owned()]) {
            Reply::Page(html) => Reply::Tagged { html, etag: "W/\"1\"" },
            other => other,
        },
        _ => Reply::NotFound,
    })
    .await
}

async fn crawls(app: &TestApp, ann: &Admin<'_>, site: &Site) -> Value {
    let job = starts_crawl(ann, &site.url("/")).await;
    Crawler::of(&[site]).runs(&app.services, End::Stop, sees_end(ann, job)).await
}

/// How many pages were answered with 304.
fn unchanged(job: &Value) -> i64 {
    job["stats"]["downloader/response_status_count/304"].as_i64().unwrap_or(0)
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    let connection = app.raw_database().await;
    let count = number(&connection, sql).await;
    connection.close().await.unwrap();
    count
}

async fn evidence(ann: &Admin<'_>, id: i64) -> Value {
    let answer = ann.get(&format!("/api/v1/properties/{id}/evidence")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn an_unchanged_page_is_seen_and_not_read(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, tagged_site().await);
    let first = crawls(app, &ann, &site).await;
    app.advance(Duration::from_secs(60)).await;
    let ann = Admin::with_fresh_token(&ann).await;
    let before = app.clock.now().timestamp_micros();

    let second = crawls(app, &ann, &site).await;

    assert_eq!((unchanged(&first), unchanged(&second)), (0, HOMES as i64), "{second}");
    assert_eq!(second["items_scraped"], json!(HOMES));
    let seen = format!("SELECT count(*) FROM properties WHERE last_seen_at >= {before}");
    assert_eq!(count(app, &seen).await, HOMES as i64);
    let job = &second["job_id"];
    let items = format!("SELECT count(*) FROM job_items WHERE job_id = {job} AND status = 'unchanged'");
    assert_eq!(count(app, &items).await, HOMES as i64);
    assert_eq!(count(app, "SELECT count(*) FROM page_visits").await, HOMES as i64);
    assert_eq!(app.services.metrics.crawled_pages.of(PageOutcome::NotModified).get(), HOMES as u64);
}

async fn a_page_whose_property_a_worker_changed_is_read_and_its_evidence_is_not_shown(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, tagged_site().await);
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    crawls(app, &ann, &site).await;
    let listed = ann.get("/api/v1/properties?limit=200").await.json();
    let property = &listed["data"][0];
    let id = property["property_id"].as_i64().unwrap();
    let read = evidence(&ann, id).await;

    let mut report = json!({ "list_price": 5 });
    (report["source"], report["listing_key"]) = (property["source"].clone(), property["listing_key"].clone());
    let stored = worker.post("/api/v1/properties/batch", &json!({ "items": [report] })).await;
    assert_eq!(stored.status, 200, "{stored:?}");
    let second = crawls(app, &ann, &site).await;

    assert_eq!(unchanged(&second), HOMES as i64 - 1);
    assert_eq!(read["source_url"], property["source_url"]);
    assert!(read["read_at"].is_string(), "{read}");
    let price = &read["fields"]["list_price"];
    assert_eq!((&price["layer"], price.get("rule")), (&json!("json_ld"), None), "{read}");
    assert_eq!(price["read_at"], read["read_at"]);
    assert!(price["fragment"].as_str().is_some_and(|fragment| !fragment.is_empty()), "{read}");
    let after = evidence(&ann, id).await;
    assert_eq!((after.get("read_at"), &after["fields"]), (None, &json!({})));
    ann.get("/api/v1/properties/999999/evidence").await.expect_problem(404, "not_found");
}

async fn visits_are_deleted_when_they_are_of_no_use(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, tagged_site().await);
    crawls(app, &ann, &site).await;
    let kept = RowRetention { page_visits: Some(visits::RETENTION), ..RowRetention::default() };

    // The node's own timer may delete them as well, a day later.
    app.clock.advance(DAY * 7);
    sweep(&app.services, &kept).await.unwrap();
    let after_a_week = count(app, "SELECT count(*) FROM page_visits").await;
    app.clock.advance(DAY * 2);
    sweep(&app.services, &kept).await.unwrap();

    assert_eq!(after_a_week, HOMES as i64);
    assert_eq!(count(app, "SELECT count(*) FROM page_visits").await, 0);
    assert_eq!(count(app, "SELECT count(*) FROM properties").await, HOMES as i64);
}
