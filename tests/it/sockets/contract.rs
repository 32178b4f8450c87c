//! The messages of `docs/protocol.md` as a table: every client message, with its fields at the top and in `payload`,
//! and every answer.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::socket::Socket;

on_both_databases! {
    every_message_of_a_client_is_answered_as_the_contract_says,
}

/// The sender of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallerKind {
    Admin,
    Member,
    Viewer,
}

/// The expected answer.
enum Expected {
    /// A message of this type with these values; `…` matches any value.
    Reply(&'static str, Value),
    /// None: ephemeral messages are not acknowledged.
    Nothing,
}

struct Row {
    caller: CallerKind,
    kind: &'static str,
    fields: Value,
    expected: Expected,
}

fn row(by: CallerKind, kind: &'static str, fields: Value, answer: Expected) -> Row {
    Row { caller: by, kind, fields, expected: answer }
}

fn reply(kind: &'static str, fields: Value) -> Expected {
    Expected::Reply(kind, fields)
}

fn error(code: &str, message: &str) -> Expected {
    reply("error", json!({ "code": code, "message": message, "payload": { "message": message } }))
}

/// The ids that the rows use.
struct Ids {
    room: &'static str,
    house: i64,
    member: i64,
    token: String,
    head: String,
}

fn feed_rows(scene: &Ids) -> Vec<Row> {
    use CallerKind::Viewer;
    let confirmed = |name: &str, key: Value| json!({ "subscription": name, "key": key, "position": "…", "recovered": true });
    let mut rows: Vec<Row> = ["job_updates", "property_updates", "system_alerts"]
        .into_iter()
        .flat_map(|name| {
            let mut plain = confirmed(name, Value::Null);
            plain.as_object_mut().unwrap().remove("key");
            let removed = json!({ "subscription": name, "position": "…" });
            [
                row(
                    Viewer,
                    "subscribe",
                    json!({ "subscription": name }),
                    reply("subscription_confirmed", plain),
                ),
                row(
                    Viewer,
                    "unsubscribe",
                    json!({ "subscription": name }),
                    reply("subscription_removed", removed),
                ),
            ]
        })
        .collect();
    let keyed = json!({ "subscription": "property_updates", "key": "cheap", "filter": { "price_max": 1 } });
    let since = json!({ "subscription": "job_updates", "key": "late", "since": scene.head });
    let nowhere = json!({ "subscription": "job_updates", "key": "lost", "since": "nonsense" });
    let lost = json!({ "subscription": "job_updates", "key": "lost", "recovered": false, "resync_url": "…" });
    let refused =
        |code: &str, message: &str| reply("subscription_error", json!({ "code": code, "message": message }));
    rows.extend([
        row(
            Viewer,
            "subscribe",
            keyed,
            reply("subscription_confirmed", confirmed("property_updates", json!("cheap"))),
        ),
        row(
            Viewer,
            "subscribe",
            since,
            reply("subscription_confirmed", confirmed("job_updates", json!("late"))),
        ),
        row(Viewer, "subscribe", nowhere, reply("subscription_confirmed", lost)),
        row(
            Viewer,
            "subscribe",
            json!({ "subscription": "news" }),
            refused("invalid_subscription", "Invalid subscription: news"),
        ),
        row(
            Viewer,
            "unsubscribe",
            json!({ "subscription": "news" }),
            refused("invalid_subscription", "Invalid subscription: news"),
        ),
        row(
            Viewer,
            "subscribe",
            json!({ "subscription": "job_updates", "since": 7 }),
            refused("invalid_since", "since must be a position, as text"),
        ),
    ]);
    rows
}

fn connection_rows(scene: &Ids) -> Vec<Row> {
    use CallerKind::{Admin, Member, Viewer};
    let pong = json!({ "timestamp": "…", "payload": { "timestamp": "…" }, "position": "…" });
    let status = json!({ "active_jobs": "…", "total_properties": "…", "server_time": "…", "user_connections": 1,
        "tenant_connections": 3 });
    vec![
        row(Viewer, "ping", json!({}), reply("pong", pong)),
        row(Viewer, "request_status", json!({}), reply("status_update", status)),
        row(
            Member,
            "refresh_token",
            json!({ "token": scene.token }),
            reply("token_refreshed", json!({ "expires_at": "…" })),
        ),
        row(
            Member,
            "refresh_token",
            json!({}),
            error("invalid_message", "refresh_token needs the field token, as text"),
        ),
        row(
            Member,
            "refresh_token",
            json!({ "token": "no" }),
            reply("error", json!({ "code": "unauthenticated" })),
        ),
        row(
            Admin,
            "broadcast",
            json!({ "message": "hear" }),
            reply(
                "ack",
                json!({ "message_id": "…", "position": "…",
            "payload": { "message": "hear", "category": "general" } }),
            ),
        ),
        row(
            Admin,
            "broadcast",
            json!({ "text": "hear", "category": "news" }),
            reply(
                "ack",
                json!({
            "payload": { "message": "hear", "category": "news" } }),
            ),
        ),
        row(
            Admin,
            "broadcast",
            json!({}),
            error("invalid_message", "broadcast needs the field message, as text"),
        ),
        row(
            Member,
            "broadcast",
            json!({ "message": "hear" }),
            reply("error", json!({ "code": "forbidden" })),
        ),
    ]
}

fn room_rows(scene: &Ids) -> Vec<Row> {
    use CallerKind::{Admin, Member, Viewer};
    let (room, target) = (scene.room, json!(scene.member.to_string()));
    let joined = json!({ "payload": { "room_id": room, "message": format!("Joined room {room}"), "members": "…" },
        "position": "…" });
    let left = json!({ "payload": { "room_id": room, "message": format!("Left room {room}") } });
    let stored = |room: &str| {
        json!({ "message_id": "…", "position": "…", "payload": { "text": "hello", "room_id": room,
        "message_id": "…", "timestamp": "…" } })
    };
    let direct = json!({ "payload": { "text": "hello", "target_user": scene.member, "message_id": "…" } });
    let too_long = json!({ "text": "x".repeat(1_001) });
    let length = || error("validation_failed", "Invalid message length");
    let mut rows = vec![
        row(Member, "join_room", json!({ "room_id": room }), reply("system", joined)),
        row(
            Member,
            "join_room",
            json!({ "room_id": "nowhere" }),
            reply("error", json!({ "code": "not_found" })),
        ),
        row(
            Member,
            "join_room",
            json!({}),
            error("invalid_message", "join_room needs the field room_id, as text"),
        ),
        row(Viewer, "join_room", json!({ "room_id": room }), reply("error", json!({ "code": "forbidden" }))),
        row(Member, "typing", json!({ "room_id": room, "is_typing": true }), Expected::Nothing),
        row(
            Member,
            "typing",
            json!({ "room_id": room }),
            error("invalid_message", "typing needs the field is_typing, true or false"),
        ),
    ];
    for kind in ["chat", "room_message"] {
        rows.extend([
            row(Member, kind, json!({ "room_id": room, "text": "hello" }), reply("ack", stored(room))),
            row(Member, kind, json!({ "text": "hello" }), reply("ack", stored("lobby"))),
            row(Member, kind, json!({ "room_id": room, "text": "" }), length()),
            row(Member, kind, too_long.clone(), length()),
            row(Member, kind, json!({}), length()),
            row(Viewer, kind, json!({ "text": "hello" }), reply("error", json!({ "code": "forbidden" }))),
            row(
                Member,
                kind,
                json!({ "room_id": "nowhere", "text": "x" }),
                reply("error", json!({ "code": "not_found" })),
            ),
        ]);
    }
    rows.extend([
        row(
            Admin,
            "direct_message",
            json!({ "target_user": scene.member, "text": "hello" }),
            reply("ack", direct.clone()),
        ),
        row(Admin, "direct_message", json!({ "target_user": target, "text": "hello" }), reply("ack", direct)),
        row(
            Admin,
            "direct_message",
            json!({ "text": "hello" }),
            error("invalid_message", "direct_message needs the field target_user: a user's id, as a number"),
        ),
        row(Admin, "direct_message", json!({ "target_user": scene.member, "text": "" }), length()),
        row(Member, "leave_room", json!({ "room_id": room }), reply("system", left)),
        row(
            Member,
            "leave_room",
            json!({}),
            error("invalid_message", "leave_room needs the field room_id, as text"),
        ),
    ]);
    rows
}

fn ephemeral_rows(scene: &Ids) -> Vec<Row> {
    use CallerKind::{Member, Viewer};
    let house = scene.house;
    vec![
        row(Member, "presence", json!({ "status": "away" }), Expected::Nothing),
        row(Member, "presence", json!({ "status": "online" }), Expected::Nothing),
        row(
            Member,
            "presence",
            json!({ "status": "offline" }),
            error("invalid_message", "presence needs the field status: online or away"),
        ),
        row(Viewer, "viewing", json!({ "property_id": house }), Expected::Nothing),
        row(Viewer, "viewing", json!({ "property_id": house.to_string() }), Expected::Nothing),
        row(Viewer, "viewing", json!({ "property_id": null }), Expected::Nothing),
        row(
            Viewer,
            "viewing",
            json!({ "property_id": 4_503_599_627_370_496_i64 }),
            reply("error", json!({ "code": "not_found" })),
        ),
        row(
            Viewer,
            "viewing",
            json!({}),
            error("invalid_message", "viewing needs the field property_id: a property's id, or null"),
        ),
        row(Viewer, "dance", json!({}), error("unknown_type", "Unknown message type: dance")),
    ]
}

async fn every_message_of_a_client_is_answered_as_the_contract_says(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let room = json!({ "room_id": "kitchen", "name": "Kitchen", "visibility": "public" });
    assert_eq!(ann.post("/api/v1/rooms", &room).await.status, 201);
    let item = json!({ "source_url": "https://portal.example/1", "list_price": 1, "currency": "EUR" });
    let request = app
        .http
        .put(app.url("/api/v1/properties/by-key/portal/H-1"))
        .bearer_auth(app.worker(&ann, &[lotline::auth::key_scope::KeyScope::PropertiesWrite]).await.token());
    let house = crate::support::answer::Response::send(request.json(&item)).await.json();
    let scene = Ids {
        room: "kitchen",
        house: house["property_id"].as_i64().unwrap_or_else(|| panic!("{house}")),
        member: bob.id.0,
        token: bob.another_token().await,
        head: ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned(),
    };
    let mut sockets = [ann.connects().await, bob.connects().await, vic.connects().await];
    let rows = [feed_rows(&scene), connection_rows(&scene), room_rows(&scene), ephemeral_rows(&scene)];
    let rows: Vec<Row> = rows.into_iter().flatten().collect();

    for nested in [false, true] {
        for row in &rows {
            let socket = &mut sockets[row.caller as usize];
            answers(socket, row, nested).await;
            // Messages per second are limited, and the table is longer than that.
            app.clock.advance(Duration::from_millis(100));
        }
    }
    for (text, message) in [
        ("{", "Invalid JSON format"),
        ("[]", "A message is a JSON object with a type"),
        ("{}", "A message needs a type"),
    ] {
        sockets[0].send_text(text).await;
        assert_eq!(sockets[0].next_of_type("error").await["message"], message, "{text}");
    }
    let tried: BTreeSet<&str> = rows.iter().map(|row| row.kind).filter(|kind| *kind != "dance").collect();
    assert_eq!(tried, documented(&ann.get("/asyncapi.json").await.json()), "the table and the document");
}

/// Every client message of the document's socket.
fn documented(document: &Value) -> BTreeSet<&str> {
    let messages = document["operations"]["send_socket"]["messages"].as_array().unwrap();
    let names = messages.iter().map(|one| {
        let key = one["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        key.strip_prefix("client_").unwrap()
    });
    names.collect()
}

async fn answers(socket: &mut Socket, row: &Row, nested: bool) {
    let mut message = Map::new();
    if nested {
        message.insert("payload".to_owned(), row.fields.clone());
    } else {
        message.extend(row.fields.as_object().unwrap().clone());
    }
    message.insert("type".to_owned(), json!(row.kind));
    let said = Value::Object(message.clone());
    match &row.expected {
        Expected::Reply(kind, wanted) => {
            let answer = socket.request(said.clone()).await;
            assert_eq!(answer["type"], *kind, "{said}: {answer}");
            assert!(contains(&answer, wanted), "{said}: {answer} should have {wanted}");
        }
        Expected::Nothing => {
            message.insert("id".to_owned(), json!("quiet"));
            socket.send_json(Value::Object(message)).await;
            socket.request(json!({ "type": "ping" })).await;
            assert!(
                socket.skipped.iter().all(|one| one["reply_to"] != "quiet"),
                "{said}: {:?}",
                socket.skipped
            );
        }
    }
    socket.skipped.clear();
}

/// Whether all wanted fields have the wanted value; `…` matches any value.
fn contains(found: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(fields) => fields.iter().all(|(name, wanted)| contains(&found[name], wanted)),
        Value::String(any) if any == "…" => !found.is_null(),
        other => found == other,
    }
}
