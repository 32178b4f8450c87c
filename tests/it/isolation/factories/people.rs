//! Users and keys.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "list_users" => {
            world.has_user().await;
            vec![Case::new(Call::get("/api/v1/users")).shows()]
        }
        "list_directory" => {
            world.has_user().await;
            vec![Case::new(Call::get("/api/v1/users/directory")).shows()]
        }
        "create_user" => create(world).await,
        "get_user" => of_user(world, Call::get("/api/v1/users/{user}")).await.map(|case| case.shows()).into(),
        "update_user" => {
            let body = json!({ "display_name": "Somebody", "username": "{name}", "email": "{email}" });
            let (_, named) = world.has_user().await;
            let name = world.canary_text("name");
            let (free, taken) =
                (format!("{}@new.example", world.canary_text("mail")), format!("{named}@mail.example"));
            let never = format!("{}@new.example", world.unused_word());
            let case = of_user(world, Call::patch("/api/v1/users/{user}").json(body)).await;
            let case = case.map(|case| case.name("email", &free, &taken, &never));
            case.map(|case| case.free(world, "name", &name, &named)).into()
        }
        "delete_user" => of_user(world, Call::delete("/api/v1/users/{user}")).await.into(),
        "create_password_link" => {
            of_user(world, Call::post("/api/v1/users/{user}/password-link")).await.into()
        }
        "list_api_keys" => {
            world.has_key().await;
            world.has_key().await;
            vec![Case::new(Call::get("/api/v1/api-keys")).shows()]
        }
        "create_api_key" => {
            let body = json!({ "name": "reader", "scopes": ["events:read"] });
            vec![Case::new(Call::post("/api/v1/api-keys").json(body))]
        }
        "update_api_key" => {
            let key = world.has_key().await;
            let body = json!({ "null_semantics": "ignore" });
            vec![Case::new(Call::patch("/api/v1/api-keys/{key}").json(body)).uuid("key", &key)]
        }
        "revoke_api_key" => {
            let key = world.has_key().await;
            vec![Case::new(Call::delete("/api/v1/api-keys/{key}")).uuid("key", &key)]
        }
        "list_audit_log" => {
            world.has_spider().await;
            vec![Case::new(Call::get("/api/v1/audit-log")).shows()]
        }
        _ => return None,
    })
}

/// A user name belongs to its tenant: a name taken in one is free in another.
async fn create(world: &World<'_>) -> Vec<Case> {
    let taken = world.unused_word();
    let id = world.has_user_named(&taken).await;
    let body = json!({ "username": "{user}", "email": "{user}@mail.example", "role": "viewer" });
    let case = Case::new(Call::post("/api/v1/users").json(body)).free(
        world,
        "user",
        &world.canary_text("new"),
        &taken,
    );
    vec![case.unchanged(format!("/api/v1/users/{id}"))]
}

async fn of_user(world: &World<'_>, call: Call) -> [Case; 1] {
    let (id, _) = world.has_user().await;
    [Case::new(call).number("user", id).unchanged(format!("/api/v1/users/{id}"))]
}
