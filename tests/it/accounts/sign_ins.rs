//! Sign-ins of one account: one request ends all of them with one revocation, and their number is limited.

use lotline::auth::revocation::Revocation;
use serde_json::{Value, json};

use super::{PASSWORD, count, refresh_token, refreshes, signs_in, text};
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;
use crate::support::settings::Setting;

const MANY: &[Setting] = &[("LOTLINE__LIMITS__SESSIONS_PER_USER", "100000")];
const THREE: &[Setting] = &[("LOTLINE__LIMITS__SESSIONS_PER_USER", "3")];
const HOME: &str = "192.0.2.1";

on_both_databases! {
    a_new_password_of_an_operator_ends_every_sign_in_of_theirs with super::MANY,
    an_operator_ends_all_other_sign_ins_however_many with super::MANY,
    thousands_of_sessions_end_with_one_message_and_other_tenants_are_unaffected with super::MANY,
    beyond_the_bound_the_sign_in_that_was_used_longest_ago_ends with super::THREE,
    the_bound_holds_for_operators_too_and_for_many_at_once with super::THREE,
}

/// Inserts sign-ins directly: never used since, and first in every list.
async fn has_sign_ins(app: &TestApp, owner: &str, many: u32) {
    let is_sqlite = app.database().is_none();
    for from in (0..many).step_by(500) {
        let rows: Vec<String> = (from..(from + 500).min(many))
            .map(|n| {
                let id = if is_sqlite {
                    format!("X'ff00000000007000800000{n:010x}'")
                } else {
                    format!("'ff000000-0000-7000-8000-00{n:010x}'")
                };
                format!("({id}, {owner}, 1, 1, 9000000000000000)")
            })
            .collect();
        let columns = "id, tenant_id, user_id, operator_id, created_at, last_used_at, expires_at";
        app.runs_sql(&format!("INSERT INTO sessions ({columns}) VALUES {}", rows.join(","))).await;
    }
}

async fn active_sessions(app: &TestApp, owner: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND {owner}");
    count(app, &sql).await
}

async fn sends(app: &TestApp, method: reqwest::Method, path: &str, token: &str, body: Value) {
    let answer = Response::send(app.http.request(method, app.url(path)).bearer_auth(token).json(&body)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// An operator with a thief's sign-in as the first one, with 250 others between it and the newest.
async fn robbed_operator(app: &TestApp) -> (Value, String, i64) {
    let root = app.operator("root").await;
    let thief = signs_in(app, "root", PASSWORD, HOME).await.json();
    let operator = count(app, "SELECT max(id) FROM operators").await;
    // Their ids are newer than the thief's, so a list of the newest does not contain it.
    has_sign_ins(app, &format!("NULL, NULL, {operator}"), 250).await;
    (thief, root.token().to_owned(), operator)
}

async fn is_out(app: &TestApp, thief: &Value) {
    let caller = Caller { app, credential: Some(text(thief, "access_token")) };
    caller.get("/api/v1/tenants").await.expect_problem(401, "unauthenticated");
    let refreshed = refreshes(app, &text(thief, "refresh_token")).await;
    assert_eq!(refreshed.status, 401, "{refreshed:?}");
}

async fn a_new_password_of_an_operator_ends_every_sign_in_of_theirs(app: &TestApp) {
    let (thief, own, operator) = robbed_operator(app).await;
    let caller = Caller { app, credential: Some(text(&thief, "access_token")) };
    assert_eq!(caller.get("/api/v1/tenants").await.status, 200);
    let mut words = app.services.publisher.revocations();

    let body = json!({ "current_password": PASSWORD, "new_password": "another one of 1915" });
    sends(app, reqwest::Method::POST, "/api/v1/auth/password", &own, body).await;

    is_out(app, &thief).await;
    assert_eq!(active_sessions(app, &format!("operator_id = {operator}")).await, 1);
    assert!(matches!(words.try_recv(), Ok(Revocation::OperatorSessions { except: Some(_), .. })));
    assert!(words.try_recv().is_err());
    let caller = Caller { app, credential: Some(own) };
    assert_eq!(caller.get("/api/v1/tenants").await.status, 200);
}

async fn an_operator_ends_all_other_sign_ins_however_many(app: &TestApp) {
    let (thief, own, operator) = robbed_operator(app).await;

    sends(app, reqwest::Method::DELETE, "/api/v1/auth/sessions", &own, json!({})).await;

    is_out(app, &thief).await;
    assert_eq!(active_sessions(app, &format!("operator_id = {operator}")).await, 1);
}

async fn thousands_of_sessions_end_with_one_message_and_other_tenants_are_unaffected(app: &TestApp) {
    let (bob, sue) = (app.viewer("bob").await, app.stranger("sue").await);
    has_sign_ins(app, &format!("{}, {}, NULL", app.acme.0, bob.id.0), 3_000).await;
    let other = bob.signs_in_again().await;
    let mut own = bob.connects().await;
    let mut second =
        app.anonymous().socket_request("/ws").query("token", &text(&other, "access_token")).open().await;
    let mut elsewhere = sue.connects().await;
    let mut words = app.services.publisher.revocations();

    sends(app, reqwest::Method::DELETE, "/api/v1/auth/sessions", bob.token(), json!({})).await;

    let (tenant, user) = (app.acme, bob.id);
    let received = words.try_recv().unwrap();
    assert!(
        matches!(received, Revocation::UserSessions { tenant: t, user: u, except: Some(_) } if (t, u) == (tenant, user))
    );
    assert!(words.try_recv().is_err(), "one word");
    assert_eq!(active_sessions(app, &format!("user_id = {}", bob.id.0)).await, 1);
    assert_eq!(second.expect_close().await.0, 4410);
    sue.broadcasts("all goes on").await;
    assert_eq!(elsewhere.next_of_type("system_notification").await["message"], "all goes on");
    assert_eq!(own.request(json!({ "type": "ping" })).await["type"], "pong");
}

async fn beyond_the_bound_the_sign_in_that_was_used_longest_ago_ends(app: &TestApp) {
    // The first sign-in is the helper's.
    let bob = app.member("bob").await;
    app.clock.advance(std::time::Duration::from_secs(1));
    let second = bob.signs_in_again().await;
    app.clock.advance(std::time::Duration::from_secs(1));
    let third = bob.signs_in_again().await;
    let open = async |pair: &Value| {
        let request = app.anonymous().socket_request("/ws").query("token", &text(pair, "access_token"));
        let mut socket = request.open().await;
        socket.next_of_type("connection_established").await;
        socket
    };
    let (mut of_first, mut of_second) = (bob.connects().await, open(&second).await);
    app.clock.advance(std::time::Duration::from_secs(1));
    // The second is used again, so the first is the least recently used, then the third.
    refresh_token(&refreshes(app, &text(&second, "refresh_token")).await);

    let fourth = bob.signs_in_again().await;
    assert_eq!(of_first.expect_close().await.0, 4410);
    app.clock.advance(std::time::Duration::from_secs(1));
    let fifth = bob.signs_in_again().await;

    assert_eq!(active_sessions(app, &format!("user_id = {}", bob.id.0)).await, 3);
    assert_eq!(refreshes(app, &text(&third, "refresh_token")).await.status, 401);
    for pair in [&fourth, &fifth] {
        refresh_token(&refreshes(app, &text(pair, "refresh_token")).await);
    }
    assert_eq!(of_second.request(json!({ "type": "ping" })).await["type"], "pong");
}

async fn the_bound_holds_for_operators_too_and_for_many_at_once(app: &TestApp) {
    let root = app.operator("root").await;
    let operator = count(app, "SELECT max(id) FROM operators").await;
    has_sign_ins(app, &format!("NULL, NULL, {operator}"), 1_200).await;
    // Among sign-ins of the same moment the order is undefined; root's own is made older than the twelve.
    app.clock.advance(std::time::Duration::from_secs(1));

    let signs_in = || signs_in(app, "root", PASSWORD, HOME);
    let many: Vec<Response> = futures_util::future::join_all((0..12).map(|_| signs_in())).await;

    assert!(many.iter().all(|answer| answer.status == 200), "{many:?}");
    assert_eq!(active_sessions(app, &format!("operator_id = {operator}")).await, 3);
    root.get("/api/v1/tenants").await.expect_problem(401, "unauthenticated");
}
