//! Every operation that takes a key: the second request gets the first answer, sends no event and changes nothing.

use std::time::Duration;

use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use super::{job, spider};
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    what_people_make_is_made_once,
    what_workers_report_is_taken_once,
    a_day_later_the_key_is_free,
}

/// Sends it twice under one key: the same answer, marked as a replay the second time, and no further event.
async fn twice(app: &TestApp, caller: &Caller<'_>, method: &str, path: &str, body: &Value) -> Response {
    let key = format!("{method} {path}").replace(' ', "+");
    let first = caller.sends_with_key(&key, method, path, body).await;
    let head = head(app).await;
    let second = caller.sends_with_key(&key, method, path, body).await;

    assert!((200..300).contains(&first.status), "{path}: {first:?}");
    assert_eq!((second.status, &second.text), (first.status, &first.text), "{path}");
    assert_eq!(second.header("location"), first.header("location"), "{path}");
    assert_eq!((first.is_replay(), second.is_replay()), (false, true), "{path}");
    assert_eq!(self::head(app).await, head, "{path}");
    first
}

/// The number of events in acme's log.
async fn head(app: &TestApp) -> i64 {
    use lotline::auth::tenant_scope::{SystemReason, TenantScope};
    let scope = TenantScope::for_system(SystemReason::Demo, app.acme);
    lotline::eventlog::head(&app.services.db, &scope).await.unwrap().seq
}

async fn what_people_make_is_made_once(app: &TestApp) {
    let admin = app.admin("ann").await;
    let (method, news) = ("POST", json!({"message": "news"}));

    twice(app, &admin, method, "/api/v1/spiders", &spider("portal")).await;
    let made = twice(app, &admin, method, "/api/v1/jobs", &job()).await.json();
    let path = format!("/api/v1/jobs/{}", made["job_id"]);
    twice(app, &admin, method, &format!("{path}/cancel"), &json!({})).await;
    twice(app, &admin, method, &format!("{path}/retry"), &json!({})).await;
    let worker = app.worker(&admin, &[KeyScope::PropertiesWrite]).await;
    let home = json!({"source": "mls", "listing_key": "H-9", "source_url": "https://homes.example/9"});
    let stored = worker.post("/api/v1/properties/batch", &json!({"items": [home]})).await.json();
    let refresh = format!("/api/v1/properties/{}/refresh", stored["results"][0]["property_id"]);
    twice(app, &admin, method, &refresh, &json!({})).await;
    let sent = twice(app, &admin, method, "/api/v1/admin/broadcast", &news).await.json();
    let at_root = twice(app, &admin, method, "/admin/broadcast", &news).await.json();

    assert_eq!(admin.counts_jobs().await, 2);
    assert_ne!(sent["broadcast_id"], at_root["broadcast_id"], "the same key at another address is another");
}

async fn what_workers_report_is_taken_once(app: &TestApp) {
    let admin = app.admin("ann").await;
    let scopes = [KeyScope::JobsRun, KeyScope::LogsWrite, KeyScope::PropertiesWrite];
    let worker = app.worker(&admin, &scopes).await;
    admin.post("/api/v1/spiders", &spider("portal")).await;
    let listing = |key: &str| json!({"source": "mls", "listing_key": key, "standard_status": "active", "list_price": 1});

    for (end, more) in [("complete", json!({})), ("fail", json!({"error": "no"}))] {
        admin.post("/api/v1/jobs", &json!({"spider_name": "portal"})).await;
        let claim = worker.post("/api/v1/workers/claim", &json!({})).await.json();
        let job = format!("/api/v1/jobs/{}", claim["job"]["job_id"]);
        let batch = json!({"job_id": claim["job"]["job_id"], "items": [listing(end), {"source": 5}]});
        let lines = json!({"lines": [{"level": "info", "message": "one"}]});
        let mut report = more;
        report["lease_token"] = claim["lease_token"].clone();

        // At the same address the second batch would have the key of the first.
        let batches =
            format!("/api/v1/properties/batch?notify={}", if end == "fail" { "summary" } else { "each" });
        let taken = twice(app, &worker, "POST", &batches, &batch).await.json();
        twice(app, &worker, "POST", &format!("{job}/logs"), &lines).await;
        twice(app, &worker, "POST", &format!("{job}/{end}"), &report).await;

        assert_eq!((&taken["accepted"], &taken["rejected"]), (&json!(1), &json!(1)), "{taken}");
        let logged = admin.get(&format!("{job}/logs")).await.json();
        assert_eq!(logged["data"].as_array().unwrap().len(), 1, "{logged}");
    }
    let put = json!({"list_price": 7, "standard_status": "active"});
    let put = twice(app, &worker, "PUT", "/api/v1/properties/by-key/mls/new", &put).await;
    assert_eq!(put.status, 201, "and 201 again");
}

async fn a_day_later_the_key_is_free(app: &TestApp) {
    let admin = app.admin("bob").await;
    let worker = app.worker(&admin, &[KeyScope::JobsRun]).await;
    let first = worker.posts_with_key("k", "/api/v1/jobs", &job()).await;

    app.advance(Duration::from_secs(24 * 60 * 60 - 60)).await;
    let within_the_day = worker.posts_with_key("k", "/api/v1/jobs", &job()).await;
    app.advance(Duration::from_secs(61)).await;
    let after_it = worker.posts_with_key("k", "/api/v1/jobs", &job()).await;

    assert_eq!((first.status, within_the_day.status, after_it.status), (201, 201, 201));
    assert_eq!((within_the_day.is_replay(), after_it.is_replay()), (true, false));
    assert_ne!(after_it.json()["job_id"], first.json()["job_id"]);
}
