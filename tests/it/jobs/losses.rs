//! External workers that go silent: their jobs pause before they are given out again.

use std::time::Duration;

use lotline::auth::key_scope::KeyScope;
use lotline::domain::identity::authenticate::Credential;
use lotline::domain::jobs::claims::claim_now;
use lotline::domain::op::{Op, Origin, Services};
use serde_json::json;

use super::nodes::{loses_lease, sees_job};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Worker};
use crate::support::settings::Setting;
use crate::support::wait::sleep_briefly;

const AT_ONCE: &[Setting] = &[("LOTLINE__LIMITS__RETAKE_SECONDS", "0")];

on_both_databases! {
    a_lost_job_pauses_longer_after_each_loss_and_another_worker_gets_it_first,
    a_pause_is_kept_in_the_store_and_counts_on_every_node,
    without_a_pause_a_lost_job_is_given_out_at_once with super::AT_ONCE,
}

async fn has_job(ann: &Admin<'_>) -> i64 {
    let spider = json!({ "name": "outside", "runner": "external" });
    assert_eq!(ann.post("/api/v1/spiders", &spider).await.status, 201);
    let body = json!({ "spider_name": "outside", "target_urls": ["https://portal.example/"] });
    ann.post("/api/v1/jobs", &body).await.json()["job_id"].as_i64().unwrap()
}

async fn claims(worker: &Worker<'_>) -> bool {
    let answer = worker.post("/api/v1/workers/claim", &json!({})).await;
    if answer.status == 204 {
        return false;
    }
    let claim = answer.json();
    let start = format!("/api/v1/jobs/{}/start", claim["job"]["job_id"]);
    let started = worker.post(&start, &json!({ "lease_token": claim["lease_token"] })).await;
    assert_eq!(started.status, 200, "{started:?}");
    true
}

/// Seconds until the worker gets a job.
async fn seconds_until_claimed(app: &TestApp, worker: &Worker<'_>) -> f64 {
    let start = app.clock.now();
    while !claims(worker).await {
        app.clock.advance(Duration::from_millis(250));
        sleep_briefly().await;
    }
    (app.clock.now() - start).num_milliseconds() as f64 / 1_000.0
}

async fn a_lost_job_pauses_longer_after_each_loss_and_another_worker_gets_it_first(app: &TestApp) {
    let ann = app.admin("ann").await;
    let (one, two) =
        (app.worker(&ann, &[KeyScope::JobsRun]).await, app.worker(&ann, &[KeyScope::JobsRun]).await);
    let job = has_job(&ann).await;

    assert!(claims(&one).await);
    loses_lease(app, &ann, job).await;
    app.clock.advance(Duration::from_millis(8_500));
    assert!(!claims(&two).await, "it pauses");
    app.clock.advance(Duration::from_millis(1_500));
    assert!(!claims(&one).await, "another worker comes first");
    assert!(claims(&two).await);

    loses_lease(app, &ann, job).await;
    let seconds = seconds_until_claimed(app, &one).await;
    assert!((18.5..=20.5).contains(&seconds), "{seconds}");
    assert_eq!(sees_job(&ann, job).await["attempt"], 3);

    loses_lease(app, &ann, job).await;
    let over = sees_job(&ann, job).await;
    assert_eq!((over["status"].as_str(), over["error"].as_str()), (Some("failed"), Some("worker_lost")));
}

async fn a_pause_is_kept_in_the_store_and_counts_on_every_node(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let job = has_job(&ann).await;
    assert!(claims(&worker).await);
    loses_lease(app, &ann, job).await;
    // A node that starts after the loss knows only the store.
    let caller = app.identity.authenticate(Credential::Header(worker.token())).await.unwrap().principal;
    let fresh: Services = app.another_node();
    let op = Op::of_caller(&fresh, caller, Origin::default()).unwrap();
    let claim = async || claim_now(&op, None, Duration::from_secs(60)).await.unwrap().is_some();

    app.clock.advance(Duration::from_secs(8));
    assert!(!claim().await);
    // There was no other worker to take it.
    app.clock.advance(Duration::from_secs(7));
    assert!(claim().await);
}

async fn without_a_pause_a_lost_job_is_given_out_at_once(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let job = has_job(&ann).await;
    assert!(claims(&worker).await);

    loses_lease(app, &ann, job).await;

    assert!(claims(&worker).await);
}
