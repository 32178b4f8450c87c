//! Opening a socket: credentials, paths, origins, and how a refusal is delivered.

use lotline::domain::identity::authenticate::Credential;
use serde_json::json;
use tokio_tungstenite::tungstenite;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Person;
use crate::support::settings::Setting;

const SIXTEEN_SOCKETS: &[Setting] =
    &[("LOTLINE__SERVER__MAX_CONNECTIONS", "16"), ("LOTLINE__LIMITS__SOCKETS_PER_USER", "40")];

on_both_databases! {
    a_token_is_taken_in_each_of_the_four_ways,
    a_ticket_opens_one_socket_and_a_refused_attempt_does_not_use_it,
    a_node_without_room_for_a_socket_does_not_use_the_ticket with super::SIXTEEN_SOCKETS,
    two_credentials_are_refused,
    a_parameter_that_is_given_twice_is_refused,
    the_user_in_the_path_must_be_the_tokens,
    a_page_of_a_foreign_origin_gets_no_socket_at_all,
    a_plain_get_is_answered_with_how_to_upgrade,
    a_refusal_is_a_close_frame_where_that_is_requested,
    the_subprotocol_is_answered_without_the_token,
    operators_have_no_tenant_to_follow,
}

async fn ticket_of(person: &Person<'_>) -> String {
    let identity = &person.app.identity;
    let admitted = identity.authenticate(Credential::Header(person.token())).await.unwrap();
    let ticket = identity.tickets.mint(&admitted.principal, admitted.expires_at).unwrap();
    ticket.expose().to_owned()
}

async fn a_token_is_taken_in_each_of_the_four_ways(app: &TestApp) {
    let bob = app.member("bob").await;
    let ticket = ticket_of(&bob).await;
    let request = || app.anonymous().socket_request("/ws");
    let offered = format!("lotline.v1, lotline.bearer.{}", bob.token());

    for request in [
        request().query("token", bob.token()),
        request().query("ticket", &ticket),
        request().header("authorization", &format!("Bearer {}", bob.token())),
        request().header("sec-websocket-protocol", &offered),
    ] {
        let mut socket = request.open().await;
        assert_eq!(socket.next().await["user_id"], bob.id.0);
    }
}

async fn a_ticket_opens_one_socket_and_a_refused_attempt_does_not_use_it(app: &TestApp) {
    let bob = app.member("bob").await;
    let ticket = ticket_of(&bob).await;
    let request = || app.anonymous().socket_request("/ws").query("ticket", &ticket);

    request()
        .header("origin", "https://evil.example")
        .try_handshake()
        .await
        .expect_problem(403, "bad_origin");
    request().query("subscriptions", "news").try_handshake().await.expect_problem(400, "bad_request");
    assert_eq!(request().get_without_upgrade().await.status, 426);
    request().open().await.next_of_type("connection_established").await;

    request().try_handshake().await.expect_problem(401, "unauthenticated");
}

async fn a_node_without_room_for_a_socket_does_not_use_the_ticket(app: &TestApp) {
    let (bob, ivy) = (app.member("bob").await, app.stranger("ivy").await);
    // A tenant leaves something to others: two of them fill the node but for a place that is for a third.
    let mut open = Vec::new();
    for token in [bob.token(), ivy.token()] {
        while let Ok(socket) = app.anonymous().socket_request("/ws").query("token", token).try_open().await {
            open.push(socket);
        }
    }
    assert_eq!(open.len(), 15);
    let ticket = ticket_of(&ivy).await;
    let request = || app.anonymous().socket_request("/ws").query("ticket", &ticket);

    request().try_handshake().await.expect_problem(503, "unavailable");
    assert_eq!(request().query("reject", "close").open().await.expect_close().await.0, 1013);

    // All of the first tenant's.
    for socket in open.drain(..14) {
        assert_eq!(socket.close().await, 1000);
    }
    app.wait_for_connections(0).await;
    // The connection's end of the count follows the session's.
    let mut socket = loop {
        match request().try_open().await {
            Ok(socket) => break socket,
            Err(tungstenite::Error::Http(refused)) => assert_eq!(refused.status(), 503),
            Err(error) => panic!("no socket: {error}"),
        }
    };
    socket.next_of_type("connection_established").await;
}

async fn two_credentials_are_refused(app: &TestApp) {
    let bob = app.member("bob").await;
    let (token, ticket) = (bob.token(), ticket_of(&bob).await);
    let bearer = format!("Bearer {token}");
    let offered = format!("lotline.v1, lotline.bearer.{token}");
    let request = || app.anonymous().socket_request("/ws");

    for request in [
        request().query("token", token).query("ticket", &ticket),
        request().query("token", token).header("authorization", &bearer),
        request().query("ticket", &ticket).header("sec-websocket-protocol", &offered),
        request().header("authorization", &bearer).header("sec-websocket-protocol", &offered),
        request().header("authorization", &bearer).header("authorization", &bearer),
        request().header("sec-websocket-protocol", &format!("{offered}, lotline.bearer.{token}")),
    ] {
        request.clone().try_handshake().await.expect_problem(400, "two_credentials");
        request.get_without_upgrade().await.expect_problem(400, "two_credentials");
    }
}

async fn a_parameter_that_is_given_twice_is_refused(app: &TestApp) {
    let bob = app.member("bob").await;

    for name in ["token", "since", "subscriptions", "reject"] {
        let value = if name == "token" { bob.token() } else { "" };
        let request = bob.socket_request("/ws").query(name, value).query(name, value);
        request.try_handshake().await.expect_problem(400, "bad_request");
    }
}

async fn the_user_in_the_path_must_be_the_tokens(app: &TestApp) {
    let (bob, cid) = (app.member("bob").await, app.member("cid").await);
    let own = bob.id.0;

    for path in
        ["/ws", "/ws/authenticated", "/chat/stream", &format!("/ws/{own}"), &format!("/ws/chat/{own}")]
    {
        let mut socket = bob.socket_request(path).open().await;
        assert_eq!(socket.next().await["type"], "connection_established", "{path}");
    }
    for path in
        [format!("/ws/{}", cid.id.0), format!("/ws/chat/{}", cid.id.0), "/ws/0".into(), "/ws/bob".into()]
    {
        bob.socket_request(&path).try_handshake().await.expect_problem(403, "wrong_user");
    }
    app.anonymous()
        .socket_request(&format!("/ws/{own}"))
        .try_handshake()
        .await
        .expect_problem(401, "unauthenticated");
}

async fn a_page_of_a_foreign_origin_gets_no_socket_at_all(app: &TestApp) {
    let bob = app.member("bob").await;

    for origin in ["https://evil.example", "null", "http://localhost.evil.example", "file://"] {
        let request = bob.socket_request("/ws").header("origin", origin);
        request.clone().try_handshake().await.expect_problem(403, "bad_origin");
        request.query("reject", "close").try_handshake().await.expect_problem(403, "bad_origin");
    }
    for origin in ["http://localhost:3000", "http://127.0.0.1", &app.url("")] {
        let mut socket = bob.socket_request("/ws").header("origin", origin).open().await;
        assert_eq!(socket.next().await["type"], "connection_established", "{origin}");
    }
}

async fn a_plain_get_is_answered_with_how_to_upgrade(app: &TestApp) {
    let (bob, cid) = (app.member("bob").await, app.member("cid").await);

    let right = bob.socket_request("/ws").get_without_upgrade().await;

    right.expect_problem(426, "upgrade_required");
    assert_eq!(
        (right.header("upgrade"), right.header("sec-websocket-version")),
        (Some("websocket"), Some("13"))
    );
    app.anonymous().socket_request("/ws").get_without_upgrade().await.expect_problem(401, "unauthenticated");
    app.anonymous()
        .socket_request("/ws")
        .query("token", "nonsense")
        .get_without_upgrade()
        .await
        .expect_problem(401, "unauthenticated");
    bob.socket_request(&format!("/ws/{}", cid.id.0))
        .get_without_upgrade()
        .await
        .expect_problem(403, "wrong_user");
    assert_eq!(app.connections(), 0);
}

async fn a_refusal_is_a_close_frame_where_that_is_requested(app: &TestApp) {
    let (bob, cid) = (app.member("bob").await, app.member("cid").await);
    let nobody = || app.anonymous().socket_request("/ws");
    let of_cid = format!("/ws/{}", cid.id.0);

    for (request, code, words) in [
        (nobody(), 4401, "Authentication required"),
        (nobody().query("token", "nonsense"), 4401, "Invalid token"),
        (nobody().query("token", "a").query("ticket", "b"), 4400, "More than one credential"),
        (bob.socket_request("/ws").query("subscriptions", "news"), 4400, "Invalid subscription: news"),
        (bob.socket_request(&of_cid), 4403, "The user in the path"),
    ] {
        let (received, reason) = request.query("reject", "close").open().await.expect_close().await;

        assert_eq!(received, code, "{reason}");
        assert!(reason.starts_with(words), "{reason}");
    }
    assert_eq!(app.connections(), 0);
    assert_eq!(nobody().query("reject", "close").get_without_upgrade().await.status, 401);
}

async fn the_subprotocol_is_answered_without_the_token(app: &TestApp) {
    let bob = app.member("bob").await;
    let offered = format!("lotline.bearer.{}, lotline.v1", bob.token());

    let answer = app
        .anonymous()
        .socket_request("/ws")
        .header("sec-websocket-protocol", &offered)
        .try_handshake()
        .await;

    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("lotline.v1")));
    assert!(answer.headers.values().all(|value| !value.to_str().unwrap().contains(bob.token())));
    assert_eq!(
        json!(bob.socket_request("/ws").try_handshake().await.header("sec-websocket-protocol")),
        json!(null)
    );
}

async fn operators_have_no_tenant_to_follow(app: &TestApp) {
    let root = app.operator("root").await;

    root.socket_request("/ws").try_handshake().await.expect_problem(403, "forbidden");
    let (code, _) = root.socket_request("/ws").query("reject", "close").open().await.expect_close().await;

    assert_eq!(code, 4403);
}
