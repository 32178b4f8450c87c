//! Jobs, as workers see them. A lease is tried unchanged: its token alone must give no access elsewhere.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::{CallerKind, Case};
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "claim_job" => {
            let (_, spider, _) = world.has_job().await;
            let call = Call::post("/api/v1/workers/claim").json(json!({ "spiders": ["{spider}"] }));
            let named = Case::new(call).by(CallerKind::Key).word(world, "spider", &spider).shows();
            world.has_job().await;
            vec![
                named,
                Case::new(Call::post("/api/v1/workers/claim").json(json!({}))).by(CallerKind::Key).shows(),
            ]
        }
        "start_job" => report(world, "start", json!({})).await,
        "keep_job_lease" => report(world, "heartbeat", json!({})).await,
        "report_job_progress" => {
            report(world, "progress", json!({ "items_scraped": 3, "sequence": 1 })).await
        }
        "complete_job" => report(world, "complete", json!({ "finish_reason": "finished" })).await,
        "fail_job" => report(world, "fail", json!({ "error": "the site is gone" })).await,
        "append_job_logs" => {
            let leased = world.has_leased_job().await;
            let line = json!({ "lines": [{ "level": "info", "message": "a page" }] });
            let call = Call::post("/api/v1/jobs/{job}/logs").json(line);
            let logs = format!("/api/v1/jobs/{}/logs", leased.job);
            vec![Case::new(call).by(CallerKind::Key).number("job", leased.job).unchanged(logs)]
        }
        _ => return None,
    })
}

async fn report(world: &World<'_>, verb: &str, mut body: serde_json::Value) -> Vec<Case> {
    let leased = world.has_leased_job().await;
    body["lease_token"] = json!("{lease}");
    let call = Call::post(&format!("/api/v1/jobs/{{job}}/{verb}")).json(body);
    let case = Case::new(call).by(CallerKind::Key).number("job", leased.job);
    let case = case.name("lease", &leased.lease, &leased.lease, "never-a-lease");
    vec![case.unchanged(format!("/api/v1/jobs/{}", leased.job))]
}
