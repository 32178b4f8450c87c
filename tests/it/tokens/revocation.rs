//! Everything that ends a credential closes its connections, on both carriers, with the code of its kind; no message
//! follows it.

use lotline::auth::key_scope::KeyScope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Caller, Member};
use crate::support::socket::Socket;
use crate::support::stream::Stream;

on_both_databases! {
    signing_out_ends_the_connections_of_the_sign_in,
    a_refresh_token_that_is_used_again_ends_its_sign_in,
    ending_a_sign_in_from_another_ends_its_connections,
    a_new_password_ends_all_other_connections,
    deactivating_a_user_ends_all_of_theirs,
    removing_a_user_ends_all_of_theirs,
    revoking_a_key_ends_its_connections,
    deactivating_its_maker_ends_a_keys_connections,
    suspending_a_tenant_ends_every_connection_of_it,
}

/// One connection on each carrier, and another user's that must stay open.
struct Open {
    socket: Socket,
    stream: Stream,
    bystander: Socket,
}

async fn opens(caller: &Caller<'_>, ann: &Admin<'_>) -> Open {
    let mut stream = caller.streams("/sse/events?subscriptions=property_updates", None).await;
    assert_eq!(stream.next_event().await.event.as_deref(), Some("connection_established"));
    Open { socket: caller.connects().await, stream, bystander: ann.connects().await }
}

/// Both connections end with this code, and a later broadcast reaches the bystander only.
async fn end_with(mut open: Open, ann: &Admin<'_>, code: u16) {
    ann.broadcasts("after the end").await;
    let received = open.bystander.next_of_type("system_notification").await;
    assert_eq!(received["message"], "after the end");
    ended(open.socket, open.stream, code).await;
}

async fn ended(mut socket: Socket, mut stream: Stream, code: u16) {
    assert_eq!(socket.expect_close().await.0, code);
    let mut seen: Vec<Value> = socket.skipped.into_iter().collect();
    let problem = loop {
        let block = stream.next_event().await;
        if block.event.as_deref() == Some("problem") {
            break block.json();
        }
        seen.push(block.json());
    };
    assert_eq!(problem["close_code"], code, "{problem}");
    assert_eq!(stream.next_block().await, None);
    assert!(seen.iter().all(|message| message["message"] != "after the end"), "seen after the end: {seen:?}");
}

async fn sends(app: &TestApp, method: Method, path: &str, token: &str, body: Value) -> Response {
    let answer = Response::send(app.http.request(method, app.url(path)).bearer_auth(token).json(&body)).await;
    assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    answer
}

async fn two(app: &TestApp) -> (Admin<'_>, Member<'_>) {
    (app.admin("ann").await, app.member("bob").await)
}

async fn signing_out_ends_the_connections_of_the_sign_in(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let open = opens(&bob, &ann).await;

    sends(app, Method::POST, "/api/v1/auth/logout", bob.token(), json!({})).await;

    end_with(open, &ann, 4410).await;
}

async fn a_refresh_token_that_is_used_again_ends_its_sign_in(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let pair = bob.signs_in_again().await;
    let refresh = pair["refresh_token"].as_str().unwrap().to_owned();
    let refreshes = async || {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "refresh_token"), ("refresh_token", &refresh)])
            .finish();
        let request = app.http.post(app.url("/api/v1/auth/token"));
        Response::send(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
    };
    let caller = Caller { app, credential: Some(pair["access_token"].as_str().unwrap().to_owned()) };
    let open = opens(&caller, &ann).await;

    let first = refreshes().await;
    app.advance(std::time::Duration::from_secs(11)).await;
    let replayed = refreshes().await;

    assert_eq!(first.status, 200, "{first:?}");
    replayed.expect_problem(401, "session_revoked");
    end_with(open, &ann, 4410).await;
}

async fn ending_a_sign_in_from_another_ends_its_connections(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let open = opens(&bob, &ann).await;
    let other = bob.another_token().await;
    let list = bob.get("/api/v1/auth/sessions").await.json();
    let own = list["data"].as_array().unwrap().iter().find(|one| one["current"] == true).unwrap();

    let path = format!("/api/v1/auth/sessions/{}", own["id"].as_str().unwrap());
    sends(app, Method::DELETE, &path, &other, json!({})).await;

    end_with(open, &ann, 4410).await;
}

async fn a_new_password_ends_all_other_connections(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let open = opens(&bob, &ann).await;
    let other = bob.another_token().await;
    let mut kept = app.anonymous().socket_request("/ws").query("token", &other).open().await;

    let body =
        json!({ "current_password": "correct horse battery staple", "new_password": "another one of 1915" });
    sends(app, Method::POST, "/api/v1/auth/password", &other, body).await;

    end_with(open, &ann, 4410).await;
    assert_eq!(kept.next_of_type("system_notification").await["message"], "after the end");
}

async fn deactivating_a_user_ends_all_of_theirs(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let open = opens(&bob, &ann).await;

    let path = format!("/api/v1/users/{}", bob.id.0);
    sends(app, Method::PATCH, &path, ann.token(), json!({ "is_active": false })).await;

    end_with(open, &ann, 4403).await;
}

async fn removing_a_user_ends_all_of_theirs(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let open = opens(&bob, &ann).await;

    let path = format!("/api/v1/users/{}", bob.id.0);
    sends(app, Method::DELETE, &path, ann.token(), json!({})).await;

    end_with(open, &ann, 4403).await;
}

async fn revoking_a_key_ends_its_connections(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let key = app.worker(&bob, &[KeyScope::EventsRead]).await;
    let open = opens(&key, &ann).await;
    let list = ann.get("/api/v1/api-keys").await.json();

    let path = format!("/api/v1/api-keys/{}", list["data"][0]["id"].as_str().unwrap());
    sends(app, Method::DELETE, &path, ann.token(), json!({})).await;

    end_with(open, &ann, 4410).await;
}

async fn deactivating_its_maker_ends_a_keys_connections(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let key = app.worker(&bob, &[KeyScope::EventsRead]).await;
    let open = opens(&key, &ann).await;

    let path = format!("/api/v1/users/{}", bob.id.0);
    sends(app, Method::PATCH, &path, ann.token(), json!({ "is_active": false })).await;

    end_with(open, &ann, 4403).await;
}

async fn suspending_a_tenant_ends_every_connection_of_it(app: &TestApp) {
    let (ann, bob) = two(app).await;
    let sue = app.stranger("sue").await;
    let root = app.operator("root").await;
    let open = opens(&bob, &ann).await;
    let mut elsewhere = sue.connects().await;

    let path = format!("/api/v1/tenants/{}", app.acme.0);
    sends(app, Method::PATCH, &path, root.token(), json!({ "is_active": false })).await;
    sue.broadcasts("elsewhere all goes on").await;

    let Open { socket, stream, mut bystander } = open;
    ended(socket, stream, 4403).await;
    assert_eq!(bystander.expect_close().await.0, 4403);
    assert_eq!(elsewhere.next().await["message"], "elsewhere all goes on");
}
