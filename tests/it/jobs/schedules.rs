//! Schedules of spiders: set over HTTP, run by the node's own timer, on a clock that the test moves. It begins at 16:00 UTC.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use lotline::auth::key_scope::KeyScope;
use lotline::domain::schedules::runs::start_due;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::answer::Response;
use crate::support::app::{Backend, TestApp, start_of_time};
use crate::support::on_both_databases;
use crate::support::people::{Admin, Caller};
use crate::support::wait::eventually;

const SPIDERS: &str = "/api/v1/spiders";
const PORTAL: &str = "/api/v1/spiders/portal";
const JOBS: &str = "/api/v1/jobs?limit=200";
const MINUTE: Duration = Duration::from_secs(60);
/// What the timer needs after a run is due.
const SPARE: Duration = Duration::from_secs(3);

on_both_databases! {
    a_schedule_starts_a_job_which_a_worker_gets,
    runs_that_passed_at_once_are_made_up_by_one_job,
    of_several_nodes_one_starts_the_job_of_each_spider,
    a_bad_schedule_is_refused_and_every_fault_named,
    saving_without_a_schedule_removes_it,
    a_job_belongs_to_no_user_once_the_one_that_set_the_schedule_is_removed,
}

fn every_five_minutes() -> Value {
    json!({ "cron": "*/5 * * * *", "timezone": "UTC" })
}

fn settings(schedule: &Value) -> Value {
    json!({ "runner": "external", "start_urls": ["https://portal.example/"], "schedule": schedule })
}

async fn makes_spider(admin: &Admin<'_>, name: &str, schedule: &Value) -> Response {
    let mut new = settings(schedule);
    new["name"] = name.into();
    admin.post(SPIDERS, &new).await
}

async fn saves(admin: &Admin<'_>, settings: Value) -> Response {
    admin.conditional(Method::PUT, PORTAL, ("if-match", "*"), Some(settings)).await
}

async fn jobs(caller: &Caller<'_>) -> Vec<Value> {
    caller.get(JOBS).await.json()["data"].as_array().unwrap().clone()
}

/// The fields of a refusal that are bad.
fn pointers(refused: &Response) -> BTreeSet<String> {
    let problem = refused.expect_problem(422, "validation_failed");
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

async fn a_schedule_starts_a_job_which_a_worker_gets(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let made = makes_spider(&ann, "portal", &every_five_minutes()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let planned = json!({ "cron": "*/5 * * * *", "timezone": "UTC", "jitter": 0,
        "next_run_at": "2025-11-24T16:05:00.000Z" });
    assert_eq!(made.json()["schedule"], planned);

    app.advance(4 * MINUTE).await;
    assert_eq!(jobs(&ann).await, [] as [Value; 0]);
    app.advance(MINUTE + SPARE).await;
    eventually("the job", async || jobs(&ann).await.len() == 1).await;

    let job = jobs(&ann).await.remove(0);
    assert_eq!((&job["spider_name"], &job["status"]), (&json!("portal"), &json!("pending")));
    assert_eq!((&job["scheduled"], &job["created_by"]), (&json!(true), &json!(ann.id.0)));
    let shown = ann.get(PORTAL).await.json();
    assert_eq!(shown["schedule"]["next_run_at"], "2025-11-24T16:10:00.000Z");
    assert_eq!(shown["schedule"]["last_job_id"], job["job_id"]);
    assert!(shown["schedule"]["last_run_at"].as_str().unwrap().starts_with("2025-11-24T16:05:0"), "{shown}");
    let claim = worker.post("/api/v1/workers/claim", &json!({})).await;
    assert_eq!((claim.status, &claim.json()["job"]["job_id"]), (200, &job["job_id"]), "{claim:?}");
}

async fn runs_that_passed_at_once_are_made_up_by_one_job(app: &TestApp) {
    let ann = app.admin("ann").await;
    makes_spider(&ann, "portal", &every_five_minutes()).await;

    app.advance(11 * MINUTE).await;
    eventually("the job", async || jobs(&ann).await.len() == 1).await;
    app.advance(SPARE).await;

    assert_eq!(jobs(&ann).await.len(), 1);
    let shown = ann.get(PORTAL).await.json();
    assert_eq!(shown["schedule"]["next_run_at"], "2025-11-24T16:15:00.000Z");
}

async fn of_several_nodes_one_starts_the_job_of_each_spider(app: &TestApp) {
    let ann = app.admin("ann").await;
    for number in 0..5 {
        let made = makes_spider(&ann, &format!("portal-{number}"), &every_five_minutes()).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let (second, third) = (app.another_node(), app.another_node());

    app.clock.advance(5 * MINUTE);
    let (one, two, three) = tokio::join!(start_due(&app.services), start_due(&second), start_due(&third));
    let started = one.unwrap() + two.unwrap() + three.unwrap();

    // The node's own timer may have made some of them.
    assert!(started <= 5, "{started}");
    app.advance(SPARE).await;
    eventually("the jobs", async || jobs(&ann).await.len() >= 5).await;
    let jobs = jobs(&ann).await;
    let names: BTreeSet<&str> = jobs.iter().map(|job| job["spider_name"].as_str().unwrap()).collect();
    assert_eq!((jobs.len(), names.len()), (5, 5), "{jobs:?}");
}

async fn a_bad_schedule_is_refused_and_every_fault_named(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bad = json!({ "cron": "0 0 3 * * *", "timezone": "Berlin", "jitter": 3_601 });

    let refused = makes_spider(&ann, "portal", &bad).await;
    let faults = ["/schedule/cron", "/schedule/timezone", "/schedule/jitter"];
    assert_eq!(pointers(&refused), BTreeSet::from(faults.map(str::to_owned)));
    assert!(refused.text.contains("five fields"), "{refused:?}");

    let never = makes_spider(&ann, "portal", &json!({ "cron": "0 0 31 2 *", "timezone": "UTC" })).await;
    assert_eq!(pointers(&never), BTreeSet::from(["/schedule/cron".to_owned()]));

    let nowhere = json!({ "name": "portal", "runner": "builtin", "schedule": every_five_minutes() });
    let refused = ann.post(SPIDERS, &nowhere).await;
    assert_eq!(pointers(&refused), BTreeSet::from(["/start_urls".to_owned()]));
    assert_eq!(ann.get(PORTAL).await.status, 404);
}

async fn saving_without_a_schedule_removes_it(app: &TestApp) {
    let ann = app.admin("ann").await;
    makes_spider(&ann, "portal", &every_five_minutes()).await;

    let saved = saves(&ann, json!({ "runner": "external", "start_urls": ["https://portal.example/"] })).await;

    assert_eq!(saved.status, 200, "{saved:?}");
    assert_eq!(saved.json().get("schedule"), None);
    app.advance(6 * MINUTE).await;
    assert_eq!(jobs(&ann).await, [] as [Value; 0]);
    let again = saves(&ann, settings(&every_five_minutes())).await.json();
    assert_eq!(again["schedule"]["next_run_at"], "2025-11-24T16:10:00.000Z");
}

async fn a_job_belongs_to_no_user_once_the_one_that_set_the_schedule_is_removed(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.admin("bob").await);
    makes_spider(&ann, "portal", &every_five_minutes()).await;
    let removed = bob.delete(&format!("/api/v1/users/{}", ann.id)).await;
    assert_eq!(removed.status, 204, "{removed:?}");

    app.advance(5 * MINUTE + SPARE).await;
    eventually("the job", async || jobs(&bob).await.len() == 1).await;

    let job = jobs(&bob).await.remove(0);
    assert_eq!((&job["scheduled"], job.get("created_by")), (&json!(true), None));
    let of_ann = bob.get(&format!("/api/v1/jobs?created_by={}", ann.id)).await.json();
    assert_eq!(of_ann["data"], json!([]));
    let cancelled = bob.post(&format!("/api/v1/jobs/{}/cancel", job["job_id"]), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_days_without_a_node_are_made_up_by_one_job_of_the_next() {
    let app = TestApp::spawn_with(Backend::Sqlite, &[]).await;
    {
        let ann = app.admin("ann").await;
        let daily = json!({ "cron": "0 3 * * *", "timezone": "Europe/Berlin", "jitter": 600 });
        assert_eq!(makes_spider(&ann, "portal", &daily).await.status, 201);
    }
    let store = app.into_store().await;

    let app = TestApp::open_store(store, start_of_time() + TimeDelta::days(3), &[]).await;
    {
        let ann = app.existing_admin("ann").await;
        app.advance(SPARE).await;
        eventually("the job", async || jobs(&ann).await.len() == 1).await;
        app.advance(SPARE).await;

        assert_eq!(jobs(&ann).await.len(), 1);
        let shown = ann.get(PORTAL).await.json();
        let next = shown["schedule"]["next_run_at"].as_str().unwrap();
        assert!(("2025-11-28T02:00:00.000Z"..="2025-11-28T02:10:00.000Z").contains(&next), "{next}");
    }
    app.finish().await;
}
