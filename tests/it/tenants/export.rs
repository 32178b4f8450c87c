//! A tenant as a file: complete, of one moment, without secrets, and under its final name only when it is done.

use std::collections::BTreeMap;
use std::path::Path;

use lotline::auth::key_scope::KeyScope;
use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use lotline::base::entropy::Entropy;
use lotline::base::ids::TenantId;
use lotline::storage::{CopyError, ExportHead, Exported, export_tenant};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::rows::{NUMBER, fill_tenant};
use crate::store::tables::rows;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    an_export_has_a_row_of_every_table_that_is_no_secret with crate::tenants::retention::KEEP_FOREVER,
    an_export_is_of_one_moment_while_writers_go_on,
    no_secret_and_nothing_of_another_tenant_is_in_an_export,
    a_long_table_is_read_in_pages_and_none_is_missing,
    a_file_that_is_there_is_kept_unless_it_is_to_be_replaced,
}

async fn exports(app: &TestApp, tenant: TenantId, to: &Path, replace: bool) -> Result<Exported, CopyError> {
    let scope = TenantScope::for_system(SystemReason::CommandLine, tenant);
    let head = ExportHead { made_at: "2025-11-24T16:00:00.000Z".to_owned(), program: "test" };
    export_tenant(&app.services.db, &scope, head, to, replace, Entropy).await
}

/// A parsed export: the first line and the rows by table. Its last line is valid.
struct Read {
    text: String,
    head: Value,
    rows: BTreeMap<String, Vec<Value>>,
}

async fn exported(app: &TestApp, tenant: TenantId) -> Read {
    let file = app.folder().join("export.ndjson");
    let made = exports(app, tenant, &file, true).await.unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let (body, last) = text.trim_end().rsplit_once('\n').unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    let sum = Sha256::digest(format!("{body}\n"));
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(last, json!({ "end": true, "rows": made.rows, "sha256": sum }));
    assert_eq!(made.sha256, sum);
    let mut lines = body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let head = lines.next().unwrap();
    let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines {
        rows.entry(line["table"].as_str().unwrap().to_owned()).or_default().push(line["row"].clone());
    }
    assert_eq!(rows.values().map(Vec::len).sum::<usize>() as u64, made.rows);
    for (table, count) in head["rows"].as_object().unwrap() {
        assert_eq!(rows.get(table).map_or(0, Vec::len) as u64, count.as_u64().unwrap(), "{table}");
    }
    Read { text, head, rows }
}

async fn an_export_has_a_row_of_every_table_that_is_no_secret(app: &TestApp) {
    let connection = app.raw_database().await;
    fill_tenant(&connection).await;

    let read = exported(app, TenantId(i64::from(NUMBER))).await;

    assert_eq!((&read.head["format"], &read.head["version"]), (&json!("lotline-tenant-export"), &json!(1)));
    assert_eq!(read.head["tenant"], json!({ "id": 77, "slug": "text 77", "name": "text 77" }));
    let left_out = read.head["left_out"].as_object().unwrap();
    for (table, _) in lotline::storage::tenant_tables() {
        let whole = left_out.get(table) == Some(&json!("*"));
        assert_eq!(read.rows.get(table).map_or(0, Vec::len), usize::from(!whole), "{table}");
    }
    let user = &read.rows["users"][0];
    assert_eq!(
        (&user["id"], &user["username"], &user["is_active"]),
        (&json!(77), &json!("text 77"), &json!(true))
    );
    assert_eq!((&left_out["users"], user.get("password_hash")), (&json!(["password_hash"]), None));
    assert_eq!(read.rows["sessions"][0]["id"], "00000000-0000-7000-8000-00000000004d");
    connection.close().await.unwrap();
}

async fn an_export_is_of_one_moment_while_writers_go_on(app: &TestApp) {
    let ann = app.admin("ann").await;
    let stop = CancellationToken::new();
    let writing = async {
        while !stop.is_cancelled() {
            ann.broadcasts("a fact").await;
        }
    };
    let reading = async {
        for _ in 0..5 {
            let read = exported(app, app.acme).await;
            // The counter and its events are written together, so the export has both.
            let log = &read.rows["tenant_logs"][0];
            let events = read.rows.get("events").map_or(0, Vec::len);
            let notices = read.rows.get("notifications").map_or(0, Vec::len);
            assert_eq!((log["head"].as_u64(), events), (Some(events as u64), notices));
        }
        stop.cancel();
    };

    tokio::join!(writing, reading);
}

async fn no_secret_and_nothing_of_another_tenant_is_in_an_export(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    app.worker(&ann, &[KeyScope::JobsRun]).await;
    let link = ann.post(&format!("/api/v1/users/{}/password-link", ann.id.0), &json!({})).await;
    assert!(link.status < 300, "{link:?}");
    ann.broadcasts("ours").await;
    sue.broadcasts("theirs").await;
    let connection = app.raw_database().await;

    let text = exported(app, app.acme).await.text;

    for (table, column) in [
        ("users", "password_hash"),
        ("api_keys", "secret_hash"),
        ("refresh_tokens", "secret_hash"),
        ("password_links", "secret_hash"),
    ] {
        let secrets = rows(&connection, &format!("SELECT {column} FROM {table}")).await;
        assert!(!secrets.is_empty(), "{table} has none");
        for secret in secrets {
            let secret: String = secret.try_get_by_index(0).unwrap();
            assert!(!text.contains(&secret), "{table}.{column}");
        }
    }
    assert!(text.contains("ours") && text.contains(r#""username":"ann""#));
    assert!(!text.contains("theirs") && !text.contains(r#""sue""#));
    connection.close().await.unwrap();
}

async fn a_long_table_is_read_in_pages_and_none_is_missing(app: &TestApp) {
    let ann = app.admin("ann").await;
    for number in 0..410 {
        ann.broadcasts(&format!("number {number}")).await;
    }

    let read = exported(app, app.acme).await;

    let seqs: Vec<i64> = read.rows["events"].iter().map(|row| row["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=410).collect::<Vec<_>>());
    // Their ids are not numbers.
    assert_eq!(read.rows["notifications"].len(), 410);
}

async fn a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(app: &TestApp) {
    let file = app.folder().join("kept.ndjson");
    std::fs::write(&file, "mine").unwrap();

    let refused = exports(app, app.acme, &file, false).await;
    let kept = std::fs::read_to_string(&file).unwrap();
    exports(app, app.acme, &file, true).await.unwrap();

    assert!(matches!(refused, Err(CopyError::Exists(_))), "{refused:?}");
    assert_eq!(kept, "mine");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("{"));
    let left = std::fs::read_dir(app.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".kept")));
}
