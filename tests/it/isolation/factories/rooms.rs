//! Rooms and their members. Two tenants may use the same id for a public room; a private room's id cannot be guessed.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;

const MEMBER: &str = "/api/v1/rooms/{room}/members/{user}";

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "list_rooms" => {
            world.has_public_room().await;
            world.has_private_room().await;
            let archived = Call::get("/api/v1/rooms").query("archived", "true");
            vec![Case::new(Call::get("/api/v1/rooms")).shows(), Case::new(archived)]
        }
        "create_room" => create(world).await,
        "get_room" => both(world, || Call::get("/api/v1/rooms/{room}")).await.map(Case::shows).into(),
        "patch_room" => {
            let call = || Call::patch("/api/v1/rooms/{room}").json(json!({ "name": "renamed" }));
            both(world, call).await.into()
        }
        "archive_room" => both(world, || Call::delete("/api/v1/rooms/{room}")).await.into(),
        "list_room_members" => {
            let room = world.has_private_room().await;
            world.adds_member(&room).await;
            let call = Call::get("/api/v1/rooms/{room}/members");
            vec![Case::new(call).uuid("room", &room).shows()]
        }
        "put_room_member" => put_member(world).await,
        "remove_room_member" => {
            let room = world.has_private_room().await;
            let user = world.adds_member(&room).await;
            let case = Case::new(Call::delete(MEMBER)).uuid("room", &room).number("user", user);
            vec![case.unchanged(format!("/api/v1/rooms/{room}/members"))]
        }
        _ => return None,
    })
}

async fn create(world: &World<'_>) -> Vec<Case> {
    let (taken, (user, _)) = (world.has_public_room().await, world.has_user().await);
    let named = json!({ "room_id": "{room}", "name": "any", "visibility": "public" });
    let named = Case::new(Call::post("/api/v1/rooms").json(named));
    let with = json!({ "name": "any", "visibility": "private", "members": ["#{user}"] });
    vec![
        named.free(world, "room", &world.unused_word(), &taken).unchanged(format!("/api/v1/rooms/{taken}")),
        Case::new(Call::post("/api/v1/rooms").json(with)).number("user", user),
    ]
}

/// A request about a public room, and about a private one.
async fn both(world: &World<'_>, call: impl Fn() -> Call) -> [Case; 2] {
    let (public, private) = (world.has_public_room().await, world.has_private_room().await);
    [
        Case::new(call()).word(world, "room", &public).unchanged("/api/v1/rooms"),
        Case::new(call()).uuid("room", &private).unchanged("/api/v1/rooms"),
    ]
}

/// A membership in a private room; and the first tenant's user in a stranger's room.
async fn put_member(world: &World<'_>) -> Vec<Case> {
    let (ours, theirs) = (world.has_private_room().await, world.other_tenant_has_private_room().await);
    let user = world.adds_member(&ours).await;
    let call = || Call::put(MEMBER).json(json!({ "is_owner": true }));
    let members = format!("/api/v1/rooms/{ours}/members");
    vec![
        Case::new(call()).uuid("room", &ours).number("user", user).unchanged(&members),
        Case::new(call()).name("room", &ours, &theirs, &theirs).number("user", user).unchanged(members),
    ]
}
