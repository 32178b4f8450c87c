//! Workers that go silent.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::base::clock::Clock;
use crate::domain::jobs::claims::BuiltinQueue;
use crate::domain::jobs::lease::sweep_leases;
use crate::domain::jobs::queue::{cancel, create, retry};
use crate::domain::jobs::worker_reports::{heartbeat, release, start};
use crate::protocol::job::JobStatus;
use crate::protocol::problem::Code;
use crate::protocol::worker::ClaimRequest;

#[tokio::test]
async fn a_lease_that_ended_is_worth_nothing_even_before_the_sweep() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;

    crawl.world.advance_ms(60_000);

    assert_eq!(crawl.complete(&claim).await.unwrap_err().code, Code::LeaseLost);
    let made_up = Lease { token: "made up", ..lease_of(&claim) };
    assert_eq!(heartbeat(&crawl.worker, &made_up).await.unwrap_err().code, Code::LeaseLost);
}

#[tokio::test]
async fn every_report_makes_the_lease_last() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;

    for sequence in 1..=4 {
        crawl.world.advance_ms(59_000);
        assert_eq!(sweep_leases(&crawl.world.services).await.unwrap(), 0);
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
    crawl.world.advance_ms(60_000);
    assert_eq!(sweep_leases(&crawl.world.services).await.unwrap(), 1);
    assert_eq!(sweep_leases(&crawl.world.services).await.unwrap(), 0);

    let job = crawl.get(id_of(&lost.job)).await;
    assert_eq!((job.status, job.attempt, job.items_scraped), (JobStatus::Pending, 2, 0));
    assert_eq!(crawl.complete(&lost).await.unwrap_err().code, Code::LeaseLost);
    for pause in [10, 20] {
        crawl.world.advance_ms(1_000 * (pause + PRECEDENCE));
        crawl.claim().await.unwrap();
        crawl.world.advance_ms(60_000);
        sweep_leases(&crawl.world.services).await.unwrap();
    }

    let job = crawl.get(id_of(&lost.job)).await;
    assert_eq!((job.status, job.attempt, job.error.as_deref()), (JobStatus::Failed, 3, Some("worker_lost")));
    let emitted = [
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
    assert_eq!(crawl.emitted().await, emitted);

    // A user's retry has all three executions again.
    retry(&crawl.member, id_of(&lost.job)).await.unwrap();
    crawl.claim().await.unwrap();
    crawl.world.advance_ms(60_000);
    sweep_leases(&crawl.world.services).await.unwrap();
    assert_eq!(crawl.get(id_of(&lost.job)).await.status, JobStatus::Pending);
}

#[tokio::test]
async fn a_job_that_shall_stop_is_cancelled_when_its_lease_ends() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    crawl.progress(&claim, 1, 1).await.unwrap();
    cancel(&crawl.member, id_of(&claim.job)).await.unwrap();

    crawl.world.advance_ms(60_000);
    sweep_leases(&crawl.world.services).await.unwrap();

    assert_eq!(crawl.get(id_of(&claim.job)).await.status, JobStatus::Cancelled);
    assert_eq!(crawl.emitted().await.last().unwrap(), "job_cancelled");
}

/// Seconds that the worker that lost a job waits longer than others.
const PRECEDENCE: u64 = 5;

impl Crawl {
    /// A worker takes the job and goes silent.
    async fn loses(&self) {
        self.claim().await.unwrap();
        self.world.advance_ms(60_000);
        assert_eq!(sweep_leases(&self.world.services).await.unwrap(), 1);
    }

    /// Seconds until a worker gets the job, in steps of a half.
    async fn seconds_until_claimed(&self, worker: &Op) -> f64 {
        for half in 0..200 {
            if claims::claim_now(worker, None, LEASE).await.unwrap().is_some() {
                return f64::from(half) / 2.0;
            }
            self.world.advance_ms(500);
        }
        f64::INFINITY
    }
}

#[tokio::test]
async fn a_lost_job_pauses_twice_as_long_after_each_loss_and_begins_anew_with_a_retry() {
    let crawl = Crawl::new().await;
    let another = crawl.world.key("cid", &SCOPES).await;
    let job = crawl.job().await;

    crawl.loses().await;
    assert_eq!(crawl.seconds_until_claimed(&another).await, 10.0);
    crawl.world.advance_ms(60_000);
    sweep_leases(&crawl.world.services).await.unwrap();
    assert_eq!(crawl.seconds_until_claimed(&crawl.worker).await, 20.0);
    crawl.world.advance_ms(60_000);
    sweep_leases(&crawl.world.services).await.unwrap();
    assert_eq!(crawl.get(id_of(&job)).await.status, JobStatus::Failed);

    retry(&crawl.member, id_of(&job)).await.unwrap();
    assert_eq!(crawl.seconds_until_claimed(&crawl.worker).await, 0.0);
}

#[tokio::test]
async fn who_lost_a_job_leaves_it_to_another_first_and_takes_it_where_there_is_none() {
    let crawl = Crawl::new().await;
    let another = crawl.world.key("cid", &SCOPES).await;
    crawl.job().await;
    crawl.loses().await;

    crawl.world.advance_ms(10_000);
    assert!(crawl.claim().await.is_none());
    assert!(claims::claim_now(&another, None, LEASE).await.unwrap().is_some());

    let alone = Crawl::new().await;
    alone.job().await;
    alone.loses().await;
    assert_eq!(alone.seconds_until_claimed(&alone.worker).await, 15.0);
}

#[tokio::test]
async fn a_pause_outlasts_a_restart_and_a_job_in_it_can_be_cancelled() {
    let crawl = Crawl::new().await;
    let job = crawl.job().await;
    crawl.loses().await;
    let mut worker = crawl.worker.clone();
    worker.services = crawl.world.restarted().await;

    crawl.world.advance_ms(9_999);
    assert!(claims::claim_now(&worker, None, LEASE).await.unwrap().is_none());

    assert_eq!(cancel(&crawl.member, id_of(&job)).await.unwrap().status, JobStatus::Cancelled);
}

#[tokio::test]
async fn a_job_that_is_handed_back_is_free_at_once_also_for_the_same_worker() {
    let crawl = Crawl::new().await;
    let claim = crawl.claimed().await;
    let job = id_of(&claim.job);

    release(&crawl.worker, &lease_of(&claim)).await.unwrap();
    assert!(crawl.claim().await.is_some());
    assert_eq!(crawl.get(job).await.attempt, 1);
}

#[tokio::test]
async fn the_crawler_of_the_node_that_lost_a_job_leaves_it_to_another_node_first() {
    let crawl = Crawl::new().await;
    let auto = NewJob { target_urls: Some(vec!["https://a.example/".to_owned()]), ..new_job("auto") };
    create(&crawl.member, auto).await.unwrap();
    let mut here = BuiltinQueue::new(crawl.world.services.clone(), LEASE);
    let mut there = BuiltinQueue::new(crawl.world.restarted().await, LEASE);
    assert!(here.claim(|_| true).await.unwrap().is_some());
    crawl.world.advance_ms(60_000);
    sweep_leases(&crawl.world.services).await.unwrap();

    crawl.world.advance_ms(9_999);
    assert!(there.claim(|_| true).await.unwrap().is_none());
    crawl.world.advance_ms(1);
    assert!(here.claim(|_| true).await.unwrap().is_none());
    assert!(there.claim(|_| true).await.unwrap().is_some());

    crawl.world.advance_ms(60_000);
    sweep_leases(&crawl.world.services).await.unwrap();
    crawl.world.advance_ms(20_000);
    assert!(here.claim(|_| true).await.unwrap().is_some());
}

#[tokio::test]
async fn a_waiting_claim_gets_a_lost_job_when_its_pause_is_over() {
    let crawl = Crawl::new().await;
    let another = crawl.world.key("cid", &SCOPES).await;
    let job = crawl.job().await;
    crawl.loses().await;
    let request = ClaimRequest { spiders: None, wait_seconds: Some(30) };
    let stop = CancellationToken::new();

    let (loser, winner) = (
        claims::claim(&crawl.worker, &request, LEASE, &stop),
        claims::claim(&another, &request, LEASE, &stop),
    );
    let began = crawl.world.services.clock.now();
    let mut taken_after = None;
    let time = async {
        while taken_after.is_none() {
            Clock::system().sleep(Duration::from_millis(2)).await;
            crawl.world.advance_ms(100);
            let taken = crawl.get(id_of(&job)).await.status == JobStatus::Running;
            taken_after = taken.then(|| crawl.world.services.clock.now() - began);
        }
        stop.cancel();
    };
    let start_it = async {
        let claim = winner.await.unwrap().unwrap();
        start(&another, &lease_of(&claim)).await.unwrap();
    };
    let (loser, (), ()) = tokio::join!(loser, start_it, time);

    assert!(loser.unwrap().is_none());
    assert!(taken_after.unwrap() >= chrono::TimeDelta::seconds(10), "{taken_after:?}");
    assert!(taken_after.unwrap() < chrono::TimeDelta::seconds(15), "{taken_after:?}");
}
