//! API keys never exceed their owner's role: a demotion reduces the owner's keys and their open connections.

use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

on_both_databases! {
    a_demotion_takes_from_the_keys_what_the_role_may_not_give,
    a_key_without_scopes_ends_and_its_connections_with_it,
    a_promotion_gives_nothing_back_and_others_keys_are_left_alone,
    a_key_that_may_still_read_keeps_its_connection,
}

async fn changes_role(ann: &Admin<'_>, of: i64, role: &str) {
    let answer = ann.patch(&format!("/api/v1/users/{of}"), &json!({ "role": role })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn scopes(ann: &Admin<'_>) -> Vec<Value> {
    let list = ann.get("/api/v1/api-keys").await.json();
    let mut scopes: Vec<Value> =
        list["data"].as_array().unwrap().iter().map(|key| key["scopes"].clone()).collect();
    scopes.sort_by_key(Value::to_string);
    scopes
}

async fn a_demotion_takes_from_the_keys_what_the_role_may_not_give(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let all = app.worker(&eve, &KeyScope::ALL).await;
    let work = json!({ "items": [] });
    let before = all.post("/api/v1/properties/batch", &work).await;
    assert_ne!(before.status, 403, "{before:?}");

    changes_role(&ann, eve.id.0, "viewer").await;

    all.post("/api/v1/properties/batch", &work).await.expect_problem(403, "forbidden");
    all.post("/api/v1/workers/claim", &json!({})).await.expect_problem(403, "forbidden");
    assert_eq!(all.get("/api/v1/events?subscriptions=job_updates").await.status, 200);
    assert_eq!(scopes(&ann).await, [json!(["events:read"])]);
    let log = ann.get("/api/v1/audit-log").await.json();
    let entry = log["data"].as_array().unwrap().iter().find(|row| row["action"] == "api_keys.narrowed");
    let detail = &entry.unwrap()["detail"];
    assert_eq!(
        (&detail["narrowed"], &detail["revoked"], &detail["role"]),
        (&json!(1), &json!(0), &json!("viewer"))
    );
    assert_eq!(detail["taken"].as_array().unwrap().len(), 3, "{detail}");
}

async fn a_key_without_scopes_ends_and_its_connections_with_it(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let worker = app.worker(&eve, &[KeyScope::JobsRun, KeyScope::LogsWrite]).await;
    assert_eq!(worker.post("/api/v1/workers/claim", &json!({})).await.status, 204);

    changes_role(&ann, eve.id.0, "member").await;

    worker.post("/api/v1/workers/claim", &json!({})).await.expect_problem(401, "unauthenticated");
    assert!(scopes(&ann).await.is_empty());
}

async fn a_promotion_gives_nothing_back_and_others_keys_are_left_alone(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let own = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let key = app.worker(&eve, &[KeyScope::PropertiesWrite, KeyScope::EventsRead]).await;

    changes_role(&ann, eve.id.0, "viewer").await;
    changes_role(&ann, eve.id.0, "admin").await;

    key.post("/api/v1/properties/batch", &json!({ "items": [] })).await.expect_problem(403, "forbidden");
    assert_ne!(own.post("/api/v1/properties/batch", &json!({ "items": [] })).await.status, 403);
    assert_eq!(scopes(&ann).await, [json!(["events:read"]), json!(["properties:write"])]);
}

async fn a_key_that_may_still_read_keeps_its_connection(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let reader = app.worker(&eve, &[KeyScope::EventsRead, KeyScope::JobsRun]).await;
    let mut socket = reader.connects().await;
    socket.request(json!({ "type": "subscribe", "subscription": "job_updates" })).await;

    changes_role(&ann, eve.id.0, "member").await;

    assert_eq!(socket.request(json!({ "type": "ping" })).await["type"], "pong");
    // Revoking a key closes its connection.
    app.runs_sql("UPDATE api_keys SET scopes = 'jobs:run'").await;
    changes_role(&ann, eve.id.0, "viewer").await;
    assert!([4403, 4410].contains(&socket.expect_close().await.0));
}
