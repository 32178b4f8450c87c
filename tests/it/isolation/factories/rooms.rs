//! Rooms and their members. A public room's id is a word that two tenants may both have; a private one's is nobody's guess.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;

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
            both(world, || Call::get("/api/v1/rooms/{room}/members")).await.map(Case::shows).into()
        }
        "put_room_member" => member(world, |path| Call::put(path).json(json!({ "is_owner": true }))).await,
        "remove_room_member" => member(world, Call::delete).await,
        _ => return None,
    })
}

async fn create(world: &World<'_>) -> Vec<Case> {
    let (taken, (user, _)) = (world.has_public_room().await, world.has_user().await);
    let named = json!({ "room_id": "{room}", "name": "any", "visibility": "public" });
    let named = Case::new(Call::post("/api/v1/rooms").json(named));
    let with = json!({ "name": "any", "visibility": "private", "members": ["#{user}"] });
    vec![
        named.free(world, "room", &world.unheard(), &taken).unchanged(format!("/api/v1/rooms/{taken}")),
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

/// Somebody's place in a private room; and the first tenant's user in the room of a stranger.
async fn member(world: &World<'_>, call: impl Fn(&str) -> Call) -> Vec<Case> {
    const PATH: &str = "/api/v1/rooms/{room}/members/{user}";
    let (user, _) = world.has_user().await;
    let (ours, theirs) = (world.has_private_room().await, world.stranger_has_private_room().await);
    let put = Call::put(&format!("/api/v1/rooms/{ours}/members/{user}"));
    world.admin_does(put.json(json!({}))).await;
    let members = format!("/api/v1/rooms/{ours}/members");
    vec![
        Case::new(call(PATH)).uuid("room", &ours).number("user", user).unchanged(&members),
        Case::new(call(PATH)).name("room", &ours, &theirs, &theirs).number("user", user).unchanged(members),
    ]
}
