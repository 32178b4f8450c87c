//! A tenant can read its usage, and is warned before a quota is used up.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const LIMITED: &[Setting] =
    &[("LOTLINE__LIMITS__CONNECTIONS_PER_TENANT", "3"), ("LOTLINE__LIMITS__REQUESTS_PER_TENANT", "10")];

on_both_databases! {
    a_tenant_and_operators_see_what_it_uses_and_nobody_else_does with super::LIMITED,
    admins_are_alerted_at_nine_tenths_and_not_again_within_the_hour with super::LIMITED,
}

fn of<'a>(usage: &'a Value, quota: &str) -> &'a Value {
    let all = usage["data"].as_array().unwrap();
    all.iter().find(|one| one["quota"] == quota).unwrap()
}

async fn a_tenant_and_operators_see_what_it_uses_and_nobody_else_does(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (sue, root) = (app.stranger("sue").await, app.operator("root").await);
    let _socket = bob.connects().await;
    ann.broadcasts("an event of history").await;

    let own = ann.get("/api/v1/usage").await.json();
    let strangers = sue.get("/api/v1/usage").await.json();
    let path = format!("/api/v1/tenants/{}/usage", app.acme);
    let operators = root.get(&path).await.json();

    assert_eq!(
        *of(&own, "connections"),
        json!({"quota": "connections", "limit": 3, "used": 1, "refused": 0})
    );
    assert_eq!(
        *of(&own, "requests_per_second"),
        json!({"quota": "requests_per_second", "limit": 10, "used": 2, "window_seconds": 1, "refused": 0})
    );
    assert_eq!(of(&own, "history_events")["used"], 1);
    assert_eq!(*of(&own, "pending_jobs"), json!({"quota": "pending_jobs", "used": 0, "refused": 0}));
    assert_eq!(of(&strangers, "connections")["used"], 0);
    assert_eq!(operators, own);
    bob.get("/api/v1/usage").await.expect_problem(403, "forbidden");
    ann.get(&path).await.expect_problem(403, "forbidden");
    root.get("/api/v1/tenants/4503599627370496/usage").await.expect_problem(404, "not_found");
}

async fn admins_are_alerted_at_nine_tenths_and_not_again_within_the_hour(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = ann.socket_request("/ws").query("subscriptions", "system_alerts").open().await;
    socket.next_of_type("connection_established").await;
    let _more = (bob.connects().await, bob.connects().await);

    app.advance(Duration::from_secs(3)).await;
    let alert = socket.next_of_type("system_alert").await;
    bob.socket_request("/ws").try_handshake().await.expect_rate_limited();
    app.advance(Duration::from_secs(3)).await;

    assert_eq!((alert["category"].as_str(), alert["severity"].as_str()), (Some("quota"), Some("warning")));
    assert!(alert["message"].as_str().unwrap().contains("connections"), "{alert}");
    let kept = ann.get("/api/v1/notifications").await.json();
    assert_eq!(kept["data"].as_array().unwrap().len(), 1, "{kept}");
}
