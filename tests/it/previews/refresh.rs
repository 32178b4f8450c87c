//! One home is read now: its page is requested, and no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::jobs::nodes::{Crawler, End, sees_end, starts_crawl};
use crate::jobs::site::{Reply, Site, home};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    a_home_is_read_now_and_no_other_page_is_visited,
    refreshing_is_as_starting_a_job,
}

/// Three homes. While `is_dearer`, the second has another price.
async fn homes(is_dearer: Arc<AtomicBool>) -> Site {
    Site::open(move |path| match path {
        "/" => Reply::Page((1..=3).map(|number| format!("<a href=/h/{number}>home</a>")).collect()),
        "/h/1" | "/h/2" | "/h/3" => match home(path, &["/".to_owned(), "/h/1".to_owned()]) {
            Reply::Page(html) if path == "/h/2" && is_dearer.load(Ordering::Relaxed) => {
                Reply::Page(html.replace("100000", "120000"))
            }
            reply => reply,
        },
        _ => Reply::NotFound,
    })
    .await
}

async fn property_at(caller: &Caller<'_>, url: &str) -> Value {
    let list = caller.get("/api/v1/properties").await.json();
    let rows = list["data"].as_array().unwrap();
    rows.iter().find(|row| row["source_url"] == url).unwrap().clone()
}

async fn a_home_is_read_now_and_no_other_page_is_visited(app: &TestApp) {
    let ann = app.admin("ann").await;
    let is_dearer = Arc::new(AtomicBool::new(false));
    let site = homes(Arc::clone(&is_dearer)).await;
    let crawler = Crawler::of(&[&site]);
    let job = starts_crawl(&ann, &site.url("/")).await;
    crawler.runs(&app.services, End::Stop, sees_end(&ann, job)).await;
    let before = property_at(&ann, &site.url("/h/2")).await;
    let requested = site.requested_paths().len();
    is_dearer.store(true, Ordering::Relaxed);

    let answer = ann.post(&format!("/api/v1/properties/{}/refresh", before["property_id"]), &json!({})).await;
    let queued = answer.json();
    let id = queued["job_id"].as_i64().unwrap();
    let ended = crawler.runs(&app.services, End::Stop, sees_end(&ann, id)).await;

    assert_eq!((answer.status, &queued["spider_name"]), (202, &json!("auto")), "{answer:?}");
    assert_eq!(answer.header("location"), Some(format!("/api/v1/jobs/{id}").as_str()));
    assert_eq!((&ended["status"], &ended["pages_crawled"]), (&json!("completed"), &json!(1)), "{ended}");
    let after = property_at(&ann, &site.url("/h/2")).await;
    assert_eq!(
        (before["list_price"].as_f64(), after["list_price"].as_f64()),
        (Some(100_000.0), Some(120_000.0))
    );
    assert_eq!(site.requested_paths()[requested..], ["/robots.txt", "/h/2"]);
}

async fn refreshing_is_as_starting_a_job(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let worker = app.worker(&ann, &[lotline::auth::key_scope::KeyScope::PropertiesWrite]).await;
    let home =
        |key: &str, page: Option<&str>| json!({"source": "mls", "listing_key": key, "source_url": page});
    let items = [home("A", Some("https://homes.example/a")), home("B", None)];
    let stored = worker.post("/api/v1/properties/batch", &json!({ "items": items })).await.json();
    let path = |row: usize| format!("/api/v1/properties/{}/refresh", stored["results"][row]["property_id"]);

    let of_member = bob.post(&path(0), &json!({})).await;
    let of_viewer = vic.post(&path(0), &json!({})).await;
    let without_page = ann.post(&path(1), &json!({})).await;

    assert_eq!(of_member.status, 202, "{of_member:?}");
    let job = of_member.json();
    assert_eq!(job["target_urls"], json!(["https://homes.example/a"]));
    assert_eq!((&job["settings"]["max_pages"], &job["settings"]["targets_only"]), (&json!(1), &json!(true)));
    of_viewer.expect_problem(403, "forbidden");
    without_page.expect_problem(409, "conflict");
    ann.post("/api/v1/properties/999999/refresh", &json!({})).await.expect_problem(404, "not_found");
}
