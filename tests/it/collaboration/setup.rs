//! Rooms with members, listings to view, and the messages that a socket received.

use std::time::Duration;

use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::people::{Admin, Person};
use crate::support::socket::Socket;

/// A private room of the admin with these members.
pub async fn private_room(admin: &Admin<'_>, members: &[&Person<'_>]) -> String {
    let members: Vec<i64> = members.iter().map(|member| member.id.0).collect();
    room(admin, &json!({ "name": "Attic", "visibility": "private", "members": members })).await
}

/// A public room of this id; its admin is its first member.
pub async fn public_room(admin: &Admin<'_>, room_id: &str) -> String {
    room(admin, &json!({ "room_id": room_id, "name": room_id, "visibility": "public" })).await
}

async fn room(admin: &Admin<'_>, body: &Value) -> String {
    let answer = admin.post("/api/v1/rooms", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["room_id"].as_str().unwrap().to_owned()
}

/// A stored property.
pub async fn listing(app: &TestApp, maker: &Person<'_>) -> i64 {
    let worker = app.worker(maker, &[KeyScope::PropertiesWrite]).await;
    let item = json!({ "source": "portal", "listing_key": "H-1", "list_price": 1, "currency": "EUR",
        "source_url": "https://portal.example/h-1" });
    let answer = worker.post("/api/v1/properties/batch", &json!({ "items": [item] })).await;
    answer.json()["results"][0]["property_id"].as_i64().unwrap()
}

/// Long enough for what is sent once a second.
pub const FLUSH_WAIT: Duration = Duration::from_millis(2_500);
/// Lets more time pass than the grace after which a gone user counts as offline. The disconnect has to be noticed
/// first: the grace starts then.
pub async fn grace_passes(app: &TestApp) {
    app.advance(FLUSH_WAIT).await;
    app.advance(Duration::from_secs(13)).await;
}

/// All messages of a type that have come since the last call for it.
pub async fn received_messages(socket: &mut Socket, kind: &str) -> Vec<Value> {
    socket.request(json!({ "type": "ping" })).await;
    let (wanted, others): (Vec<_>, Vec<_>) =
        socket.skipped.drain(..).partition(|message| message["type"] == kind);
    socket.skipped = others.into();
    wanted
}

/// The users in presence messages: id and status, in the order of arrival.
pub async fn received_presence(socket: &mut Socket) -> Vec<(i64, String)> {
    let messages = received_messages(socket, "presence").await;
    messages.iter().flat_map(statuses).collect()
}

pub fn statuses(message: &Value) -> Vec<(i64, String)> {
    let users = message["payload"]["users"].as_array().unwrap();
    let user_and_status =
        |user: &Value| (user["user_id"].as_i64().unwrap(), user["status"].as_str().unwrap().to_owned());
    users.iter().map(user_and_status).collect()
}

pub fn presence_entry(person: &Person<'_>, status: &str) -> (i64, String) {
    (person.id.0, status.to_owned())
}
