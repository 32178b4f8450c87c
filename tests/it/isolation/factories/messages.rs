//! What people say to each other, in rooms and directly.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "send_chat" => {
            let body = |room: bool| match room {
                true => json!({ "room_id": "{room}", "text": "hello" }),
                false => json!({ "text": "hello" }),
            };
            let call = |room| Call::post("/api/v1/chat/send").json(body(room));
            let (public, private) = (world.has_public_room().await, world.has_private_room().await);
            let history = format!("/api/v1/rooms/{private}/messages");
            vec![
                Case::new(call(true)).word(world, "room", &public),
                Case::new(call(true)).uuid("room", &private).unchanged(history),
                Case::new(call(false)).unchanged("/api/v1/rooms/lobby/messages"),
            ]
        }
        "list_room_messages" => {
            let (room, _) = world.has_room_message().await;
            world.says_in("lobby").await;
            vec![
                Case::new(Call::get("/api/v1/rooms/{room}/messages")).uuid("room", &room).shows(),
                Case::new(Call::get("/api/v1/rooms/lobby/messages")).shows(),
            ]
        }
        "mark_room_read" => {
            let (room, message) = world.has_room_message().await;
            let call = Call::post("/api/v1/rooms/{room}/read").json(json!({ "message_id": "{message}" }));
            let lobby = Call::post("/api/v1/rooms/lobby/read").json(json!({ "message_id": "{message}" }));
            let in_lobby = world.says_in("lobby").await;
            vec![
                Case::new(call).uuid("room", &room).uuid("message", &message),
                Case::new(lobby).uuid("message", &in_lobby),
            ]
        }
        "list_conversations" => {
            world.has_direct_message().await;
            vec![Case::new(Call::get("/api/v1/direct-messages")).shows()]
        }
        "list_direct_messages" => {
            let (user, _) = world.has_direct_message().await;
            vec![Case::new(Call::get("/api/v1/direct-messages/{user}")).number("user", user).shows()]
        }
        "send_direct_message" => {
            let (user, _) = world.has_direct_message().await;
            let call = Call::post("/api/v1/direct-messages/{user}").json(json!({ "text": "hello" }));
            vec![Case::new(call).number("user", user).unchanged(format!("/api/v1/direct-messages/{user}"))]
        }
        "mark_conversation_read" => {
            let (user, message) = world.has_direct_message().await;
            let call =
                Call::post("/api/v1/direct-messages/{user}/read").json(json!({ "message_id": "{message}" }));
            vec![Case::new(call).number("user", user).uuid("message", &message)]
        }
        "edit_message" => {
            let (room, message) = world.has_room_message().await;
            let call = Call::patch("/api/v1/messages/{message}").json(json!({ "text": "other words" }));
            vec![
                Case::new(call).uuid("message", &message).unchanged(format!("/api/v1/rooms/{room}/messages")),
            ]
        }
        "delete_message" => {
            let (room, message) = world.has_room_message().await;
            let call = Call::delete("/api/v1/messages/{message}");
            vec![
                Case::new(call).uuid("message", &message).unchanged(format!("/api/v1/rooms/{room}/messages")),
            ]
        }
        _ => return None,
    })
}
