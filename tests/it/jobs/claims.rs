//! Claims that wait: limits for each key and each tenant, and which events wake them.

use lotline::auth::key_scope::KeyScope;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Worker};
use crate::support::settings::Setting;
use crate::support::wait::eventually;

const FEW: &[Setting] =
    &[("LOTLINE__LIMITS__WAITING_CLAIMS_PER_KEY", "2"), ("LOTLINE__LIMITS__WAITING_CLAIMS_PER_TENANT", "3")];

on_both_databases! {
    claims_beyond_the_bounds_get_retry_after_and_another_tenant_is_served with super::FEW,
    a_job_wakes_one_claim_of_its_tenant_and_nobody_elses,
}

async fn has_spider(admin: &Admin<'_>) {
    let spider = json!({ "name": "outside", "runner": "external" });
    assert_eq!(admin.post("/api/v1/spiders", &spider).await.status, 201);
}

async fn makes_job(admin: &Admin<'_>) {
    let body = json!({ "spider_name": "outside", "target_urls": ["https://portal.example/"] });
    assert_eq!(admin.post("/api/v1/jobs", &body).await.status, 201);
}

async fn waits(worker: &Worker<'_>) -> u16 {
    worker.post("/api/v1/workers/claim", &json!({ "wait_seconds": 30 })).await.status
}

async fn claims_beyond_the_bounds_get_retry_after_and_another_tenant_is_served(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    has_spider(&ann).await;
    has_spider(&sue).await;
    let one = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let two = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let three = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let other = app.worker(&sue, &[KeyScope::JobsRun]).await;
    let waiting = |tenant| app.services.wakeups.waiting(tenant);

    let test = async {
        eventually("three claims to wait", async || waiting(app.acme) == 3).await;
        let body = json!({ "wait_seconds": 30 });
        for (worker, words) in [(&one, "2 claims of this key"), (&three, "3 claims of your tenant")] {
            let refused = worker.post("/api/v1/workers/claim", &body).await.expect_rate_limited();
            assert!(refused.contains(words), "{refused}");
        }
        let (served, ()) = tokio::join!(waits(&other), async {
            eventually("the neighbour to wait", async || waiting(app.other) == 1).await;
            makes_job(&sue).await;
        });
        assert_eq!(served, 200);
        for _ in 0..3 {
            makes_job(&ann).await;
        }
    };
    let (first, second, third, ()) = tokio::join!(waits(&one), waits(&one), waits(&two), test);

    assert_eq!([first, second, third], [200, 200, 200]);
    assert_eq!(waiting(app.acme) + waiting(app.other), 0);
}

async fn a_job_wakes_one_claim_of_its_tenant_and_nobody_elses(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    has_spider(&ann).await;
    has_spider(&sue).await;
    let one = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let other = app.worker(&sue, &[KeyScope::JobsRun]).await;
    let waiting = |tenant| app.services.wakeups.waiting(tenant);
    // The clock is not advanced: only a new job makes a claim query the store.
    let transactions = || app.services.db.transactions();

    let test = async {
        eventually("the claims to wait", async || (waiting(app.acme), waiting(app.other)) == (3, 1)).await;
        let settled = async || {
            let mut last = transactions();
            loop {
                for _ in 0..20 {
                    crate::support::wait::sleep_briefly().await;
                }
                if transactions() == last {
                    return last;
                }
                last = transactions();
            }
        };
        let before = settled().await;
        makes_job(&sue).await;
        eventually("the neighbour to be served", async || waiting(app.other) == 0).await;
        let cost = settled().await - before;
        assert_eq!(waiting(app.acme), 3);
        makes_job(&ann).await;
        eventually("one to be served", async || waiting(app.acme) == 2).await;
        // With three waiting claims it costs the same as with one: the request, a look, and the claim.
        assert_eq!(settled().await - before - cost, cost);
        makes_job(&ann).await;
        makes_job(&ann).await;
    };
    let all = tokio::join!(waits(&one), waits(&one), waits(&one), waits(&other), test);

    assert_eq!([all.0, all.1, all.2, all.3], [200; 4]);
}
