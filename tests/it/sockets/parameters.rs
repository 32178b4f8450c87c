//! Query parameters of a connection: those that would have no effect are refused.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_parameter_that_an_address_does_not_know_is_refused_by_name,
    a_cache_buster_is_tolerated,
    a_bearer_subprotocol_needs_lotline_v1_beside_it,
    a_subscription_without_a_name_is_refused_with_the_missing_field,
    a_refusal_names_every_bad_subscription_and_every_bad_level,
}

async fn a_parameter_that_an_address_does_not_know_is_refused_by_name(app: &TestApp) {
    let bob = app.member("bob").await;
    let job = "/sse/logs/1";

    for (path, unknown) in [
        ("/ws", "subscription"),
        ("/ws", "names"),
        ("/ws", "keepalive"),
        ("/ws", "lastEventId"),
        ("/ws/echo", "since"),
        ("/ws/file-upload", "subscriptions"),
        ("/sse/events", "sub\u{e9}"),
        ("/events", "filter"),
        ("/sse/notifications", "subscriptions"),
        ("/sse/stats", "since"),
        (job, "execution_id"),
    ] {
        let refused = bob
            .socket_request(path)
            .query(unknown, "1")
            .get_without_upgrade()
            .await
            .expect_problem(400, "bad_request");

        let words =
            format!("The query parameter {unknown} is not known here; this address takes token, ticket");
        assert!(refused["detail"].as_str().unwrap().starts_with(&words), "{path}: {refused}");
    }
    let request = bob.socket_request("/ws").query("sinse", "1").query("jobs", "1").query("reject", "close");
    let (code, reason) = request.open().await.expect_close().await;
    assert_eq!(code, 4400);
    assert!(reason.starts_with("The query parameters sinse, jobs are not known here"), "{reason}");
    let bare_key = app
        .anonymous()
        .socket_request("/ws")
        .query("llk_0123456789abcdef0123456789abcdef", "")
        .try_handshake()
        .await;
    assert!(!bare_key.text.contains("0123456789abcdef"), "{bare_key:?}");
    bob.socket_request("/ws")
        .query("reject", "open")
        .try_handshake()
        .await
        .expect_problem(400, "bad_request");
    bob.socket_request("/sse/events")
        .query("keepalive", "none")
        .get_without_upgrade()
        .await
        .expect_problem(400, "bad_request");
    assert_eq!(app.connections(), 0);
}

async fn a_cache_buster_is_tolerated(app: &TestApp) {
    let bob = app.member("bob").await;

    bob.socket_request("/ws")
        .query("_", "1764000000")
        .query("_", "2")
        .open()
        .await
        .next_of_type("connection_established")
        .await;
    let mut stream = bob.streams("/sse/events?_=1764000000", None).await;

    assert_eq!(stream.next_event().await.event.as_deref(), Some("connection_established"));
}

async fn a_bearer_subprotocol_needs_lotline_v1_beside_it(app: &TestApp) {
    let bob = app.member("bob").await;
    let alone = format!("lotline.bearer.{}", bob.token());

    for offered in [alone.clone(), format!("{alone}, graphql-ws"), format!("{alone}, lotline.v2")] {
        for path in ["/ws", "/ws/echo", "/ws/file-upload"] {
            let request = || app.anonymous().socket_request(path).header("sec-websocket-protocol", &offered);
            let refused = request().try_handshake().await.expect_problem(400, "bad_request");
            // A client that insists on a subprotocol, as this test's does, closes the socket before it reads the
            // 4400.
            let closed = request().query("reject", "close").try_handshake().await;

            let words = refused["detail"].as_str().unwrap();
            assert!(words.starts_with("Offer the subprotocol `lotline.v1` beside"), "{words}");
            assert!(!words.contains(bob.token()));
            assert_eq!((closed.status, closed.header("sec-websocket-protocol")), (101, None));
        }
    }
    let pair = format!("lotline.v1, {alone}");
    let mut socket =
        app.anonymous().socket_request("/ws").header("sec-websocket-protocol", &pair).open().await;
    assert_eq!(socket.next().await["user_id"], bob.id.0);
}

async fn a_subscription_without_a_name_is_refused_with_the_missing_field(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;

    for message in [
        json!({ "type": "subscribe" }),
        json!({ "type": "subscribe", "channel": "job_updates" }),
        json!({ "type": "subscribe", "payload": { "subscription": "" } }),
        json!({ "type": "unsubscribe", "key": "mine" }),
    ] {
        let received = socket.request(message).await;

        assert_eq!(
            (&received["type"], &received["code"]),
            (&json!("subscription_error"), &json!("invalid_subscription"))
        );
        let words = received["message"].as_str().unwrap();
        assert!(words.contains("subscription is missing") && words.contains("job_updates"), "{words}");
    }
    let query = bob.socket_request("/ws").query("subscriptions", r#"[{"key":"a"}]"#).try_handshake().await;
    let detail = query.expect_problem(400, "bad_request")["detail"].clone();
    assert!(detail.as_str().unwrap().contains("subscription is missing"), "{detail}");
}

async fn a_refusal_names_every_bad_subscription_and_every_bad_level(app: &TestApp) {
    let bob = app.member("bob").await;
    let list = r#"[{"subscription":"job_updates","filter":{"x":1}},{"subscription":"news"},
        {"subscription":"system_alerts","key":7}]"#;

    let in_page = bob
        .get(&format!(
            "/api/v1/events?subscriptions={}",
            url::form_urlencoded::byte_serialize(list.as_bytes()).collect::<String>()
        ))
        .await
        .expect_problem(422, "validation_failed");
    for path in ["/ws", "/sse/events"] {
        let request = bob.socket_request(path).query("subscriptions", list);
        let refused = request.get_without_upgrade().await.expect_problem(400, "bad_request");

        assert_eq!(refused["detail"], in_page["errors"][0]["msg"], "{path}");
        for word in ["x is not a field", "Invalid subscription: news", "key must be text"] {
            assert!(refused["detail"].as_str().unwrap().contains(word), "{path} {word}: {refused}");
        }
    }
    let levels = bob.socket_request("/sse/logs/1").query("level", "nope").query("min_level", "x");
    let refused = levels.get_without_upgrade().await.expect_problem(400, "bad_request");
    let words = "The query parameters level and min_level must each be one of debug, ";
    assert!(refused["detail"].as_str().unwrap().starts_with(words), "{refused}");
}
