//! Jobs that read kept pages again, on both databases and a folder: nothing is requested, what is kept is bounded, and it
//! goes with its tenant.

use lotline::domain::kept_pages;
use lotline::domain::tenant_removal::{RemovalProgress, delete_batch};
use serde_json::{Value, json};

use super::nodes::{Crawler, End, sees_end};
use super::site::{Reply, Site, home};
use crate::store::tables::number;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;
use crate::support::settings::Setting;
use crate::uploads::client::files_on_disk;

on_both_databases! {
    a_new_rule_mends_the_stock_without_a_request,
    a_job_that_reads_again_names_its_faults,
    kept_pages_are_counted_in_the_usage_and_go_with_their_tenant,
    a_budget_holds_and_what_is_cut_off_is_swept with super::TINY,
}

const HOMES: usize = 20;
/// About two kilobytes.
const TINY: &[Setting] = &[("LOTLINE__CRAWLER__KEEP_PAGES_GIB", "0.000002")];

/// A front page with links to homes; their text tells four bedrooms, and their data three.
async fn site() -> Site {
    let links: Vec<String> = (0..HOMES).map(|number| format!("/h/{number}")).collect();
    Site::open(move |path| match path {
        "/" => home("front", &links),
        _ if path.starts_with("/h/") => match home(path, &[]) {
            Reply::Page(html) => Reply::Page(format!("<b class=x-count>4</b>{html}")),
            other => other,
        },
        _ => Reply::NotFound,
    })
    .await
}

fn spider(site: &Site) -> Value {
    json!({ "name": "portal", "runner": "builtin", "start_urls": [site.url("/")] })
}

/// Creates the job and runs it to its end.
async fn runs(app: &TestApp, ann: &Admin<'_>, site: &Site, job: Value) -> Value {
    let created = ann.post("/api/v1/jobs", &job).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.json()["job_id"].as_i64().unwrap();
    Crawler::of(&[site]).runs(&app.services, End::Stop, sees_end(ann, id)).await
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    let connection = app.raw_database().await;
    let count = number(&connection, sql).await;
    connection.close().await.unwrap();
    count
}

async fn a_new_rule_mends_the_stock_without_a_request(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, site().await);
    assert_eq!(ann.post("/api/v1/spiders", &spider(&site)).await.status, 201);
    let crawled = runs(app, &ann, &site, json!({ "spider_name": "portal" })).await;
    let requests = site.requested_paths().len();
    let mut mended = spider(&site);
    mended.as_object_mut().unwrap().remove("name");
    mended["fields"] = json!({ "bedrooms_total": { "css": ".x-count" } });
    assert_eq!(ann.put("/api/v1/spiders/portal", &mended).await.status, 200);

    let job = runs(app, &ann, &site, json!({ "reread": { "spider": "portal" } })).await;

    assert_eq!((&job["status"], &job["pages_crawled"]), (&json!("completed"), &crawled["pages_crawled"]));
    assert_eq!((&job["spider_name"], &job["target_urls"]), (&json!("portal"), &json!([])));
    assert_eq!(job["settings"]["reread"], json!({ "spider": "portal" }));
    assert_eq!(site.requested_paths().len(), requests);
    let properties = ann.get("/api/v1/properties?limit=200").await.json();
    let bedrooms = |count: i64| {
        let all = properties["data"].as_array().unwrap().iter();
        all.filter(|one| one["bedrooms_total"] == count).count()
    };
    assert_eq!((bedrooms(4), bedrooms(3)), (HOMES, 1), "the front page has no such text");
    let since =
        runs(app, &ann, &site, json!({ "reread": { "spider": "portal", "since": "2100-01-01T00:00:00Z" } }));
    assert_eq!(since.await["pages_crawled"], 0);
}

async fn a_job_that_reads_again_names_its_faults(app: &TestApp) {
    let ann = app.admin("ann").await;
    let external = json!({ "name": "outside", "runner": "external" });
    assert_eq!(ann.post("/api/v1/spiders", &external).await.status, 201);

    for (job, pointers) in [
        (json!({ "reread": { "spider": "nobody" } }), vec!["/reread/spider"]),
        (json!({ "reread": { "spider": "outside" } }), vec!["/reread/spider"]),
        (json!({ "reread": { "spider": "auto", "since": "yesterday" } }), vec!["/reread/since"]),
        (json!({ "reread": { "spider": "auto" }, "spider_name": "outside" }), vec!["/spider_name"]),
        (
            json!({ "reread": { "spider": "auto" }, "target_urls": ["https://a.example/"] }),
            vec!["/target_urls"],
        ),
        (json!({ "tags": ["x"] }), vec!["/spider_name"]),
    ] {
        let problem = ann.post("/api/v1/jobs", &job).await.expect_problem(422, "validation_failed");
        let found: Vec<&str> =
            problem["errors"].as_array().unwrap().iter().filter_map(|one| one["pointer"].as_str()).collect();
        assert_eq!(found, pointers, "{job}: {problem}");
    }
}

async fn kept_pages_are_counted_in_the_usage_and_go_with_their_tenant(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, site().await);
    runs(app, &ann, &site, json!({ "spider_name": "auto", "target_urls": [site.url("/")] })).await;
    assert_eq!(files_on_disk(app.folder()), HOMES + 1);

    let usage = ann.get("/api/v1/usage").await.json();

    let all = usage["data"].as_array().unwrap();
    let kept = all.iter().find(|one| one["quota"] == "kept_page_bytes").unwrap();
    let stored = count(app, "SELECT CAST(sum(stored_bytes) AS bigint) FROM kept_pages").await;
    assert_eq!((kept["used"].as_i64(), kept["limit"].as_i64()), (Some(stored), Some(1 << 30)));
    let root = app.operator("root").await;
    let accepted = root.delete(&format!("/api/v1/tenants/{}?confirm=acme", app.acme)).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    while delete_batch(&app.services, app.acme).await.unwrap() == RemovalProgress::InProgress {}
    assert_eq!(files_on_disk(app.folder()), 0);
}

async fn a_budget_holds_and_what_is_cut_off_is_swept(app: &TestApp) {
    let (ann, site) = (app.admin("ann").await, site().await);
    runs(app, &ann, &site, json!({ "spider_name": "auto", "target_urls": [site.url("/")] })).await;

    let stored = count(app, "SELECT CAST(sum(stored_bytes) AS bigint) FROM kept_pages").await;
    let summed = count(app, "SELECT bytes FROM kept_page_totals").await;
    let rows = count(app, "SELECT count(*) FROM kept_pages").await as usize;

    assert!(stored <= 2_147 && stored > 1_000, "{stored} bytes of 0.000002 gibibytes");
    assert_eq!((stored, files_on_disk(app.folder())), (summed, rows));
    // A body of sixty days ago that never got its row.
    let hash = "ab".repeat(32);
    let folder = app.folder().join(format!("uploads/{}/pages/ab", app.acme));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{hash}-018f00000000700080000000000000ff")), "cut off").unwrap();
    assert_eq!(kept_pages::sweep_orphans(&app.services).await.unwrap(), 1);
    assert_eq!(files_on_disk(app.folder()), rows);
}
