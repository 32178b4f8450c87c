//! A connection ends when its token expires, unless the client sends another in time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

/// Tokens of 70 seconds, and heartbeats so long that no ping is missed before.
const SHORT: &[Setting] =
    &[("LOTLINE__AUTH__ACCESS_TTL_SECONDS", "70"), ("LOTLINE__LIMITS__HEARTBEAT_SECONDS", "60")];

on_both_databases! {
    the_client_is_warned_a_minute_before_its_token_expires with super::SHORT,
    an_expired_token_closes_the_socket_with_4401 with super::SHORT,
    a_new_token_keeps_the_connection_and_its_subscriptions with super::SHORT,
    only_a_token_of_the_same_user_refreshes with super::SHORT,
}

async fn the_client_is_warned_a_minute_before_its_token_expires(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    app.advance(Duration::from_secs(8)).await;
    let quiet = socket.request(json!({"type": "ping"})).await;
    app.advance(Duration::from_secs(4)).await;
    let warning = socket.next().await;

    assert_eq!(quiet["type"], "pong");
    assert_eq!(warning["type"], "token_expiring");
    assert!((57..=60).contains(&warning["expires_in"].as_i64().unwrap()), "{warning}");
}

async fn an_expired_token_closes_the_socket_with_4401(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    app.advance(Duration::from_secs(68)).await;
    assert_eq!(app.connections(), 1);
    app.advance(Duration::from_secs(4)).await;

    assert_eq!(socket.expect_close().await, (4401, "token expired".to_owned()));
    let types: Vec<&Value> = socket.skipped.iter().map(|message| &message["type"]).collect();
    assert_eq!(types, ["token_expiring"]);
}

async fn a_new_token_keeps_the_connection_and_its_subscriptions(app: &TestApp) {
    let bob = app.member("bob").await;
    let ann = app.admin("ann").await;
    let mut socket = bob.connects().await;
    socket.request(json!({"type": "subscribe", "subscription": "job_updates"})).await;
    app.advance(Duration::from_secs(50)).await;

    let refreshed =
        socket.request(json!({"type": "refresh_token", "token": bob.another_token().await})).await;
    app.advance(Duration::from_secs(30)).await;
    let again = socket.request(json!({"type": "subscribe", "subscription": "job_updates"})).await;

    assert_eq!(refreshed["type"], "token_refreshed");
    let ends = chrono::DateTime::parse_from_rfc3339(refreshed["expires_at"].as_str().unwrap()).unwrap();
    assert!((38..=42).contains(&(ends.to_utc() - app.clock.now()).num_seconds()), "{refreshed}");
    assert_eq!((app.connections(), again["type"].as_str()), (1, Some("subscription_confirmed")));
    drop(ann);
}

async fn only_a_token_of_the_same_user_refreshes(app: &TestApp) {
    let bob = app.member("bob").await;
    let (cid, stranger) = (app.member("cid").await, app.stranger("bob").await);
    let mut socket = bob.connects().await;

    for (token, code) in [
        (cid.token(), "wrong_user"),
        (stranger.token(), "wrong_user"),
        ("nonsense", "unauthenticated"),
        ("", "unauthenticated"),
    ] {
        let refused = socket.request(json!({"type": "refresh_token", "token": token})).await;
        assert_eq!(
            (refused["type"].as_str(), refused["code"].as_str()),
            (Some("error"), Some(code)),
            "{token}"
        );
        assert!(token.is_empty() || !refused.to_string().contains(token), "the token came back: {refused}");
    }
    app.advance(Duration::from_secs(72)).await;

    assert_eq!(socket.expect_close().await.0, 4401);
}
