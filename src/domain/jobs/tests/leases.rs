//! Workers that go silent.

use super::*;
use crate::domain::jobs::cancel::cancel;
use crate::domain::jobs::heartbeat::heartbeat;
use crate::domain::jobs::retry::retry;
use crate::domain::jobs::sweep::sweep_leases;
use crate::protocol::job::JobStatus;
use crate::protocol::problem::Code;

#[tokio::test]
async fn a_lease_that_ended_is_worth_nothing_even_before_the_sweep() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;

    crawl.world.pass_ms(60_000);

    assert_eq!(crawl.complete(&claim).await.unwrap_err().code, Code::LeaseLost);
    let made_up = Lease { token: "made up", ..lease_of(&claim) };
    assert_eq!(heartbeat(&crawl.worker, &made_up).await.unwrap_err().code, Code::LeaseLost);
}

#[tokio::test]
async fn every_report_makes_the_lease_last() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;

    for sequence in 1..=4 {
        crawl.world.pass_ms(59_000);
        assert_eq!(sweep_leases(&crawl.world.kernel).await.unwrap(), 0);
        if sequence % 2 == 0 {
            heartbeat(&crawl.worker, &lease_of(&claim)).await.unwrap();
        } else {
            crawl.progress(&claim, sequence, 1).await.unwrap();
        }
    }

    crawl.complete(&claim).await.unwrap();
}

#[tokio::test]
async fn a_silent_workers_job_runs_again_and_is_given_up_after_three_executions() {
    let crawl = Crawl::new().await;
    let lost = crawl.claimed().await;
    crawl.progress(&lost, 5, 1).await.unwrap();
    crawl.progress(&lost, 6, 2).await.unwrap();
    crawl.world.pass_ms(60_000);
    assert_eq!(sweep_leases(&crawl.world.kernel).await.unwrap(), 1);
    assert_eq!(sweep_leases(&crawl.world.kernel).await.unwrap(), 0);

    let job = crawl.see(id_of(&lost.job)).await;
    assert_eq!((job.status, job.attempt, job.items_scraped), (JobStatus::Pending, 2, 0));
    assert_eq!(crawl.complete(&lost).await.unwrap_err().code, Code::LeaseLost);
    for _ in 0..2 {
        crawl.claim().await.unwrap();
        crawl.world.pass_ms(60_000);
        sweep_leases(&crawl.world.kernel).await.unwrap();
    }

    let job = crawl.see(id_of(&lost.job)).await;
    assert_eq!((job.status, job.attempt, job.error.as_deref()), (JobStatus::Failed, 3, Some("worker_lost")));
    let told = [
        "job_queued",
        "job_started",
        "job_progress",
        "job_progress",
        "job_queued",
        "warning alert worker_lost",
        "job_queued",
        "warning alert worker_lost",
        "job_failed",
        "error alert job_failed",
    ];
    assert_eq!(crawl.told().await, told);

    // A person's retry has three executions before it again.
    retry(&crawl.member, id_of(&lost.job)).await.unwrap();
    crawl.claim().await.unwrap();
    crawl.world.pass_ms(60_000);
    sweep_leases(&crawl.world.kernel).await.unwrap();
    assert_eq!(crawl.see(id_of(&lost.job)).await.status, JobStatus::Pending);
}

#[tokio::test]
async fn a_job_that_shall_stop_is_cancelled_when_its_lease_ends() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.progress(&claim, 1, 1).await.unwrap();
    cancel(&crawl.member, id_of(&claim.job)).await.unwrap();

    crawl.world.pass_ms(60_000);
    sweep_leases(&crawl.world.kernel).await.unwrap();

    assert_eq!(crawl.see(id_of(&claim.job)).await.status, JobStatus::Cancelled);
    assert_eq!(crawl.told().await.last().unwrap(), "job_cancelled");
}
