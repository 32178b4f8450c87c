//! Missed revocations: a listener that lags checks every open connection against the store, closes those with an
//! ended credential, and no others.
//!
//! On one thread a flood without an await gives the listener no chance to read in between, so it certainly lags.

use std::time::Duration;

use lotline::auth::revocation::Revocation;
use lotline::auth::tenant_scope::SystemReason;
use lotline::base::ids::{KeyId, UserId};
use lotline::domain::broadcast::{self, NewBroadcast};
use lotline::domain::op::Op;
use lotline::protocol::routing::Audience;
use serde_json::json;

use crate::support::app::{Backend, TestApp};
use crate::support::people::Person;
use crate::support::socket::Socket;

/// More than the channel's capacity.
const FLOOD: usize = 20_000;

macro_rules! on_one_thread {
    ($($name:ident),* $(,)?) => {
        mod sqlite { $(#[tokio::test] async fn $name() { super::run(super::Backend::Sqlite, super::$name).await; })* }
        mod postgres { $(#[tokio::test] async fn $name() { super::run(super::Backend::Postgres, super::$name).await; })* }
    };
}

on_one_thread! {
    of_many_connections_only_those_end_whose_sign_in_is_over,
    a_connection_that_cannot_be_checked_in_time_receives_nothing_until_the_store_answers,
    a_flood_of_changed_roles_is_followed_and_closes_nobody,
}

async fn run(back: Backend, body: impl AsyncFn(&TestApp)) {
    let app = TestApp::spawn_with(back, &[]).await;
    body(&app).await;
    app.finish().await;
}

/// Fills the channel with messages that affect no connection.
fn floods(app: &TestApp) {
    let key = KeyId::new(&app.clock);
    (0..FLOOD).for_each(|_| app.services.publish_revocation(Revocation::Key(key)));
}

/// Ends all sign-ins of a user without a message on the channel.
async fn revokes_without_a_notification(app: &TestApp, user: UserId) {
    let now = app.clock.now().timestamp_micros();
    app.runs_sql(&format!("UPDATE sessions SET revoked_at = {now} WHERE user_id = {user}")).await;
}

/// Broadcasts in acme as the system, so that no caller's credential is checked.
async fn broadcasts(app: &TestApp, words: &str) {
    let op = Op::of_system(&app.services, SystemReason::Demo, app.acme);
    let new = NewBroadcast {
        message: words.to_owned(),
        category: None,
        audience: Audience::Everyone,
        start_time: None,
    };
    broadcast::send(&op, new).await.unwrap();
}

async fn two_sockets(person: &Person<'_>) -> [Socket; 2] {
    [person.connects().await, person.connects().await]
}

async fn of_many_connections_only_those_end_whose_sign_in_is_over(app: &TestApp) {
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(app.member(&format!("m{number}")).await);
    }
    let sue = app.stranger("sue").await;
    let gone = app.member("bob").await;
    let mut spared = Vec::new();
    for person in &people {
        spared.extend(two_sockets(person).await);
    }
    let mut elsewhere = sue.connects().await;
    let mut stream = people[0].streams("/sse/events", None).await;
    assert_eq!(stream.next_event().await.event.as_deref(), Some("connection_established"));
    let mut over = two_sockets(&gone).await;
    let (open, reads) = (app.connections(), app.identity.account_reads());

    revokes_without_a_notification(app, gone.id).await;
    floods(app);

    for socket in &mut over {
        assert_eq!(socket.expect_close().await, (4410, "session revoked".to_owned()));
    }
    app.wait_for_connections(open - 2).await;
    // One for each valid sign-in; an ended one is not cached, so one for each of its connections.
    let read = app.identity.account_reads() - reads;
    assert!(read <= people.len() as u64 + 1 + 2, "{read} reads for {} sign-ins", people.len() + 2);
    broadcasts(app, "all the others go on").await;
    for socket in &mut spared {
        assert_eq!(socket.next().await["message"], "all the others go on");
    }
    assert_eq!(stream.next_event().await.json()["message"], "all the others go on");
    sue.broadcasts("elsewhere, too").await;
    assert_eq!(elsewhere.next().await["message"], "elsewhere, too");
    assert_eq!(app.connections(), open - 2);
}

async fn a_connection_that_cannot_be_checked_in_time_receives_nothing_until_the_store_answers(app: &TestApp) {
    let (ann, bob) = (app.member("ann").await, app.member("bob").await);
    let (mut stays, mut over) = (ann.connects().await, bob.connects().await);
    revokes_without_a_notification(app, bob.id).await;
    app.runs_sql("ALTER TABLE sessions RENAME TO sessions_elsewhere").await;

    floods(app);
    app.advance(Duration::from_secs(2)).await;
    broadcasts(app, "in doubt").await;
    app.advance(Duration::from_secs(2)).await;
    app.runs_sql("ALTER TABLE sessions_elsewhere RENAME TO sessions").await;
    let ended = app.while_time_passes(over.expect_close()).await;

    assert_eq!(ended, (4410, "session revoked".to_owned()));
    assert!(over.skipped.iter().all(|message| message["message"] != "in doubt"), "{:?}", over.skipped);
    assert_eq!(app.while_time_passes(stays.next()).await["message"], "in doubt");
    assert_eq!(stays.request(json!({"type": "ping"})).await["type"], "pong");
}

async fn a_flood_of_changed_roles_is_followed_and_closes_nobody(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (mut demoted, mut other) = (ann.connects().await, bob.connects().await);

    app.runs_sql(&format!("UPDATE users SET role = 'viewer' WHERE id = {}", ann.id)).await;
    for _ in 0..FLOOD {
        app.services.publish_revocation(Revocation::UserChanged { tenant: app.acme, user: ann.id });
    }
    let refused = demoted.request(json!({"type": "broadcast", "message": "as an admin?"})).await;
    broadcasts(app, "still here").await;

    assert_eq!(refused["code"], "forbidden");
    for socket in [&mut demoted, &mut other] {
        assert_eq!(socket.next_of_type("system_notification").await["message"], "still here");
    }
    app.wait_for_connections(2).await;
}
