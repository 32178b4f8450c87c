//! Refreshing a sign-in: for a short time the same token yields the same successor, and no additional row.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use lotline::app::signing_keys;
use lotline::auth::tenant_scope::SystemReason;
use lotline::config::Settings;
use lotline::domain::identity::authenticate::Credential;
use lotline::domain::identity::password::set_by_link;
use lotline::domain::identity::refresh::refresh;
use lotline::domain::op::Origin;
use lotline::protocol::problem::Code;
use serde_json::Value;

use super::{count, refresh_token, refreshes, text};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::{SIGNING_KID, SIGNING_SECRET};

on_both_databases! {
    a_token_that_comes_fifty_times_gives_one_pair_and_one_row,
    tabs_that_wake_up_at_the_same_moment_get_the_same_pair,
    a_use_after_ten_seconds_ends_the_family_also_when_the_clock_was_set_back,
    a_clock_that_is_set_back_lengthens_no_sign_in_and_no_link,
    a_clock_that_is_set_forth_within_the_grace_signs_nobody_out,
    a_rotation_of_keys_within_the_grace_changes_nothing,
    made_up_tokens_and_repeats_do_not_need_the_writer,
}

const TOKENS: &str = "SELECT count(*) FROM refresh_tokens";

async fn signed_in(app: &TestApp) -> (Value, String) {
    let pair = app.member("bob").await.signs_in_again().await;
    let token = text(&pair, "refresh_token");
    (pair, token)
}

async fn a_token_that_comes_fifty_times_gives_one_pair_and_one_row(app: &TestApp) {
    let (_, first) = signed_in(app).await;
    let before = count(app, TOKENS).await;

    let mut next = Vec::new();
    for _ in 0..50 {
        next.push(refresh_token(&refreshes(app, &first).await));
        app.clock.advance(Duration::from_millis(200));
    }

    assert!(next.iter().all(|token| *token == next[0]) && next[0] != first);
    assert_eq!(count(app, TOKENS).await - before, 1);
    // Every tab continues with its own tokens.
    app.clock.advance(Duration::from_secs(600));
    let after: Vec<String> = join_all(next.iter().map(async |token| {
        let pair = refresh(&app.identity, token, &Origin::default()).await.unwrap();
        assert!(app.identity.authenticate(Credential::Header(pair.access.text.expose())).await.is_ok());
        pair.refresh.expose().to_owned()
    }))
    .await;
    assert!(after.iter().all(|token| *token == after[0]));
    assert_eq!(count(app, TOKENS).await - before, 2);
}

async fn tabs_that_wake_up_at_the_same_moment_get_the_same_pair(app: &TestApp) {
    let (_, first) = signed_in(app).await;
    let before = count(app, TOKENS).await;

    let answers = join_all((0..20).map(|_| refreshes(app, &first))).await;

    let next: Vec<String> = answers.iter().map(refresh_token).collect();
    assert!(next.iter().all(|token| *token == next[0]), "{next:?}");
    assert_eq!(count(app, TOKENS).await - before, 1);
}

async fn a_use_after_ten_seconds_ends_the_family_also_when_the_clock_was_set_back(app: &TestApp) {
    let (pair, first) = signed_in(app).await;
    let second = refresh_token(&refreshes(app, &first).await);
    let request = app.anonymous().socket_request("/ws").query("token", &text(&pair, "access_token"));
    let mut socket = request.open().await;
    app.clock.advance(Duration::from_secs(5));
    app.clock.set_by(TimeDelta::seconds(-90));
    assert_eq!(refresh_token(&refreshes(app, &first).await), second, "within the grace");

    app.clock.advance(Duration::from_secs(6));
    let replayed = refreshes(app, &first).await;

    replayed.expect_problem(401, "session_revoked");
    assert_eq!(refreshes(app, &second).await.status, 401);
    assert_eq!(socket.expect_close().await.0, 4410);
}

async fn a_clock_that_is_set_back_lengthens_no_sign_in_and_no_link(app: &TestApp) {
    const DAY: Duration = Duration::from_secs(86_400);
    let ann = app.admin("ann").await;
    let (_, token) = signed_in(app).await;
    let link = ann.post(&format!("/api/v1/users/{}/password-link", ann.id.0), &serde_json::json!({})).await;
    let link = text(&link.json(), "url").split_once("#token=").unwrap().1.to_owned();

    // Bypasses HTTP: its idle connections would be closed when the clock is advanced.
    app.clock.set_by(TimeDelta::days(-40));
    app.clock.advance(DAY + Duration::from_secs(1));
    let late = set_by_link(&app.identity, &link, "another one of 1915", &Origin::default()).await;
    app.clock.advance(DAY * 29);
    let refreshed = refresh(&app.identity, &token, &Origin::default()).await;

    assert_eq!(late.unwrap_err().code, Code::Unauthenticated);
    assert_eq!(refreshed.unwrap_err().code, Code::Unauthenticated);
}

async fn a_clock_that_is_set_forth_within_the_grace_signs_nobody_out(app: &TestApp) {
    let (_, first) = signed_in(app).await;
    let second = refresh_token(&refreshes(app, &first).await);

    app.clock.set_by(TimeDelta::seconds(90));
    app.clock.advance(Duration::from_secs(5));

    assert_eq!(refresh_token(&refreshes(app, &first).await), second);
}

async fn a_rotation_of_keys_within_the_grace_changes_nothing(app: &TestApp) {
    let (_, first) = signed_in(app).await;
    let before = count(app, TOKENS).await;
    let second = refresh_token(&refreshes(app, &first).await);

    rotates(app, &format!("new:{}", "n".repeat(40)));
    let again = refresh_token(&refreshes(app, &first).await);

    assert_eq!(again, second);
    assert_eq!(count(app, TOKENS).await - before, 1);
    app.clock.advance(Duration::from_secs(600));
    assert!(refresh(&app.identity, &second, &Origin::default()).await.is_ok());
}

/// Puts another key before the signing key.
fn rotates(app: &TestApp, newest: &str) {
    let all = [
        ("LOTLINE__SERVER__DATA_DIR".to_owned(), app.folder().display().to_string()),
        ("LOTLINE__AUTH__KEYS".to_owned(), format!("{newest},{SIGNING_KID}:{SIGNING_SECRET}")),
    ];
    let settings = Settings::load(None, all.into_iter()).unwrap();
    signing_keys::reload(&settings, &app.identity).unwrap();
}

async fn made_up_tokens_and_repeats_do_not_need_the_writer(app: &TestApp) {
    let (_, first) = signed_in(app).await;
    let second = refresh_token(&refreshes(app, &first).await);
    // On SQLite no other transaction can write until this is dropped.
    let writer = app.services.db.system(SystemReason::Demo).begin().await.unwrap();

    for n in 0..300 {
        let answer = refreshes(app, &format!("llr_{n:043}")).await;
        answer.expect_problem(401, "unauthenticated");
    }
    assert_eq!(refresh_token(&refreshes(app, &first).await), second);

    drop(writer);
}
