//! Jobs, as people see them.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::resources::id;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "create_job" => {
            let spider = world.has_spider().await;
            let call = Call::post("/api/v1/jobs").json(json!({ "spider_name": "{spider}" }));
            let target = ["https://portal.example/"];
            let body = json!({ "spider_name": "auto", "target_urls": target, "upload_ids": ["{upload}"] });
            let with_file = Case::new(Call::post("/api/v1/jobs").json(body));
            let upload = world.has_upload().await;
            vec![Case::new(call).word(world, "spider", &spider), with_file.uuid("upload", &upload).shows()]
        }
        "list_jobs" => list(world).await,
        "get_job" => {
            let (job, ..) = world.has_job().await;
            vec![Case::new(Call::get("/api/v1/jobs/{job}")).number("job", job).shows()]
        }
        "cancel_job" => {
            let (job, ..) = world.has_job().await;
            vec![Case::new(Call::post("/api/v1/jobs/{job}/cancel")).number("job", job).unchanged(page(job))]
        }
        "retry_job" => {
            let (job, ..) = world.has_job().await;
            world.admin_does(Call::post(&format!("/api/v1/jobs/{job}/cancel"))).await;
            vec![Case::new(Call::post("/api/v1/jobs/{job}/retry")).number("job", job).unchanged(page(job))]
        }
        "list_job_logs" => {
            let job = world.has_worked_job().await;
            let call = Call::get("/api/v1/jobs/{job}/logs");
            let of_execution = call.clone().query("execution_id", "{execution}");
            let of_execution =
                Case::new(of_execution).number("job", job.job).number("execution", job.execution);
            vec![Case::new(call).number("job", job.job).shows(), of_execution.shows()]
        }
        "list_job_items" => {
            let job = world.has_worked_job().await;
            let call = Call::get("/api/v1/jobs/{job}/items");
            let of_execution = call.clone().query("execution_id", "{execution}");
            let of_execution =
                Case::new(of_execution).number("job", job.job).number("execution", job.execution);
            vec![Case::new(call).number("job", job.job), of_execution]
        }
        "list_job_executions" => {
            let job = world.has_worked_job().await;
            vec![Case::new(Call::get("/api/v1/jobs/{job}/executions")).number("job", job.job).shows()]
        }
        _ => return None,
    })
}

async fn list(world: &World<'_>) -> Vec<Case> {
    let (_, spider, tag) = world.has_job().await;
    world.has_job().await;
    let me = world.admin_does(Call::get("/api/v1/users/me")).await.json();
    let call = || Call::get("/api/v1/jobs");
    vec![
        Case::new(call()).shows(),
        Case::new(call().query("spider_name", "{spider}")).word(world, "spider", &spider).shows(),
        Case::new(call().query("tag", "{tag}")).word(world, "tag", &tag).shows(),
        Case::new(call().query("created_by", "{user}")).number("user", id(&me, "id")).shows(),
    ]
}

fn page(job: i64) -> String {
    format!("/api/v1/jobs/{job}")
}
