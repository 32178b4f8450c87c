//! A worker's reports.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::auth::tenant_scope::SystemReason;
use crate::base::page::PageRequest;
use crate::domain::jobs::claims::BuiltinQueue;
use crate::domain::jobs::lease::sweep_leases;
use crate::domain::jobs::queue::create;
use crate::domain::jobs::worker_reports::{Failure, fail, flush_progress, heartbeat, start};
use crate::domain::notifications;
use crate::protocol::job::JobStatus;
use crate::protocol::problem::Code;
use crate::protocol::worker::ClaimRequest;

fn failure(error: &str) -> Failure {
    Failure { error: error.to_owned(), stats: None }
}

#[tokio::test]
async fn a_job_goes_from_claim_to_completion() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    assert_eq!((claim.job.status, claim.lease_seconds), (JobStatus::Pending, 60));

    let started = start(&crawl.worker, &lease_of(&claim)).await.unwrap();
    crawl.progress(&claim, 3, 1).await.unwrap();
    crawl.find_listing(&claim.job, "a").await;
    crawl.find_listing(&claim.job, "a").await;
    let done = crawl.complete(&claim).await.unwrap();

    assert_eq!(started.status, JobStatus::Running);
    assert_eq!(done.status, JobStatus::Completed);
    assert_eq!(done.lease_expires_at, None);
    assert!(done.position.is_some());
    let emitted = ["job_queued", "job_started", "job_progress", "property_notification", "job_completed"];
    assert_eq!(crawl.emitted().await, emitted);
    let end = crawl.bodies().await.pop().unwrap();
    assert_eq!(end["total_items"], 1);
    assert_eq!(end["finish_reason"], "finished");
    assert_eq!(end["items_scraped"], 3);
}

#[tokio::test]
async fn a_report_of_work_implies_the_start() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;

    heartbeat(&crawl.worker, &lease_of(&claim)).await.unwrap();
    assert_eq!(crawl.get(id_of(&claim.job)).await.status, JobStatus::Pending);
    crawl.complete(&claim).await.unwrap();

    assert_eq!(crawl.emitted().await, ["job_queued", "job_started", "job_completed"]);
}

#[tokio::test]
async fn the_oldest_job_goes_first_and_to_one_worker_only() {
    let crawl = Crawl::new().await;
    let (first, second) = (crawl.job().await, crawl.job().await);

    let claimed = [crawl.claim().await, crawl.claim().await, crawl.claim().await];

    let ids = claimed.map(|claim| claim.map(|claim| claim.job.job_id));
    assert_eq!(ids, [Some(first.job_id), Some(second.job_id), None]);
}

#[tokio::test]
async fn a_claim_may_name_its_spiders() {
    let crawl = Crawl::new().await;
    crawl.job().await;
    let claim = async |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        claims::claim_now(&crawl.worker, Some(&names), LEASE).await.unwrap()
    };

    assert!(claim(&[]).await.is_none());
    assert!(claim(&["other"]).await.is_none());
    assert!(claim(&["other", EXTERNAL]).await.is_some());
}

#[tokio::test]
async fn an_end_may_be_reported_twice_but_not_another() {
    let crawl = Crawl::new().await;
    let (done, failed) = (crawl.claimed().await, crawl.claimed().await);
    let first = crawl.complete(&done).await.unwrap();
    fail(&crawl.worker, &lease_of(&failed), failure("site is down")).await.unwrap();
    let emitted = crawl.emitted().await;

    let again = crawl.complete(&done).await.unwrap();
    fail(&crawl.worker, &lease_of(&failed), failure("site is down")).await.unwrap();
    let other = fail(&crawl.worker, &lease_of(&done), failure("no")).await.unwrap_err();
    let late = crawl.progress(&done, 9, 9).await.unwrap_err();

    assert_eq!((first.status, again.status), (JobStatus::Completed, JobStatus::Completed));
    assert_eq!((other.code, late.code), (Code::LeaseLost, Code::LeaseLost));
    assert_eq!(crawl.emitted().await, emitted);
}

#[tokio::test]
async fn a_failure_is_emitted_and_alerts_its_owner_and_the_admins() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;

    fail(&crawl.worker, &lease_of(&claim), failure("site is down")).await.unwrap();

    assert_eq!(crawl.emitted().await, ["job_queued", "job_started", "job_failed", "error alert job_failed"]);
    let job = crawl.get(id_of(&claim.job)).await;
    assert_eq!((job.status, job.error.as_deref()), (JobStatus::Failed, Some("site is down")));
    let page = PageRequest { limit: 10, after: None };
    let kept = notifications::list(&crawl.member, page).await.unwrap();
    assert_eq!(kept.rows.len(), 1);
}

#[tokio::test]
async fn scrapys_stats_fill_in_what_the_report_leaves_out() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    let dump = json!({
        "item_scraped_count": 42, "response_received_count": 99, "finish_reason": "closespider_itemcount",
        "elapsed_time_seconds": 1.5,
    });
    let done = Completion { stats: stats(dump.clone()), ..Default::default() };

    complete(&crawl.worker, &lease_of(&claim), done).await.unwrap();

    let job = crawl.get(id_of(&claim.job)).await;
    assert_eq!((job.items_scraped, job.pages_crawled), (42, 99));
    assert_eq!(job.finish_reason.as_deref(), Some("closespider_itemcount"));
    assert_eq!(serde_json::to_value(job.stats).unwrap(), dump);
}

#[tokio::test]
async fn reports_that_are_too_large_or_make_no_sense_name_every_field() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    let large = stats(json!({ "log": "x".repeat(16 * 1024) }));
    let report = Progress { items_scraped: -1, pages_crawled: Some(-1), stats: large, sequence: -1 };

    let progressed = progress(&crawl.worker, &lease_of(&claim), report).await;
    let failed = fail(&crawl.worker, &lease_of(&claim), failure(&"x".repeat(4 * 1024 + 1))).await;

    assert_eq!(pointers(progressed), ["/items_scraped", "/pages_crawled", "/sequence", "/stats"]);
    assert_eq!(pointers(failed), ["/error"]);
    assert_eq!(crawl.get(id_of(&claim.job)).await.status, JobStatus::Pending);
}

#[tokio::test]
async fn a_run_without_listings_after_one_with_some_is_alerted_once() {
    let crawl = Crawl::new().await;
    let full = crawl.claimed().await;
    crawl.find_listing(&full.job, "a").await;
    crawl.complete(&full).await.unwrap();

    for _ in 0..2 {
        let empty = crawl.claimed().await;
        crawl.world.advance_ms(1_000);
        crawl.complete(&empty).await.unwrap();
    }

    let alerts: Vec<_> =
        crawl.emitted().await.into_iter().filter(|emitted| emitted.contains("alert")).collect();
    assert_eq!(alerts, ["warning alert no_items"]);
}

#[tokio::test]
async fn a_waiting_claim_is_woken_by_a_job_created_meanwhile() {
    let crawl = Crawl::new().await;
    let request = ClaimRequest { spiders: None, wait_seconds: Some(30) };
    let stop = CancellationToken::new();

    let waiting = claims::claim(&crawl.worker, &request, LEASE, &stop);
    let making = create(&crawl.member, new_job(EXTERNAL));
    // The clock does not move, so only a wake-up can end the wait.
    let (claimed, made) = tokio::join!(waiting, making);

    assert_eq!(claimed.unwrap().unwrap().job.job_id, made.unwrap().job_id);
}

#[tokio::test]
async fn a_claim_that_waited_in_vain_ends_with_none() {
    let crawl = Crawl::new().await;
    let request = ClaimRequest { spiders: None, wait_seconds: Some(2) };
    let stop = CancellationToken::new();
    let waiting = claims::claim(&crawl.worker, &request, LEASE, &stop);
    let time = async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
            crawl.world.advance_ms(100);
        }
    };

    let (claimed, ()) = tokio::join!(waiting, time);

    assert!(claimed.unwrap().is_none());
    let long = ClaimRequest { spiders: None, wait_seconds: Some(31) };
    assert_eq!(pointers(claims::claim(&crawl.worker, &long, LEASE, &stop).await), ["/wait_seconds"]);
}

#[tokio::test]
async fn the_builtin_crawler_serves_tenants_round_robin() {
    let crawl = Crawl::new().await;
    let other = crawl.world.another_tenant().await;
    let stranger = crawl.world.user_in(other, "eve", Role::Member).await;
    let auto = || NewJob { target_urls: Some(vec!["https://a.example/".to_owned()]), ..new_job("auto") };
    for _ in 0..3 {
        create(&crawl.member, auto()).await.unwrap();
    }
    create(&stranger, auto()).await.unwrap();
    let system = Op::of_system(&crawl.world.services, SystemReason::Crawl, crawl.world.tenant);
    let mut queue = BuiltinQueue::new(crawl.world.services.clone(), LEASE);

    // A tenant that ends its jobs at once has none running, and still the other one is served next.
    let (_, first) = queue.claim(|_| true).await.unwrap().unwrap();
    complete(&system, &lease_of(&first), Completion::default()).await.unwrap();
    let mut tenants = Vec::new();
    while let Some((tenant, _)) = queue.claim(|_| true).await.unwrap() {
        tenants.push(tenant);
    }

    assert_eq!(tenants, [other, crawl.world.tenant, crawl.world.tenant]);
    assert!(!queue.has_backlog());
}

#[tokio::test]
async fn a_tenant_that_may_open_no_job_here_leaves_the_crawler_to_others() {
    let crawl = Crawl::new().await;
    let other = crawl.world.another_tenant().await;
    let stranger = crawl.world.user_in(other, "eve", Role::Member).await;
    let auto = || NewJob { target_urls: Some(vec!["https://a.example/".to_owned()]), ..new_job("auto") };
    create(&crawl.member, auto()).await.unwrap();
    create(&stranger, auto()).await.unwrap();
    let mut queue = BuiltinQueue::new(crawl.world.services.clone(), LEASE);
    let only_other = |tenant| tenant == other;

    assert_eq!(queue.claim(only_other).await.unwrap().map(|(tenant, _)| tenant), Some(other));
    assert!(queue.claim(only_other).await.unwrap().is_none());
    assert!(queue.has_backlog());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_at_once_share_the_jobs_and_each_runs_once() {
    const JOBS: usize = 12;
    let crawl = Crawl::new().await;
    for _ in 0..JOBS {
        crawl.job().await;
    }
    let work = async || {
        let mut done = Vec::new();
        while let Some(claim) = crawl.claim().await {
            crawl.find_listing(&claim.job, "shared").await;
            crawl.progress(&claim, 1, 1).await.unwrap();
            crawl.progress(&claim, 2, 2).await.unwrap();
            flush_progress(&crawl.world.services).await.unwrap();
            sweep_leases(&crawl.world.services).await.unwrap();
            crawl.complete(&claim).await.unwrap();
            done.push(claim.job.job_id);
        }
        done
    };

    let done = tokio::join!(work(), work(), work(), work());

    let mut ids = [done.0, done.1, done.2, done.3].concat();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), JOBS);
    let emitted = crawl.emitted().await;
    assert_eq!(emitted.iter().filter(|emitted| *emitted == "job_completed").count(), JOBS);
}

#[tokio::test]
async fn a_server_that_goes_down_ends_the_wait() {
    let crawl = Crawl::new().await;
    let request = ClaimRequest { spiders: None, wait_seconds: Some(30) };
    let stop = CancellationToken::new();

    let waiting = claims::claim(&crawl.worker, &request, LEASE, &stop);
    let (claimed, ()) = tokio::join!(waiting, async { stop.cancel() });

    assert!(claimed.unwrap().is_none());
}
