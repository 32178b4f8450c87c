//! A broadcast reaches its audience, and no user of another tenant.

use serde_json::json;

use crate::support::app::{TestApp, start_of_time};
use crate::support::on_both_databases;

on_both_databases! {
    a_broadcast_reaches_everyone_of_the_tenant_and_nobody_of_another,
    a_broadcast_to_an_audience_reaches_it_only,
    the_seeds_address_and_parameters_broadcast_too,
    a_broadcast_is_a_notification_that_can_be_read_later,
}

async fn a_broadcast_reaches_everyone_of_the_tenant_and_nobody_of_another(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let stranger = app.stranger("sue").await;
    let mut readers =
        [ann.connects().await, bob.connects().await, bob.connects().await, vic.connects().await];
    let mut outsider = stranger.connects().await;
    let mut outside_stream = stranger.streams("/sse/events", None).await;
    outside_stream.next_event().await;

    let sent = ann.broadcasts("the market opens").await;
    stranger.broadcasts("elsewhere").await;

    let received = json!({
        "type": "system_notification", "category": "general", "message": "the market opens",
        "broadcast_id": sent["broadcast_id"], "sender_id": ann.id.0,
        "timestamp": start_of_time().timestamp() as f64,
        "start_time": "2025-11-24T16:00:00.000Z",
        "position": sent["position"], "occurred_at": "2025-11-24T16:00:00.000Z",
    });
    for reader in &mut readers {
        assert_eq!(reader.next().await, received);
    }
    assert_eq!(outsider.next().await["message"], "elsewhere");
    assert_eq!(outside_stream.next_event().await.json()["message"], "elsewhere");
    let missing = stranger.get("/api/v1/notifications").await.json();
    assert_eq!(missing["data"].as_array().unwrap().len(), 1, "{missing}");
}

async fn a_broadcast_to_an_audience_reaches_it_only(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let mut sockets = [ann.connects().await, bob.connects().await, vic.connects().await];
    let to_bob = format!("user:{}", bob.id.0);

    for audience in ["admins", "role:viewer", &to_bob, "everyone"] {
        let body = json!({"message": audience, "audience": audience});
        assert_eq!(ann.post("/api/v1/admin/broadcast", &body).await.status, 200);
    }

    let [of_ann, of_bob, of_vic] = &mut sockets;
    let first = of_ann.next().await;
    assert_eq!(
        (first["type"].as_str(), first["message"].as_str()),
        (Some("admin_notification"), Some("admins"))
    );
    assert_eq!(of_ann.next().await["message"], "everyone");
    assert_eq!(of_bob.next().await["message"], to_bob);
    assert_eq!(of_bob.next().await["message"], "everyone");
    assert_eq!(of_vic.next().await["message"], "role:viewer");
    assert_eq!(of_vic.next().await["message"], "everyone");
}

async fn the_seeds_address_and_parameters_broadcast_too(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;

    for path in ["/admin/broadcast", "/api/v1/admin/broadcast"] {
        let path = format!("{path}?message=hello%20you&category=maintenance");
        let request = app.http.post(app.url(&path)).bearer_auth(ann.token());
        let answer = crate::support::answer::Response::send(request).await;
        let received = socket.next().await;

        assert_eq!(
            (answer.status, answer.json()["message"].as_str()),
            (200, Some("Broadcast sent successfully"))
        );
        assert_eq!(
            (received["message"].as_str(), received["category"].as_str()),
            (Some("hello you"), Some("maintenance"))
        );
        assert_eq!(received["position"], answer.json()["position"]);
    }
    app.member("bob")
        .await
        .post("/admin/broadcast", &json!({"message": "x"}))
        .await
        .expect_problem(403, "forbidden");
    app.anonymous()
        .post("/admin/broadcast", &json!({"message": "x"}))
        .await
        .expect_problem(401, "unauthenticated");
}

async fn a_broadcast_is_a_notification_that_can_be_read_later(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let sent = ann.broadcasts("remember").await;

    let list = bob.get("/api/v1/notifications").await.json();
    let id = list["data"][0]["notification_id"].as_str().unwrap_or_else(|| panic!("{list}"));
    let read = bob.post(&format!("/api/v1/notifications/{id}/read"), &json!({})).await;

    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert!(list.to_string().contains(sent["broadcast_id"].as_str().unwrap()), "{list}");
    assert!((200..300).contains(&read.status), "{read:?}");
}
