//! The collaboration of the first tenant's users while strangers listen.

use serde_json::json;

use super::call::Call;
use super::resources::text;
use super::world::World;

/// A user joins a room of the admin, views a property, types, stops viewing and leaves.
pub async fn people_collaborate(world: &World<'_>) {
    let (property, _) = world.has_property().await;
    let (user, username) = world.has_user().await;
    let room = json!({ "name": world.canary_text("room"), "visibility": "private", "members": [user] });
    let room = text(&world.admin_does(Call::post("/api/v1/rooms").json(room)).await.json(), "room_id");
    let token = world.signs_in(&username).await;
    let mut socket = world.app.anonymous().socket_request("/ws").query("token", &token).open().await;
    for message in [
        json!({ "type": "viewing", "property_id": property }),
        json!({ "type": "typing", "room_id": room, "is_typing": true }),
        json!({ "type": "typing", "room_id": "lobby", "is_typing": true }),
        json!({ "type": "presence", "status": "away" }),
    ] {
        socket.send_json(message).await;
    }
    socket.request(json!({ "type": "ping" })).await;
    // Presence is sent once a second.
    world.app.advance(std::time::Duration::from_secs(3)).await;
    socket.close().await;
}
