//! Removing a tenant: its access ends at once, none of its rows are left, and no other tenant is affected.

use std::collections::BTreeMap;
use std::time::Duration;

use lotline::auth::key_scope::KeyScope;
use lotline::base::ids::TenantId;
use lotline::domain::tenant_removal::{RemovalProgress, delete_batch, resume};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::rows::{NUMBER, SLUG, counts_of, fill_tenant, rows_of_others};
use crate::store::tables::{number, rows};
use crate::support::app::{OTHER, TestApp};
use crate::support::on_both_databases;
use crate::support::wait::eventually;
use crate::uploads::client::{files, files_on_disk, has_file};

on_both_databases! {
    nothing_of_a_removed_tenant_is_left_and_no_other_row_is_touched with crate::tenants::retention::KEEP_FOREVER,
    its_connections_credentials_and_jobs_end_at_once,
    without_its_slug_nothing_is_removed,
    rows_are_deleted_in_batches_and_a_tenant_being_removed_cannot_be_changed,
    its_files_go_and_nobody_elses,
    a_slug_is_free_again_and_no_id_comes_back,
    the_idempotency_record_of_its_creation_is_removed_too,
    a_tenant_that_another_process_shut_loses_its_connections_within_seconds,
    a_tenant_without_connections_that_another_process_shut_is_noticed_too,
}

fn path(tenant: i64, slug: &str) -> String {
    let slug: String = url::form_urlencoded::byte_serialize(slug.as_bytes()).collect();
    format!("/api/v1/tenants/{tenant}?confirm={slug}")
}

/// Deletes batch by batch until the tenant is gone; returns the number of batches.
async fn run_removal(app: &TestApp, tenant: TenantId) -> u32 {
    let mut bites = 1;
    while delete_batch(&app.services, tenant).await.unwrap() == RemovalProgress::InProgress {
        bites += 1;
    }
    bites
}

async fn nothing_of_a_removed_tenant_is_left_and_no_other_row_is_touched(app: &TestApp) {
    let (ann, root) = (app.admin("ann").await, app.operator("root").await);
    ann.broadcasts("we stay").await;
    let connection = app.raw_database().await;
    fill_tenant(&connection).await;
    let tenant = i64::from(NUMBER);
    let before = rows_of_others(&connection, tenant).await;
    assert!(counts_of(&connection, tenant).await.values().all(|count| *count == 1));

    let accepted = root.delete(&path(tenant, SLUG)).await;
    run_removal(app, TenantId(tenant)).await;

    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!((&accepted.json()["tenant_id"], &accepted.json()["slug"]), (&json!(tenant), &json!(SLUG)));
    assert!(counts_of(&connection, tenant).await.values().all(|count| *count == 0));
    let mut after = rows_of_others(&connection, tenant).await;
    let entries = after.get_mut("audit_log").unwrap();
    entries.retain(|entry| !entry.contains("tenant.remov"));
    assert_eq!(after, before);
    let received =
        "SELECT actor_name, detail FROM audit_log WHERE tenant_id IS NULL AND action = 'tenant.removed'";
    let received = rows(&connection, received).await;
    let by: String = received[0].try_get_by_index(0).unwrap();
    let detail: Value = serde_json::from_str(&received[0].try_get_by_index::<String>(1).unwrap()).unwrap();
    let counted: BTreeMap<String, u64> = serde_json::from_value(detail["rows"].clone()).unwrap();
    let all = lotline::storage::tenant_tables().into_iter().map(|(name, _)| (name.to_owned(), 1));
    assert_eq!((received.len(), by.as_str(), detail["slug"].as_str()), (1, "root", Some(SLUG)));
    assert_eq!(counted, all.collect());
    connection.close().await.unwrap();
}

async fn its_connections_credentials_and_jobs_end_at_once(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let root = app.operator("root").await;
    let worker = app.worker(&ann, &[KeyScope::JobsRun]).await;
    ann.post("/api/v1/spiders", &json!({ "name": "s", "runner": "external" })).await;
    let job = json!({ "spider_name": "s", "target_urls": ["https://listings.example/"] });
    assert_eq!(ann.post("/api/v1/jobs", &job).await.status, 201);
    let claim = worker.post("/api/v1/workers/claim", &json!({})).await.json();
    let mut stream = ann.streams("/sse/events?subscriptions=property_updates", None).await;
    stream.next_event().await;
    let (mut socket, mut elsewhere) = (ann.connects().await, sue.connects().await);

    let accepted = root.delete(&path(app.acme.0, "acme")).await;
    let (code, _) = socket.expect_close().await;
    let problem = stream.next_event().await;
    let report = json!({ "lease_token": claim["lease_token"] });
    let start = format!("/api/v1/jobs/{}/start", claim["job"]["job_id"]);
    let refused = [
        ann.get("/api/v1/users/me").await,
        worker.post(&start, &report).await,
        worker.post("/api/v1/workers/claim", &json!({})).await,
    ];
    sue.broadcasts("elsewhere all goes on").await;

    assert_eq!((accepted.status, code), (202, 4403));
    assert_eq!(problem.json()["close_code"], 4403);
    assert!(refused.iter().all(|answer| matches!(answer.status, 401 | 403)), "{refused:?}");
    assert_eq!(elsewhere.next().await["message"], "elsewhere all goes on");
    // The node removes the rest by itself.
    app.while_time_passes(eventually("the tenant to be gone", async || {
        root.get(&format!("/api/v1/tenants/{}", app.acme.0)).await.status == 404
    }))
    .await;
    assert_eq!(ann.get("/api/v1/users/me").await.status, 401);
    assert_eq!(sue.get("/api/v1/users/me").await.status, 200);
}

async fn without_its_slug_nothing_is_removed(app: &TestApp) {
    let (ann, root) = (app.admin("ann").await, app.operator("root").await);
    let tenant = app.acme.0;

    let missing = root.delete(&format!("/api/v1/tenants/{tenant}")).await;
    let wrong = root.delete(&path(tenant, "other")).await;
    let unknown = root.delete(&path(4_503_599_627_370_496, "acme")).await;
    let own = ann.delete(&path(tenant, "acme")).await;

    let problem = missing.expect_problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["loc"], json!(["query", "confirm"]), "{problem}");
    let problem = wrong.expect_problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["loc"], json!(["query", "confirm"]), "{problem}");
    unknown.expect_problem(404, "not_found");
    own.expect_problem(403, "forbidden");
    assert_eq!(resume(&app.services).await.unwrap(), None);
    assert_eq!(ann.get("/api/v1/users/me").await.status, 200);
}

async fn rows_are_deleted_in_batches_and_a_tenant_being_removed_cannot_be_changed(app: &TestApp) {
    const LINES: i64 = 1_234;
    let root = app.operator("root").await;
    let connection = app.raw_database().await;
    let values: Vec<String> =
        (0..LINES).map(|number| format!("({}, {number}, 'system', 'line')", app.acme.0)).collect();
    let sql =
        format!("INSERT INTO audit_log (tenant_id, at, actor_kind, action) VALUES {}", values.join(","));
    connection.execute_unprepared(&sql).await.unwrap();
    let left = format!("SELECT count(*) FROM audit_log WHERE tenant_id = {}", app.acme.0);

    root.delete(&path(app.acme.0, "acme")).await;
    assert_eq!(delete_batch(&app.services, app.acme).await.unwrap(), RemovalProgress::InProgress);
    let after_one = number(&connection, &left).await;
    let shown = root.get(&format!("/api/v1/tenants/{}", app.acme.0)).await.json();
    let resumed = root.patch(&format!("/api/v1/tenants/{}", app.acme.0), &json!({ "is_active": true })).await;
    let again = root.delete(&path(app.acme.0, "acme")).await;
    let bites = run_removal(app, app.acme).await;

    assert!((LINES - 500..LINES).contains(&after_one), "{after_one}");
    assert_eq!((&shown["is_active"], &shown["is_being_removed"]), (&json!(false), &json!(true)));
    resumed.expect_problem(409, "conflict");
    assert_eq!((again.status, bites), (202, 2));
    connection.close().await.unwrap();
}

async fn its_files_go_and_nobody_elses(app: &TestApp) {
    let (ann, sue, root) = (app.admin("ann").await, app.stranger("sue").await, app.operator("root").await);
    let ours = has_file(&ann, "plan.txt", b"ours").await;
    has_file(&sue, "plan.txt", b"theirs").await;
    let begun = json!({ "type": "metadata", "filename": "begun.txt" });
    assert_eq!(files(&sue).await.request(begun).await["type"], "ack");
    assert_eq!(files_on_disk(app.folder()), 3);

    root.delete(&path(app.other.0, OTHER)).await;
    run_removal(app, app.other).await;

    assert_eq!(files_on_disk(app.folder()), 1);
    assert_eq!(ann.get(&format!("/api/v1/uploads/{ours}/content")).await.text, "ours");
}

async fn a_slug_is_free_again_and_no_id_comes_back(app: &TestApp) {
    let root = app.operator("root").await;
    let new = json!({ "slug": "brief", "name": "Brief", "admin": { "username": "eve", "email": "e@mail.example" } });
    let first = root.post("/api/v1/tenants", &new).await.json();
    let id = first["id"].as_i64().unwrap();

    root.delete(&path(id, "brief")).await;
    let taken = root.post("/api/v1/tenants", &new).await;
    run_removal(app, TenantId(id)).await;
    let second = root.post("/api/v1/tenants", &new).await;

    taken.expect_problem(409, "conflict");
    assert_eq!(second.status, 201, "{second:?}");
    let second = second.json();
    assert!(second["id"].as_i64().unwrap() > id, "{second}");
    assert!(second["admin"]["id"].as_i64() > first["admin"]["id"].as_i64(), "{second}");
}

async fn the_idempotency_record_of_its_creation_is_removed_too(app: &TestApp) {
    let root = app.operator("root").await;
    let new = json!({ "slug": "brief", "name": "Brief", "admin": { "username": "eve", "email": "e@mail.example" } });
    let other = json!({ "slug": "long", "name": "Long" });
    let made = root.posts_with_key("k", "/api/v1/tenants", &new).await.json();
    root.posts_with_key("l", "/api/v1/tenants", &other).await;
    let id = made["id"].as_i64().unwrap();

    root.delete(&path(id, "brief")).await;
    run_removal(app, TenantId(id)).await;

    let connection = app.raw_database().await;
    let kept = rows(&connection, "SELECT answer FROM idempotency_keys").await;
    let kept: Vec<String> = kept.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert!(kept.len() == 1 && kept[0].contains("long"), "{kept:?}");
    connection.close().await.unwrap();
}

async fn a_tenant_that_another_process_shut_loses_its_connections_within_seconds(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let (mut socket, mut elsewhere) = (ann.connects().await, sue.connects().await);
    let mut echo = ann.socket_request("/ws/echo").open().await;
    let connection = app.raw_database().await;
    let sql = format!("UPDATE tenants SET is_active = false WHERE id = {}", app.acme.0);
    connection.execute_unprepared(&sql).await.unwrap();

    app.advance(Duration::from_secs(2)).await;

    assert_eq!((socket.expect_close().await.0, echo.expect_close().await.0), (4403, 4403));
    sue.broadcasts("still here").await;
    assert_eq!(elsewhere.next_of_type("system_notification").await["message"], "still here");
    connection.close().await.unwrap();
}

async fn a_tenant_without_connections_that_another_process_shut_is_noticed_too(app: &TestApp) {
    const EVENTS: &str = "/api/v1/events";
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let ask = async || {
        let answers = [ann.get(EVENTS).await, sue.get(EVENTS).await];
        answers.map(|answer| answer.status == 200)
    };
    assert_eq!(ask().await, [true, true]);
    let connection = app.raw_database().await;
    let sql = format!("UPDATE tenants SET is_active = false WHERE id = {}", app.acme.0);
    connection.execute_unprepared(&sql).await.unwrap();

    app.advance(Duration::from_secs(2)).await;

    assert_eq!(ask().await, [false, true]);
    connection.close().await.unwrap();
}
