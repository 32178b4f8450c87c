//! A stream ends when its token expires, unless a newer token is posted in time.

use std::time::Duration;

use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Person;
use crate::support::settings::Setting;
use crate::support::stream::{Block, Stream};

/// Tokens of 70 seconds.
const SHORT: &[Setting] = &[("LOTLINE__AUTH__ACCESS_TTL_SECONDS", "70")];

on_both_databases! {
    a_stream_is_warned_and_closed_when_its_token_expires with super::SHORT,
    a_refreshed_stream_goes_on_and_loses_nothing with super::SHORT,
    a_stream_that_a_ticket_opened_ends_with_the_token_behind_it with super::SHORT,
    a_stream_belongs_to_the_sign_in_of_its_newest_token,
    only_ones_own_stream_can_be_refreshed,
}

async fn opens(person: &Person<'_>) -> (Stream, String) {
    let mut stream = person.streams("/sse/events?subscriptions=job_updates", None).await;
    let established = stream.next_event().await.json();
    (stream, established["connection_id"].as_str().unwrap().to_owned())
}

async fn refreshes(app: &TestApp, connection: &str, token: &str) -> Response {
    let path = format!("/api/v1/auth/streams/{connection}/refresh");
    Response::send(app.http.post(app.url(&path)).bearer_auth(token)).await
}

fn name(block: &Block) -> &str {
    block.event.as_deref().unwrap_or_default()
}

async fn a_stream_is_warned_and_closed_when_its_token_expires(app: &TestApp) {
    let bob = app.member("bob").await;
    let (mut stream, _) = opens(&bob).await;

    app.advance(Duration::from_secs(12)).await;
    let warning = stream.next_event().await;
    app.advance(Duration::from_secs(62)).await;
    let problem = stream.next_event().await;

    assert_eq!(name(&warning), "token_expiring");
    assert!((57..=60).contains(&warning.json()["expires_in"].as_i64().unwrap()), "{warning:?}");
    assert_eq!(name(&problem), "problem");
    assert_eq!(
        problem.json(),
        json!({"close_code": 4401, "code": "unauthenticated", "detail": "token expired"})
    );
    assert_eq!(stream.next_block().await, None);
}

async fn a_refreshed_stream_goes_on_and_loses_nothing(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (mut stream, connection) = opens(&bob).await;
    app.advance(Duration::from_secs(50)).await;
    let mut sent = Vec::new();
    let ann = ann.another_token().await;
    let broadcast = async |words: &str| {
        let request = app.http.post(app.url("/api/v1/admin/broadcast")).bearer_auth(&ann);
        let answer = Response::send(request.json(&json!({ "message": words }))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };

    for round in 0..10 {
        broadcast(&format!("before {round}")).await;
        sent.push(format!("before {round}"));
    }
    let refreshed = refreshes(app, &connection, &bob.another_token().await).await;
    for round in 0..10 {
        broadcast(&format!("after {round}")).await;
        sent.push(format!("after {round}"));
    }
    app.advance(Duration::from_secs(40)).await;
    broadcast("the end").await;
    sent.push("the end".to_owned());

    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let mut received = Vec::new();
    let mut others = Vec::new();
    while received.last().map(String::as_str) != Some("the end") {
        let block = stream.next_event().await;
        match name(&block) {
            "system_notification" => received.push(block.json()["message"].as_str().unwrap().to_owned()),
            _ => others.push(block),
        }
    }
    assert_eq!(received, sent);
    let names: Vec<&str> = others.iter().map(name).collect();
    assert_eq!(names, ["token_expiring", "token_refreshed", "token_expiring"]);
    assert_eq!(others[1].json()["expires_at"], refreshed.json()["expires_at"]);
}

async fn a_stream_that_a_ticket_opened_ends_with_the_token_behind_it(app: &TestApp) {
    let bob = app.member("bob").await;
    app.advance(Duration::from_secs(20)).await;
    let ticket = bob.post("/api/v1/auth/socket-ticket", &json!({})).await.json();
    let path = format!("/sse/events?ticket={}", ticket["ticket"].as_str().unwrap());
    let mut stream = app.anonymous().streams_by_url(&path).await;
    stream.next_event().await;

    app.advance(Duration::from_secs(48)).await;
    app.advance(Duration::from_secs(4)).await;

    let mut names = Vec::new();
    while names.last().map(String::as_str) != Some("problem") {
        names.push(name(&stream.next_event().await).to_owned());
    }
    assert_eq!(names, ["token_expiring", "problem"]);
}

async fn a_stream_belongs_to_the_sign_in_of_its_newest_token(app: &TestApp) {
    let bob = app.member("bob").await;
    let (mut stream, connection) = opens(&bob).await;
    let newer = bob.another_token().await;
    let log_out = async |token: &str| {
        let request = app.http.post(app.url("/api/v1/auth/logout")).bearer_auth(token);
        assert_eq!(Response::send(request).await.status, 204);
    };

    assert_eq!(refreshes(app, &connection, &newer).await.status, 200);
    log_out(bob.token()).await;
    assert_eq!(name(&stream.next_event().await), "token_refreshed");
    assert_eq!(app.connections(), 1);
    log_out(&newer).await;

    let problem = stream.next_event().await;
    assert_eq!((name(&problem), problem.json()["close_code"].as_i64()), ("problem", Some(4410)));
}

async fn only_ones_own_stream_can_be_refreshed(app: &TestApp) {
    let (bob, cid, sue) = (app.member("bob").await, app.member("cid").await, app.stranger("sue").await);
    let (mut stream, connection) = opens(&bob).await;
    let mut socket = bob.socket_request("/ws").open().await;
    let on_socket = socket.next_of_type("connection_established").await;
    let on_socket = on_socket["connection_id"].as_str().unwrap();

    let never = refreshes(app, "01900000-0000-7000-8000-00000000dead", bob.token()).await;
    for answer in [
        refreshes(app, &connection, cid.token()).await,
        refreshes(app, &connection, sue.token()).await,
        refreshes(app, on_socket, bob.token()).await,
        never,
    ] {
        answer.expect_problem(404, "not_found");
    }
    refreshes(app, &connection, "nonsense").await.expect_problem(401, "unauthenticated");
    refreshes(app, "no-id", bob.token()).await.expect_problem(422, "validation_failed");
    assert_eq!(refreshes(app, &connection, bob.token()).await.status, 200);
    assert_eq!(name(&stream.next_event().await), "token_refreshed");
}
