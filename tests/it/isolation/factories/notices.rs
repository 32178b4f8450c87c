//! Broadcasts, notifications, events and connections.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::{World, head};

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "send_broadcast" => broadcast(world).await,
        "list_notifications" => {
            world.has_notification().await;
            vec![Case::new(Call::get("/api/v1/notifications")).shows()]
        }
        "read_notification" => {
            let notification = world.has_notification().await;
            let call = Call::post("/api/v1/notifications/{notification}/read");
            vec![Case::new(call).uuid("notification", &notification).unchanged("/api/v1/notifications")]
        }
        "list_events" => events(world).await,
        "get_stats" => vec![Case::new(Call::get("/api/v1/stats"))],
        "list_connections" => {
            // Enough for a second page.
            world.has_connection().await;
            world.has_connection().await;
            vec![Case::new(Call::get("/api/v1/connections")).shows()]
        }
        "close_connection" => {
            let connection = world.has_connection().await;
            let call = Call::delete("/api/v1/connections/{connection}");
            vec![Case::new(call).uuid("connection", &connection)]
        }
        _ => return None,
    })
}

/// To one user, as a body and as parameters, at both addresses.
async fn broadcast(world: &World<'_>) -> Vec<Case> {
    let (user, _) = world.has_user().await;
    let body = json!({ "message": "the market is open", "audience": "user:{user}" });
    let calls = ["/api/v1/admin/broadcast", "/admin/broadcast"].into_iter().flat_map(|path| {
        let parameters =
            Call::post(path).query("message", "the market is open").query("audience", "user:{user}");
        [Call::post(path).json(body.clone()), parameters]
    });
    calls.map(|call| Case::new(call).number("user", user)).collect()
}

/// From a position of the other log, and with filters that name the other tenant's things.
async fn events(world: &World<'_>) -> Vec<Case> {
    let ours = head(world.app, world.owner.admin.token()).await;
    let theirs = head(world.app, &world.stranger.fresh_token().await).await;
    let (property, _) = world.has_property().await;
    let (job, ..) = world.has_job().await;
    world.broadcasts("everyone").await;
    let filters = r#"[{"subscription":"job_updates","filter":{"job_id":{job}}},
        {"subscription":"property_updates","filter":{"property_id":{property}}}]"#;
    let since =
        Call::get("/api/v1/events").query("subscriptions", "job_updates").query("since", "{position}");
    let filtered = Call::get("/api/v1/events").query("subscriptions", filters).query("since", "{position}");
    let filtered = Case::new(filtered).name("position", &ours, &theirs, &theirs);
    vec![
        Case::new(since).name("position", &world.log_start, &world.log_start, "1f-1").shows(),
        filtered.number("job", job).number("property", property).shows(),
    ]
}
