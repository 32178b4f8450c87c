//! A credential that ends between its check and the admission: the connection is refused.

use std::time::Duration;

use lotline::protocol::problem::Code;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Person;

on_both_databases! {
    a_session_that_ends_before_admission_is_not_admitted,
    a_session_that_ends_while_silent_sockets_are_probed_is_not_admitted,
    a_user_who_is_deactivated_before_admission_is_not_admitted,
}

async fn logs_out(person: &Person<'_>, token: &str) {
    let request = person.app.http.post(person.app.url("/api/v1/auth/logout")).bearer_auth(token);
    assert_eq!(crate::support::answer::Response::send(request).await.status, 204);
}

async fn a_session_that_ends_before_admission_is_not_admitted(app: &TestApp) {
    let bob = app.member("bob").await;
    let token = bob.another_token().await;
    let verified = app.verifies(&token).await;
    let spared = app.verifies(bob.token()).await;

    logs_out(&bob, &token).await;

    assert_eq!(app.admits(verified).await.err().map(|refused| refused.code), Some(Code::Unauthenticated));
    assert!(app.admits(spared).await.is_ok());
    assert_eq!(app.connections(), 0);
}

async fn a_session_that_ends_while_silent_sockets_are_probed_is_not_admitted(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(bob.connects().await);
    }
    app.advance(Duration::from_secs(28)).await;
    let token = bob.another_token().await;
    let verified = app.verifies(&token).await;
    let mut admission = std::pin::pin!(app.admits(verified));

    tokio::select! {
        biased;
        _ = &mut admission => panic!("a seat was found without the probe"),
        () = std::future::ready(()) => {}
    }
    logs_out(&bob, &token).await;
    let refused = app.while_time_passes(admission).await;

    assert_eq!(refused.err().map(|refused| refused.code), Some(Code::Unauthenticated));
}

async fn a_user_who_is_deactivated_before_admission_is_not_admitted(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let verified = app.verifies(bob.token()).await;

    let request = app.http.patch(app.url(&format!("/api/v1/users/{}", bob.id.0))).bearer_auth(ann.token());
    let changed = crate::support::answer::Response::send(request.json(&json!({"is_active": false}))).await;

    assert_eq!(changed.status, 200, "{changed:?}");
    assert!(app.admits(verified).await.is_err());
}
