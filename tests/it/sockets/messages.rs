//! A socket's first message, and the answers to each message.

use chrono::TimeDelta;
use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use crate::support::app::{TestApp, start_of_time};
use crate::support::on_both_databases;

on_both_databases! {
    the_first_message_has_the_user_and_the_position,
    a_key_is_greeted_by_its_own_id_and_has_no_inbox,
    a_ping_is_answered_with_both_forms_of_the_time,
    the_id_of_a_message_comes_back_as_reply_to,
    an_id_that_cannot_come_back_is_refused,
    bad_messages_get_the_texts_that_clients_match_and_the_socket_stays_open,
    fields_are_read_from_the_payload_or_the_top,
    sender_and_time_from_a_client_are_ignored,
    the_status_counts_the_callers_and_the_tenants_connections,
    the_status_is_current_after_the_clock_was_set_back,
    only_an_admin_may_broadcast_on_a_socket,
    an_ack_comes_after_the_event_it_acknowledges,
}

async fn the_first_message_has_the_user_and_the_position(app: &TestApp) {
    let ann = app.admin("ann").await;

    let mut socket = ann.socket_request("/ws").open().await;
    let hello = socket.next().await;

    let position = hello["position"].as_str().unwrap();
    let connection = hello["connection_id"].as_str().unwrap();
    let wanted = json!({
        "type": "connection_established",
        "message": "Connected to real-time updates",
        "user_id": ann.id.0,
        "username": "ann",
        "role": "admin",
        "tenant_id": app.acme.0,
        "connection_id": connection,
        "position": position,
        "heartbeat_seconds": 25,
        "server_time": start_of_time().timestamp() as f64,
        "protocol": 1,
    });
    assert_eq!(hello, wanted);
    assert_eq!(ann.lists_connections().await[0]["connection_id"], connection);
    assert_eq!(socket.close().await, 1000);
}

async fn a_key_is_greeted_by_its_own_id_and_has_no_inbox(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::EventsRead]).await;

    let mut socket = worker.socket_request("/ws").open().await;
    let hello = socket.next().await;
    ann.broadcasts("for people").await;
    let answer = socket.request(json!({"type": "ping"})).await;

    assert!(hello["key_id"].is_string() && hello.get("user_id").is_none(), "{hello}");
    assert!(hello.get("username").is_none() && hello.get("role").is_none(), "{hello}");
    assert_eq!(answer["type"], "pong");
    assert!(socket.skipped.is_empty(), "{:?}", socket.skipped);
}

async fn a_ping_is_answered_with_both_forms_of_the_time(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;

    socket.send_json(json!({"type": "ping"})).await;
    let pong = socket.next().await;

    let wanted = json!({
        "type": "pong",
        "timestamp": start_of_time().timestamp() as f64,
        "payload": {"timestamp": "2025-11-24T16:00:00.000Z"},
        "position": pong["position"].as_str().unwrap(),
    });
    assert_eq!(pong, wanted);
}

async fn the_id_of_a_message_comes_back_as_reply_to(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;

    for id in [json!(7), json!("seven"), json!(1.5)] {
        for kind in ["ping", "request_status", "dance"] {
            socket.send_json(json!({"type": kind, "id": id})).await;
            assert_eq!(socket.next().await["reply_to"], id, "{kind}");
        }
    }
    socket.send_json(json!({"type": "ping", "id": null})).await;
    let pong = socket.next().await;
    assert_eq!((pong["type"].as_str(), pong.get("reply_to")), (Some("pong"), None));
}

async fn an_id_that_cannot_come_back_is_refused(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;
    let long = format!("\"{}\"", "i".repeat(201));

    for id in ["{\"a\": 1}", "[]", "true", "10000000000000000000000000", &long] {
        socket.send_text(&format!("{{\"type\": \"ping\", \"id\": {id}}}")).await;
        let error = socket.next().await;

        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("invalid_message")), "{id}");
        assert_eq!(error["message"], "id must be a number below 2^53, or text of at most 200 bytes");
        assert_eq!(error.get("reply_to"), None, "{id}");
    }
    assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
}

async fn bad_messages_get_the_texts_that_clients_match_and_the_socket_stays_open(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    for (text, code, words) in [
        ("{", "invalid_json", "Invalid JSON format"),
        ("", "invalid_json", "Invalid JSON format"),
        ("ping", "invalid_json", "Invalid JSON format"),
        ("{\"type\":\"ping\"}{}", "invalid_json", "Invalid JSON format"),
        ("[]", "invalid_message", "A message is a JSON object with a type"),
        ("\"ping\"", "invalid_message", "A message is a JSON object with a type"),
        ("{}", "invalid_message", "A message needs a type"),
        ("{\"type\":7}", "invalid_message", "A message needs a type"),
        ("{\"type\":\"dance\"}", "unknown_type", "Unknown message type: dance"),
        ("{\"type\":\"Ping\"}", "unknown_type", "Unknown message type: Ping"),
        ("{\"type\":\"\"}", "unknown_type", "Unknown message type: "),
        ("{\"type\":\"refresh_token\"}", "invalid_message", "refresh_token needs the field token, as text"),
        ("{\"type\":\"broadcast\"}", "invalid_message", "broadcast needs the field message, as text"),
    ] {
        socket.send_text(text).await;
        let error = socket.next().await;

        assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some("error"), Some(code)), "{text}");
        assert_eq!(
            (&error["message"], &error["payload"]["message"]),
            (&json!(words), &json!(words)),
            "{text}"
        );
    }
    let nested = format!("{{\"type\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    socket.send_text(&nested).await;
    assert_eq!(socket.next().await["code"], "invalid_json");
    assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
}

async fn fields_are_read_from_the_payload_or_the_top(app: &TestApp) {
    let mut socket = app.admin("ann").await.connects().await;

    for message in [
        json!({"type": "broadcast", "message": "hello"}),
        json!({"type": "broadcast", "text": "hello"}),
        json!({"type": "broadcast", "payload": {"message": "hello"}}),
        json!({"type": "broadcast", "payload": {"text": "hello", "unknown": 1}, "also_unknown": 2}),
    ] {
        socket.send_json(message).await;
        assert_eq!(socket.next_of_type("system_notification").await["message"], "hello");
    }
}

async fn sender_and_time_from_a_client_are_ignored(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;

    let lie = json!({
        "type": "broadcast", "message": "hello", "category": "weather",
        "sender_id": 999, "timestamp": 1, "broadcast_id": "mine", "position": "mine",
    });
    socket.send_json(lie).await;
    let received = socket.next_of_type("system_notification").await;

    assert_eq!(received["sender_id"], ann.id.0);
    assert_eq!(received["timestamp"], start_of_time().timestamp() as f64);
    assert_eq!(received["category"], "weather");
    assert_ne!(received["broadcast_id"], "mine");
    assert_ne!(received["position"], "mine");
}

async fn the_status_counts_the_callers_and_the_tenants_connections(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let stranger = app.stranger("sue").await;
    let (_first, mut second) = (ann.connects().await, ann.connects().await);
    let (_bobs, _strangers) = (bob.connects().await, stranger.connects().await);

    let status = second.request(json!({"type": "request_status"})).await;

    let wanted = json!({
        "type": "status_update", "active_jobs": 0, "total_properties": 0,
        "server_time": start_of_time().timestamp() as f64,
        "user_connections": 2, "tenant_connections": 3, "reply_to": status["reply_to"],
    });
    assert_eq!(status, wanted);
}

async fn the_status_is_current_after_the_clock_was_set_back(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;
    let before = socket.request(json!({"type": "request_status"})).await;
    ann.post("/api/v1/spiders", &json!({ "name": "outside", "runner": "external" })).await;
    let job = json!({ "spider_name": "outside", "target_urls": ["https://portal.example/"] });
    assert_eq!(ann.post("/api/v1/jobs", &job).await.status, 201);

    app.clock.set_by(TimeDelta::minutes(-10));
    let after = socket.request(json!({"type": "request_status"})).await;

    assert_eq!((&before["active_jobs"], &after["active_jobs"]), (&json!(0), &json!(1)));
}

async fn only_an_admin_may_broadcast_on_a_socket(app: &TestApp) {
    for credential in [&**app.member("bob").await, &**app.viewer("vic").await] {
        let mut socket = credential.connects().await;

        let answer = socket.request(json!({"type": "broadcast", "message": "hello"})).await;

        assert_eq!((answer["type"].as_str(), answer["code"].as_str()), (Some("error"), Some("forbidden")));
        assert!(socket.skipped.is_empty());
    }
}

async fn an_ack_comes_after_the_event_it_acknowledges(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;

    socket.send_json(json!({"type": "broadcast", "message": "hello", "id": 1})).await;
    let (received, ack) = (socket.next().await, socket.next().await);

    assert_eq!((received["type"].as_str(), ack["type"].as_str()), (Some("system_notification"), Some("ack")));
    assert_eq!(ack["message_id"], received["broadcast_id"]);
    assert_eq!((&ack["position"], &ack["reply_to"]), (&received["position"], &json!(1)));
    assert_eq!(ack["payload"], json!({"message": "hello", "category": "general"}));
    assert_eq!(ann.reads_events(ack["position"].as_str().unwrap()).await, Vec::<Value>::new());
}
