//! Rooms of the first tenant, and their messages.

use serde_json::{Value, json};

use super::call::Call;
use super::resources::text;
use super::world::World;

impl World<'_> {
    /// A public room, by the id that its admin chose.
    pub async fn has_public_room(&self) -> String {
        let slug = self.unused_word();
        let body = json!({ "room_id": slug, "name": self.canary_text("room"), "visibility": "public" });
        self.has_room(body).await
    }

    /// A private room, by the id that the server made.
    pub async fn has_private_room(&self) -> String {
        self.has_room(json!({ "name": self.canary_text("room"), "visibility": "private" })).await
    }

    async fn has_room(&self, body: Value) -> String {
        text(&self.admin_does(Call::post("/api/v1/rooms").json(body)).await.json(), "room_id")
    }

    /// A private room of the other tenant.
    pub async fn other_tenant_has_private_room(&self) -> String {
        let body = json!({ "name": "theirs", "visibility": "private" });
        let call = Call::post("/api/v1/rooms").json(body);
        let answer = call.send(self.app, Some(&self.stranger.fresh_token().await)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        text(&answer.json(), "room_id")
    }

    /// Adds a new user to a room.
    pub async fn adds_member(&self, room: &str) -> i64 {
        let (user, _) = self.has_user().await;
        let put = Call::put(&format!("/api/v1/rooms/{room}/members/{user}"));
        self.admin_does(put.json(json!({}))).await;
        user
    }

    /// Sends a message to a room; its id.
    pub async fn sends_room_message(&self, room: &str) -> String {
        let body = json!({ "room_id": room, "text": self.canary_text("words") });
        text(&self.admin_does(Call::post("/api/v1/chat/send").json(body)).await.json(), "message_id")
    }

    /// A private room with a message: both ids.
    pub async fn has_room_message(&self) -> (String, String) {
        let room = self.has_private_room().await;
        let message = self.sends_room_message(&room).await;
        (room, message)
    }

    /// A direct message of the admin: its recipient, and its id.
    pub async fn has_direct_message(&self) -> (i64, String) {
        let (user, _) = self.has_user().await;
        (user, self.sends_direct_message(user).await)
    }

    /// Sends a direct message to a user; its id.
    pub async fn sends_direct_message(&self, user: i64) -> String {
        let call = Call::post(&format!("/api/v1/direct-messages/{user}"));
        let sent = self.admin_does(call.json(json!({ "text": self.canary_text("words") }))).await;
        text(&sent.json(), "message_id")
    }
}
