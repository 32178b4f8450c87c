//! Messages in rooms and direct messages.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "send_chat" => {
            let (public, private) = (world.has_public_room().await, world.has_private_room().await);
            let taken = world.unused_word();
            let named = json!({ "text": "hello", "client_message_id": taken });
            world.admin_does(Call::post("/api/v1/chat/send").json(named)).await;
            let call = |body| Call::post("/api/v1/chat/send").json(body);
            let in_room = || call(json!({ "room_id": "{room}", "text": "hello" }));
            let in_lobby = call(json!({ "text": "hello", "client_message_id": "{name}" }));
            let with_file = call(json!({ "text": "hello", "upload_ids": ["{upload}"] }));
            vec![
                Case::new(with_file)
                    .uuid("upload", &world.has_upload().await)
                    .unchanged("/api/v1/rooms/lobby/messages"),
                Case::new(in_room()).word(world, "room", &public),
                Case::new(in_room())
                    .uuid("room", &private)
                    .unchanged(format!("/api/v1/rooms/{private}/messages")),
                Case::new(in_lobby)
                    .free(world, "name", &world.unused_word(), &taken)
                    .unchanged("/api/v1/rooms/lobby/messages"),
            ]
        }
        "list_room_messages" => {
            let (room, _) = world.has_room_message().await;
            for room in [room.as_str(), "lobby", "lobby", "lobby"] {
                world.sends_room_message(room).await;
            }
            vec![
                Case::new(Call::get("/api/v1/rooms/{room}/messages")).uuid("room", &room).shows(),
                Case::new(Call::get("/api/v1/rooms/lobby/messages")).shows(),
            ]
        }
        "mark_room_read" => {
            let (room, message) = world.has_room_message().await;
            let call = Call::post("/api/v1/rooms/{room}/read").json(json!({ "message_id": "{message}" }));
            let lobby = Call::post("/api/v1/rooms/lobby/read").json(json!({ "message_id": "{message}" }));
            let in_lobby = world.sends_room_message("lobby").await;
            vec![
                Case::new(call).uuid("room", &room).uuid("message", &message),
                Case::new(lobby).uuid("message", &in_lobby),
            ]
        }
        "list_conversations" => {
            world.has_direct_message().await;
            world.has_direct_message().await;
            vec![Case::new(Call::get("/api/v1/direct-messages")).shows()]
        }
        "list_direct_messages" => {
            let (user, _) = world.has_direct_message().await;
            world.sends_direct_message(user).await;
            vec![Case::new(Call::get("/api/v1/direct-messages/{user}")).number("user", user).shows()]
        }
        "send_direct_message" => {
            let (user, _) = world.has_direct_message().await;
            let taken = world.unused_word();
            let named = json!({ "text": "hello", "client_message_id": taken });
            world.admin_does(Call::post(&format!("/api/v1/direct-messages/{user}")).json(named)).await;
            let body = json!({ "text": "hello", "client_message_id": "{name}" });
            let call = Call::post("/api/v1/direct-messages/{user}").json(body);
            let case = Case::new(call).number("user", user).free(world, "name", &world.unused_word(), &taken);
            let with_file = json!({ "text": "hello", "upload_ids": ["{upload}"] });
            let with_file = Case::new(Call::post("/api/v1/direct-messages/{user}").json(with_file));
            let with_file = with_file.number("user", user).uuid("upload", &world.has_upload().await);
            let page = format!("/api/v1/direct-messages/{user}");
            vec![case.unchanged(page.clone()), with_file.unchanged(page)]
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
