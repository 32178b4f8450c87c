//! Five sockets per user, and when a sixth is admitted.

use std::time::Duration;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const TWO_STREAMS: &[Setting] = &[("LOTLINE__LIMITS__STREAMS_PER_USER", "2")];

on_both_databases! {
    a_sixth_socket_is_refused_and_another_users_is_not,
    a_connection_slot_is_released_when_its_socket_ends,
    a_sixth_socket_replaces_one_that_answers_no_ping,
    a_stream_too_many_is_refused_and_closes_no_older_one with super::TWO_STREAMS,
    an_admin_closes_a_connection_of_the_tenant_and_no_other,
}

async fn a_sixth_socket_is_refused_and_another_users_is_not(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(bob.connects().await);
    }

    let refused = bob.socket_request("/ws").try_handshake().await;
    let received = bob.socket_request("/ws").query("reject", "close").open().await.expect_close().await;

    let problem = refused.expect_problem(429, "too_many_connections");
    assert_eq!(problem["detail"], "Too many connections");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(received.0, 4409);
    assert!(received.1.starts_with("Too many connections;retry_after="), "{}", received.1);
    app.member("cid").await.connects().await;
    assert_eq!(bob.streams("/sse/notifications", None).await.status, 200);
}

async fn a_connection_slot_is_released_when_its_socket_ends(app: &TestApp) {
    let bob = app.member("bob").await;

    for _ in 0..12 {
        let socket = bob.connects().await;
        assert_eq!(socket.close().await, 1000);
        app.wait_for_connections(0).await;
    }
}

async fn a_sixth_socket_replaces_one_that_answers_no_ping(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(bob.connects().await);
    }
    app.advance(Duration::from_secs(28)).await;

    let mut sixth = app.while_time_passes(bob.connects()).await;

    assert_eq!(sixth.request(json!({"type": "ping"})).await["type"], "pong");
    assert_eq!(silent[0].expect_close().await.0, 4408);
}

async fn a_stream_too_many_is_refused_and_closes_no_older_one(app: &TestApp) {
    let bob = app.member("bob").await;
    let open = [bob.streams("/sse/events", None).await, bob.streams("/sse/events", None).await];
    app.advance(Duration::from_secs(40)).await;

    let mut refused = app.while_time_passes(bob.streams("/sse/events", None)).await;
    app.advance(Duration::from_secs(5)).await;

    let problem = refused.next_named("problem").await.json();
    assert_eq!(problem["close_code"], 4409, "{problem}");
    assert_eq!((app.connections(), open.len()), (2, 2));
}

async fn an_admin_closes_a_connection_of_the_tenant_and_no_other(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let stranger = app.stranger("sue").await;
    let mut socket = bob.connects().await;
    let listed = ann.lists_connections().await;
    let id = listed[0]["connection_id"].as_str().unwrap();
    let path = format!("/api/v1/connections/{id}");

    let by_stranger = stranger.delete(&path).await;
    let unknown = stranger.delete("/api/v1/connections/01900000-0000-7000-8000-000000000000").await;
    let by_member = bob.delete(&path).await;
    let by_admin = ann.delete(&path).await;

    assert_eq!((listed.len(), listed[0]["user_id"].as_i64()), (1, Some(bob.id.0)));
    assert_eq!(
        by_stranger.expect_problem(404, "not_found")["detail"],
        unknown.expect_problem(404, "not_found")["detail"]
    );
    by_member.expect_problem(403, "forbidden");
    assert_eq!(by_admin.status, 204);
    assert_eq!(socket.expect_close().await, (4403, "closed by an admin".to_owned()));
}
