//! Signing in and one's own account.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::{CallerKind, Case};
use crate::isolation::world::{PASSWORD, World};

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "create_token" => sign_in(world).await,
        "log_out" => {
            let person = world.has_person().await;
            vec![Case::new(Call::post("/api/v1/auth/logout")).by(CallerKind::Token(person.token))]
        }
        "list_sessions" => {
            let person = world.has_person().await;
            // Enough for a second page.
            world.signs_in(&person.username).await;
            vec![Case::new(Call::get("/api/v1/auth/sessions")).by(CallerKind::Token(person.token)).shows()]
        }
        "end_other_sessions" => {
            let person = world.has_person().await;
            world.signs_in(&person.username).await;
            vec![Case::new(Call::delete("/api/v1/auth/sessions")).by(CallerKind::Token(person.token))]
        }
        "end_session" => end_session(world).await,
        "create_socket_ticket" => vec![Case::new(Call::post("/api/v1/auth/socket-ticket"))],
        "refresh_stream" => refresh_stream(world).await,
        "set_password" => set_password(world).await,
        "get_usage" => vec![Case::new(Call::get("/api/v1/usage"))],
        "get_me" => vec![Case::new(Call::get("/api/v1/users/me")).shows()],
        _ => return None,
    })
}

/// Another tenant's user name, with the right password, is unknown in one's own tenant.
async fn sign_in(world: &World<'_>) -> Vec<Case> {
    let (_, username) = world.has_user().await;
    let form = [("username", "{user}"), ("password", PASSWORD), ("scope", "tenant:{tenant}")];
    let case = Case::new(Call::post("/api/v1/auth/token").form(&form)).by(CallerKind::Anonymous);
    vec![case.word(world, "user", &username).name("tenant", "acme", "other", "other")]
}

async fn end_session(world: &World<'_>) -> Vec<Case> {
    let person = world.has_person().await;
    world.signs_in(&person.username).await;
    let list = Call::get("/api/v1/auth/sessions").send(world.app, Some(&person.token)).await.json();
    let sessions = list["data"].as_array().unwrap();
    let other = sessions.iter().find(|one| one["current"] == json!(false)).unwrap();
    let call = Call::delete("/api/v1/auth/sessions/{session}");
    vec![Case::new(call).by(CallerKind::Token(person.token)).uuid("session", other["id"].as_str().unwrap())]
}

async fn refresh_stream(world: &World<'_>) -> Vec<Case> {
    let mut stream = world.owner.admin.streams("/sse/events", None).await;
    let established = stream.next_event().await.json();
    world.streams.lock().push(stream);
    let call = Call::post("/api/v1/auth/streams/{connection}/refresh");
    vec![Case::new(call).uuid("connection", established["connection_id"].as_str().unwrap())]
}

/// The password of another tenant's user does not work for one's own account. A link is not tried: it works for its
/// holder whatever the signed-in user.
async fn set_password(world: &World<'_>) -> Vec<Case> {
    let person = world.has_person().await;
    let body = json!({ "current_password": "{password}", "new_password": "another word of 1915" });
    let call = Call::post("/api/v1/auth/password").json(body);
    vec![Case::new(call).by(CallerKind::Token(person.token)).name(
        "password",
        PASSWORD,
        PASSWORD,
        "never a password",
    )]
}
