//! Each kind of row has its own retention time, and a job says what was trimmed of its log.

use std::time::Duration;

use chrono::TimeDelta;
use lotline::auth::key_scope::KeyScope;
use lotline::domain::log_retention::{LogRetention, trim_logs};
use lotline::domain::row_retention::{RowRetention, sweep};
use serde_json::{Value, json};

use crate::store::tables::number;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Worker};

on_both_databases! {
    old_entries_and_notifications_go_and_young_ones_stay with super::KEEP_FOREVER,
    a_notification_that_many_have_read_is_deleted_in_batches with super::KEEP_FOREVER,
    old_lines_go_and_the_job_says_how_far with super::KEEP_FOREVER,
    a_job_that_ended_long_ago_goes_with_all_that_was_its_own with super::KEEP_FOREVER,
    what_is_to_be_kept_for_ever_is_kept with super::KEEP_FOREVER,
    a_log_is_kept_to_so_many_bytes,
}

/// The node's own timer removes nothing.
pub const KEEP_FOREVER: &[(&str, &str)] = &[
    ("LOTLINE__EVENTLOG__RETENTION_SECONDS", "315360000"),
    ("LOTLINE__DATABASE__AUDIT_LOG_DAYS", "0"),
    ("LOTLINE__DATABASE__NOTIFICATION_DAYS", "0"),
    ("LOTLINE__DATABASE__JOB_LOG_DAYS", "0"),
    // This is also the default of the last key.
    ("LOTLINE__DATABASE__FINISHED_JOB_DAYS", "0"),
];
const DAY: Duration = Duration::from_secs(86_400);

fn days(number: i64) -> Option<TimeDelta> {
    Some(TimeDelta::days(number))
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    let connection = app.raw_database().await;
    let count = number(&connection, sql).await;
    connection.close().await.unwrap();
    count
}

async fn old_entries_and_notifications_go_and_young_ones_stay(app: &TestApp) {
    let ann = app.admin("ann").await;
    ann.broadcasts("old").await;
    app.advance(DAY * 20).await;
    let bob = app.member("bob").await;
    let ann = Admin::with_fresh_token(&ann).await;
    ann.broadcasts("young").await;

    let kept = RowRetention { audit_log: days(10), notifications: days(10), ..RowRetention::default() };
    sweep(&app.services, &kept).await.unwrap();

    let listed = bob.get("/api/v1/notifications").await.json();
    let received: Vec<&Value> =
        listed["data"].as_array().unwrap().iter().map(|one| &one["message"]["message"]).collect();
    assert_eq!(received, [&json!("young")]);
    let before = (app.clock.now() - TimeDelta::days(10)).timestamp_micros();
    assert_eq!(count(app, &format!("SELECT count(*) FROM audit_log WHERE at < {before}")).await, 0);
    assert!(count(app, "SELECT count(*) FROM audit_log").await > 0);
    assert_eq!(count(app, "SELECT count(*) FROM events").await, 2, "the log has bounds of its own");
}

async fn a_notification_that_many_have_read_is_deleted_in_batches(app: &TestApp) {
    use sea_orm::ConnectionTrait;
    let ann = app.admin("ann").await;
    for _ in 0..3 {
        ann.broadcasts("read by many").await;
    }
    let connection = app.raw_database().await;
    let tenant = app.acme.0;
    let users: Vec<String> = (0..600)
        .map(|n| format!("({tenant}, 'u{n}', 'u{n}', 'u{n}', 'u{n}', 'viewer', true, 0, 0)"))
        .collect();
    let sql = format!(
        "INSERT INTO users (tenant_id, username, username_key, email, email_key, role, is_active, created_at, updated_at)
         VALUES {}",
        users.join(",")
    );
    connection.execute_unprepared(&sql).await.unwrap();
    let reads = "INSERT INTO notification_reads (tenant_id, notification_id, user_id, read_at)
        SELECT n.tenant_id, n.id, u.id, 0 FROM notifications n JOIN users u ON u.tenant_id = n.tenant_id";
    connection.execute_unprepared(reads).await.unwrap();
    app.advance(DAY * 2).await;

    let kept = RowRetention { notifications: days(1), ..RowRetention::default() };
    let gone = sweep(&app.services, &kept).await.unwrap();

    assert_eq!(gone, 3 + 3 * 601);
    assert_eq!(number(&connection, "SELECT count(*) FROM notification_reads").await, 0);
    connection.close().await.unwrap();
}

/// A job under a lease, with `lines` lines in its log.
async fn worked_on(ann: &Admin<'_>, worker: &Worker<'_>, lines: usize) -> (String, Value) {
    ann.post("/api/v1/spiders", &json!({ "name": "s", "runner": "external" })).await;
    let job = json!({ "spider_name": "s", "target_urls": ["https://listings.example/"] });
    assert_eq!(ann.post("/api/v1/jobs", &job).await.status, 201);
    let claim = worker.post("/api/v1/workers/claim", &json!({})).await.json();
    let path = format!("/api/v1/jobs/{}", claim["job"]["job_id"]);
    let lease = json!({ "lease_token": claim["lease_token"] });
    assert_eq!(worker.post(&format!("{path}/start"), &lease).await.status, 200);
    writes_log_lines(worker, &path, lines).await;
    (path, lease)
}

async fn writes_log_lines(worker: &Worker<'_>, path: &str, lines: usize) {
    // The time that a worker gives is irrelevant.
    let line = json!({ "level": "info", "message": "a page", "at": "2001-01-01T00:00:00Z" });
    let stored = worker.post(&format!("{path}/logs"), &json!({ "lines": vec![line; lines] })).await;
    assert!((200..300).contains(&stored.status), "{stored:?}");
}

const SCOPES: &[KeyScope] = &[KeyScope::JobsRun, KeyScope::LogsWrite, KeyScope::PropertiesWrite];

async fn old_lines_go_and_the_job_says_how_far(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, SCOPES).await;
    let (path, _) = worked_on(&ann, &worker, 3).await;
    let ids = ids_of_lines(&ann, &path).await;
    let before = ann.get(&path).await.json();
    app.advance(DAY * 20).await;
    writes_log_lines(&worker, &path, 2).await;

    let kept = RowRetention { job_logs: days(10), ..RowRetention::default() };
    let gone = sweep(&app.services, &kept).await.unwrap();

    let ann = Admin::with_fresh_token(&ann).await;
    let job = ann.get(&path).await.json();
    assert_eq!((gone, before.get("logs_trimmed")), (3, None));
    assert_eq!(job["logs_trimmed"].as_i64(), ids.last().copied());
    let left = ids_of_lines(&ann, &path).await;
    assert!(left.len() == 2 && left.iter().all(|id| *id > ids[2]), "{left:?}");
}

async fn ids_of_lines(ann: &Admin<'_>, path: &str) -> Vec<i64> {
    let lines = ann.get(&format!("{path}/logs")).await.json();
    lines["data"].as_array().unwrap().iter().map(|line| line["id"].as_i64().unwrap()).collect()
}

async fn a_job_that_ended_long_ago_goes_with_all_that_was_its_own(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, SCOPES).await;
    let (ended, lease) = worked_on(&ann, &worker, 700).await;
    let listing = json!({ "source": "s", "listing_key": "k", "list_price": 1, "currency": "USD" });
    let number: i64 = ended.rsplit('/').next().unwrap().parse().unwrap();
    let batch = json!({ "job_id": number, "items": [listing] });
    let stored = worker.post("/api/v1/properties/batch", &batch).await;
    assert_eq!(stored.status, 200, "{stored:?}");
    assert_eq!(worker.post(&format!("{ended}/complete"), &lease).await.status, 200);
    app.advance(DAY * 40).await;
    let ann = Admin::with_fresh_token(&ann).await;
    let job = json!({ "spider_name": "s", "target_urls": ["https://listings.example/"] });
    let young = ann.post("/api/v1/jobs", &job).await.json();

    let kept = RowRetention { finished_jobs: days(30), ..RowRetention::default() };
    sweep(&app.services, &kept).await.unwrap();

    ann.get(&ended).await.expect_problem(404, "not_found");
    assert_eq!(ann.get(&format!("/api/v1/jobs/{}", young["job_id"])).await.status, 200);
    for table in ["job_logs", "job_items", "executions"] {
        let left = count(app, &format!("SELECT count(*) FROM {table} WHERE job_id = {number}")).await;
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(count(app, "SELECT count(*) FROM properties").await, 1, "what it brought in stays");
}

async fn what_is_to_be_kept_for_ever_is_kept(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, SCOPES).await;
    ann.broadcasts("for ever").await;
    let (job, lease) = worked_on(&ann, &worker, 1).await;
    // A running job would be found lost, which sends events.
    assert_eq!(worker.post(&format!("{job}/complete"), &lease).await.status, 200);
    let counted = async || {
        let tables = ["audit_log", "notifications", "job_logs", "jobs"];
        let mut counts = Vec::new();
        for table in tables {
            counts.push(count(app, &format!("SELECT count(*) FROM {table}")).await);
        }
        counts
    };
    let before = counted().await;
    app.advance(DAY * 3_650).await;

    let gone = sweep(&app.services, &RowRetention::default()).await.unwrap();

    assert_eq!((gone, counted().await), (0, before));
}

async fn a_log_is_kept_to_so_many_bytes(app: &TestApp) {
    let ann = app.admin("ann").await;
    for _ in 0..20 {
        ann.broadcasts(&"x".repeat(1_000)).await;
    }
    let bytes = "SELECT CAST(sum(bytes) AS bigint) FROM events";
    let (each, all) =
        (count(app, bytes).await / 20, count(app, "SELECT bytes FROM tenant_logs WHERE head > 0").await);
    assert_eq!(all, each * 20);

    let retention = |bytes| LogRetention { age: TimeDelta::days(1), events: 1_000, bytes: Some(bytes) };
    let none = trim_logs(&app.services, retention(all)).await.unwrap();
    let some = trim_logs(&app.services, retention(each * 5 + 1)).await.unwrap();

    assert_eq!((none, some), (0, 15));
    assert_eq!(count(app, "SELECT bytes FROM tenant_logs WHERE head > 0").await, each * 5);
    let page = ann.get("/api/v1/events").await.json();
    assert_eq!(page["recovered"], json!(true), "{page}");
}
