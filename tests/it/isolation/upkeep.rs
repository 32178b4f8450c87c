//! Work that the system does for one tenant after another touches the current tenant only.

use serde_json::json;

use super::call::Call;
use super::world::{World, head};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;
use crate::support::wait::eventually;

/// A log keeps its last ten events.
const SHORT_LOGS: &[Setting] = &[("LOTLINE__EVENTLOG__RETENTION_EVENTS", "10")];

on_both_databases! {
    trimming_a_long_log_leaves_a_short_one_whole with super::SHORT_LOGS,
}

async fn trimming_a_long_log_leaves_a_short_one_whole(app: &TestApp) {
    let world = World::new(app).await;
    let (ours, theirs) = (world.owner.admin.token(), world.stranger.admin.token());
    let (our_start, their_start) = (world.log_start.clone(), head(app, theirs).await);
    for _ in 0..5 {
        world.broadcasts("everyone").await;
    }
    for number in 0..30 {
        let body = json!({ "message": format!("news {number}") });
        Call::post("/api/v1/admin/broadcast").json(body).send(app, Some(theirs)).await;
    }

    app.advance(std::time::Duration::from_secs(70)).await;
    let since = async |token: &str, start: &str| {
        Call::get("/api/v1/events").query("since", start).send(app, Some(token)).await.json()
    };
    eventually("the long log to be trimmed", async || {
        since(theirs, &their_start).await["recovered"] == false
    })
    .await;

    let whole = since(ours, &our_start).await;
    assert_eq!((&whole["recovered"], whole["data"].as_array().unwrap().len()), (&json!(true), 5), "{whole}");
}
