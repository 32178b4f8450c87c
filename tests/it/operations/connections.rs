//! Open connections, as an admin lists and closes them.

use serde_json::Value;

use super::metrics::value;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

on_both_databases! {
    an_admin_sees_who_reads_slowly,
    a_connection_closed_by_an_admin_gets_the_reason_and_is_audited,
}

/// The connections of a user.
async fn of(ann: &Admin<'_>, user: i64) -> Vec<Value> {
    let list = ann.get("/api/v1/connections").await.json();
    list["data"].as_array().unwrap().iter().filter(|one| one["user_id"] == user).cloned().collect()
}

async fn an_admin_sees_who_reads_slowly(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut quick = ann.connects().await;
    let mut slow = bob.socket_request("/ws").receive_bytes(4 * 1024).open().await;
    slow.next_of_type("connection_established").await;
    let large = "\u{1f3e1}".repeat(4_000);

    let behind = loop {
        ann.broadcasts(&large).await;
        quick.next_durable(1).await;
        let now = of(&ann, bob.id.0).await.remove(0);
        if now["lag"].as_u64() > Some(1) {
            break now;
        }
    };

    assert!(behind["queued_bytes"].as_u64() > Some(16_000), "{behind}");
    assert!(
        behind["bytes_out"].as_u64() > Some(16_000) && behind["frames_out"].as_u64() > Some(1),
        "{behind}"
    );
    assert!(behind["last_heard_at"].is_string() && behind["address"] == "127.0.0.1", "{behind}");
    let own = of(&ann, ann.id.0).await.remove(0);
    assert_eq!((own["lag"].as_u64(), own["queued_bytes"].as_u64()), (Some(0), Some(0)), "{own}");
    while app.connections() == 2 {
        ann.broadcasts(&large).await;
        quick.next_durable(1).await;
    }
    let (code, _) = slow.expect_close().await;
    assert_eq!(code, 4503);
    let text = app.metrics("/metrics").await.text;
    assert_eq!(value(&text, "lotline_mailbox_overflows_total"), 1.0);
    assert_eq!(value(&text, "lotline_connections_closed_total{code=\"4503\"}"), 1.0);
}

async fn a_connection_closed_by_an_admin_gets_the_reason_and_is_audited(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = bob.connects().await;
    let id = of(&ann, bob.id.0).await[0]["connection_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/connections/{id}");

    app.stranger("sue").await.delete(&path).await.expect_problem(404, "not_found");
    assert_eq!(ann.delete(&path).await.status, 204);

    assert_eq!(socket.expect_close().await, (4403, "closed by an admin".to_owned()));
    let noted = ann.get("/api/v1/audit-log").await.json();
    let noted = noted["data"].as_array().unwrap().iter().filter(|one| one["action"] == "connection.closed");
    let noted: Vec<_> = noted.collect();
    assert_eq!(noted.len(), 1);
    assert_eq!((&noted[0]["target_id"], &noted[0]["actor_name"]), (&Value::from(id), &Value::from("ann")));
    let text = app.metrics("/metrics").await.text;
    assert_eq!(value(&text, "lotline_connections_closed_total{code=\"4403\"}"), 1.0);
}
