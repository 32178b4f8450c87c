//! The AsyncAPI document: its description of connecting and of messages, compared with real sockets and streams.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schema::faults;
use super::{asyncapi, walk};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const ONE_STREAM: &[Setting] = &[("LOTLINE__LIMITS__STREAMS_PER_USER", "1")];

on_both_databases! {
    what_a_socket_sends_is_what_the_document_says,
    a_stream_ends_with_the_problem_of_the_document with super::ONE_STREAM,
}

#[test]
fn every_message_has_a_summary_and_an_example_of_its_own_schema() {
    let document = asyncapi();
    let messages = document["components"]["messages"].as_object().unwrap();

    assert!(messages.len() > 60, "only {} messages", messages.len());
    for (key, message) in messages {
        assert!(message["summary"].as_str().is_some_and(|words| words.len() > 5), "{key}");
        let examples = message["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{key}");
        for example in examples {
            let found = faults(&document, &message["payload"], &example["payload"]);
            assert_eq!(found, Vec::<String>::new(), "{key}");
        }
    }
}

#[test]
fn a_key_tells_who_sends_the_message() {
    let document = asyncapi();

    for (name, operation) in document["operations"].as_object().unwrap() {
        let side = if operation["action"] == "send" { "client_" } else { "server_" };
        for message in operation["messages"].as_array().unwrap() {
            let key = message["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            assert!(key.starts_with(side) || key == "anything", "{name}: {key}");
        }
    }
    for kind in ["chat", "direct_message", "typing", "presence"] {
        let schema =
            |side: &str| document["components"]["messages"][format!("{side}_{kind}")]["payload"].clone();
        assert!(schema("server").is_object() && schema("server") != schema("client"), "{kind}");
    }
}

#[test]
fn a_discriminator_is_the_name_of_a_field() {
    let mut seen = 0;
    walk(&asyncapi(), "", &mut |path, value| {
        if let Some(name) = value.get("discriminator") {
            seen += 1;
            assert!(name.is_string(), "{path}: {name}");
        }
    });
    assert!(seen >= 4, "only {seen}");
}

#[test]
fn a_stranger_reads_how_to_connect() {
    let document = asyncapi();

    let schemes: Vec<&String> =
        document["components"]["securitySchemes"].as_object().unwrap().keys().collect();
    assert_eq!(schemes, ["bearer", "subprotocol", "ticket", "token"]);
    let offered = |server: &str| document["servers"][server]["security"].as_array().unwrap().len();
    assert_eq!((offered("socket"), offered("stream")), (4, 3));
    let mut parameters = BTreeSet::new();
    for (name, channel) in document["channels"].as_object().unwrap() {
        let of_socket = &channel["bindings"]["ws"];
        let of_stream = &document["operations"][format!("receive_{name}")]["bindings"]["http"];
        let query =
            if channel["x-subprotocols"].is_array() { &of_socket["query"] } else { &of_stream["query"] };
        let query = query["properties"].as_object().unwrap();
        assert!(query.contains_key("token") && query.contains_key("ticket"), "{name}");
        parameters.extend(query.keys().cloned());
    }
    // Those that the endpoints accept, as listed in `src/http/live/parameters.rs`.
    let known =
        "keepalive lastEventId last_event_id level min_level names reject since subscriptions ticket token";
    assert_eq!(parameters.iter().map(String::as_str).collect::<Vec<_>>().join(" "), known);
}

/// Sends each message of the document as its example has it, and validates everything that comes back.
async fn what_a_socket_sends_is_what_the_document_says(app: &TestApp) {
    let document = app.anonymous().get("/asyncapi.json").await.json();
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = ann.connects().await;
    let mut other = bob.connects().await;
    let mut seen = BTreeSet::new();
    let messages = document["components"]["messages"].as_object().unwrap();
    let mut sent = 0;
    for (key, message) in
        messages.iter().filter(|(key, _)| key.starts_with("client_") && !key.contains("file_"))
    {
        let mut said = message["examples"][0]["payload"].clone();
        if key == "client_direct_message" {
            said["target_user"] = json!(bob.id.0);
        }
        if key == "client_chat" {
            said["room_id"] = json!("lobby");
            said.as_object_mut().unwrap().remove("upload_ids");
        }
        if key == "client_subscribe" {
            // A subscription that waits for its replay may be ended by the `unsubscribe` that follows.
            said.as_object_mut().unwrap().remove("since");
        }
        socket.send_json(said).await;
        sent += 1;
    }
    // Messages are answered in order, so this answer means that all earlier ones were handled.
    socket.send_json(json!({ "type": "ping", "id": "the last" })).await;
    loop {
        let frame = socket.next().await;
        seen.insert(validate_frame(&document, &frame));
        if frame["reply_to"] == "the last" {
            break;
        }
    }
    for kind in ["chat", "direct_message"] {
        let frame = other.next_of_type(kind).await;
        seen.insert(validate_frame(&document, &frame));
    }

    assert!(sent >= 14, "only {sent} messages");
    for kind in ["ack", "chat", "direct_message", "error", "pong", "status_update", "subscription_confirmed"]
    {
        assert!(seen.contains(kind), "no {kind} among {seen:?}");
    }
}

fn validate_frame(document: &Value, frame: &Value) -> String {
    let kind = frame["type"].as_str().unwrap();
    let message = &document["components"]["messages"][format!("server_{kind}")];
    assert!(message.is_object(), "the document does not know {kind}");
    assert_eq!(faults(document, &message["payload"], frame), Vec::<String>::new(), "{frame}");
    kind.to_owned()
}

async fn a_stream_ends_with_the_problem_of_the_document(app: &TestApp) {
    let document = app.anonymous().get("/asyncapi.json").await.json();
    let ann = app.admin("ann").await;
    let mut first = ann.streams("/sse/events", None).await;
    assert_eq!(first.next_event().await.json()["type"], "connection_established");
    let mut second = ann.streams("/sse/events", None).await;

    let problem = second.next_event().await;

    assert_eq!(problem.event.as_deref(), Some("problem"));
    let message = &document["components"]["messages"]["server_problem"];
    assert_eq!(faults(&document, &message["payload"], &problem.json()), Vec::<String>::new());
    assert_eq!(problem.json()["close_code"], 4409);
}
