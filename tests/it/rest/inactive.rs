//! A deactivated user gets the same refusal from every endpoint: 403, or close 4403, "User not found or inactive".

use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    every_endpoint_answers_that_the_user_is_inactive,
    a_session_that_ended_otherwise_is_an_invalid_token,
}

const WORDS: &str = "User not found or inactive";

fn assert_inactive(answer: &Response, request: &str) {
    let problem = answer.json();
    assert_eq!((answer.status, &problem["detail"]), (403, &json!(WORDS)), "{request}: {answer:?}");
    assert_eq!(problem["code"], "inactive_user", "{request}");
}

async fn every_endpoint_answers_that_the_user_is_inactive(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = app.member("bob").await;
    let pair = bob.signs_in_again().await;
    let ticket = bob.post("/api/v1/auth/socket-ticket", &json!({})).await.json();
    let off = ann.patch(&format!("/api/v1/users/{}", bob.id), &json!({"is_active": false})).await;
    assert_eq!(off.status, 200, "{off:?}");

    assert_inactive(&bob.get("/api/v1/users/me").await, "REST");
    assert_inactive(&bob.post("/api/v1/auth/socket-ticket", &json!({})).await, "a ticket's making");
    for path in ["/ws", "/ws/authenticated", "/ws/file-upload", "/ws/echo", "/chat/stream"] {
        assert_inactive(&bob.socket_request(path).try_handshake().await, path);
    }
    for path in ["/sse/notifications", "/sse/events?subscriptions=job_updates", "/events"] {
        assert_inactive(&bob.get(path).await, path);
    }
    let form = app.http.post(app.url("/api/v1/uploads")).bearer_auth(bob.token());
    let form = form.header("content-type", "multipart/form-data; boundary=edge").body("--edge--");
    assert_inactive(&Response::send(form).await, "an upload");
    let ticket = ticket["ticket"].as_str().unwrap();
    let stranger = Caller { app, credential: None };
    assert_inactive(
        &stranger.socket_request("/ws").query("ticket", ticket).try_handshake().await,
        "a ticket",
    );
    let refresh =
        format!("grant_type=refresh_token&refresh_token={}", pair["refresh_token"].as_str().unwrap());
    let request = app.http.post(app.url("/api/v1/auth/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(refresh);
    assert_inactive(&Response::send(request).await, "a refresh");

    let (code, reason) = bob.socket_request("/ws").query("reject", "close").open().await.expect_close().await;
    assert_eq!((code, reason.as_str()), (4403, WORDS));
}

async fn a_session_that_ended_otherwise_is_an_invalid_token(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = app.member("bob").await;
    assert_eq!(bob.post("/api/v1/auth/logout", &json!({})).await.status, 204);

    let after = bob.get("/api/v1/users/me").await;

    assert_eq!(after.expect_problem(401, "unauthenticated")["detail"], "Invalid token");
    // A removed user is unknown.
    let eve = app.member("eve").await;
    assert_eq!(ann.delete(&format!("/api/v1/users/{}", eve.id)).await.status, 204);
    assert_eq!(
        eve.get("/api/v1/users/me").await.expect_problem(401, "unauthenticated")["detail"],
        "Invalid token"
    );
}
