//! Claims that wait: how many may, and how often they query.

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::base::clock::Clock;
use crate::base::ids::TenantId;
use crate::domain::jobs::queue::create;
use crate::domain::jobs::settings::JobSettings;
use crate::domain::spiders;
use crate::protocol::problem::Code;
use crate::protocol::worker::ClaimRequest;

const WAIT: ClaimRequest = ClaimRequest { spiders: None, wait_seconds: Some(30) };
/// Deadline of all waits.
const DEADLINE: Duration = Duration::from_secs(20);

/// Drives waiting claims until `settled` holds; returns those that have ended.
async fn drive<F: Future>(claims: &mut FuturesUnordered<F>, settled: impl Fn() -> bool) -> Vec<F::Output> {
    let (mut ended, machine) = (Vec::new(), Clock::system());
    let driving = async {
        while !settled() {
            tokio::select! {
                Some(claim) = claims.next() => ended.push(claim),
                () = machine.sleep(Duration::from_millis(1)) => {}
            }
        }
    };
    tokio::time::timeout(DEADLINE, driving).await.unwrap();
    ended
}

/// Gives a claim that was woken by mistake the time to query.
async fn drive_a_while<F: Future>(claims: &mut FuturesUnordered<F>) -> usize {
    let (mut ended, machine) = (0, Clock::system());
    let mut a_while = pin!(machine.sleep(Duration::from_millis(100)));
    loop {
        tokio::select! {
            Some(_) = claims.next() => ended += 1,
            () = &mut a_while => return ended,
        }
    }
}

/// A tenant beside acme, with a spider, a member and a worker.
async fn neighbour(crawl: &Crawl) -> (TenantId, Op, Op) {
    let other = crawl.world.another_tenant().await;
    let admin = crawl.world.user_in(other, "eve", Role::Admin).await;
    let spider = NewSpider {
        name: EXTERNAL.to_owned(),
        runner: Runner::External,
        start_urls: Some(vec!["https://portal.example.com/".to_owned()]),
        ..NewSpider::default()
    };
    spiders::create(&admin, spider).await.unwrap();
    (other, admin, crawl.world.key_in(other, "kim", &SCOPES).await)
}

#[tokio::test]
async fn a_job_costs_one_look_of_one_claim_of_its_tenant() {
    let crawl = Crawl::new().await;
    let (other, _, neighbour) = neighbour(&crawl).await;
    let (services, stop) = (&crawl.world.services, CancellationToken::new());
    let claims = (0..30).map(|_| claims::claim(&crawl.worker, &WAIT, LEASE, &stop));
    let mut claims: FuturesUnordered<_> =
        claims.chain((0..5).map(|_| claims::claim(&neighbour, &WAIT, LEASE, &stop))).collect();
    let waiting = |tenant| services.wakeups.waiting(tenant);
    drive(&mut claims, || waiting(crawl.world.tenant) == 30 && waiting(other) == 5).await;
    drive_a_while(&mut claims).await;

    let before = services.db.transactions();
    create(&crawl.member, new_job(EXTERNAL)).await.unwrap();
    let made = services.db.transactions();
    let claimed = drive(&mut claims, || waiting(crawl.world.tenant) == 29).await;
    assert_eq!(drive_a_while(&mut claims).await, 1 - claimed.len());

    // One claim queries, and takes the job in a transaction of its own.
    assert_eq!(services.db.transactions() - made, 2);
    assert!(made - before <= 2, "{}", made - before);
    assert_eq!(waiting(other), 5);
}

#[tokio::test]
async fn a_job_of_another_node_is_found_by_one_look_for_all_claims() {
    let crawl = Crawl::new().await;
    let (services, stop) = (&crawl.world.services, CancellationToken::new());
    let mut elsewhere = crawl.member.clone();
    elsewhere.services = crawl.world.restarted().await;
    let mut claims: FuturesUnordered<_> =
        (0..30).map(|_| claims::claim(&crawl.worker, &WAIT, LEASE, &stop)).collect();
    let waiting = || services.wakeups.waiting(crawl.world.tenant);
    drive(&mut claims, || waiting() == 30).await;
    drive_a_while(&mut claims).await;
    let before = services.db.transactions();

    crawl.world.advance_ms(1_250);
    drive_a_while(&mut claims).await;
    assert_eq!(services.db.transactions() - before, 1, "one look of one for all thirty");

    create(&elsewhere, new_job(EXTERNAL)).await.unwrap();
    drive_a_while(&mut claims).await;
    assert_eq!(waiting(), 30, "nobody here was told");
    crawl.world.advance_ms(1_250);
    drive(&mut claims, || waiting() == 29).await;
    // The poll for all, the query of the one, and its transaction.
    assert_eq!(services.db.transactions() - before, 4);
}

#[tokio::test]
async fn of_three_thousand_waiting_claims_of_a_key_most_are_refused_and_a_neighbour_is_served() {
    let crawl = Crawl::new().await;
    let (other, admin, neighbour) = neighbour(&crawl).await;
    let (services, stop) = (&crawl.world.services, CancellationToken::new());
    let most = JobSettings::default().waiting_claims_per_key;
    let mut flood: FuturesUnordered<_> =
        (0..3_000).map(|_| claims::claim(&crawl.worker, &WAIT, LEASE, &stop)).collect();

    let mut refused = Vec::new();
    while refused.len() < 3_000 - most {
        refused.push(tokio::time::timeout(DEADLINE, flood.next()).await.unwrap().unwrap());
    }

    for answer in refused {
        let problem = answer.unwrap_err();
        assert_eq!((problem.code, problem.retry_after), (Code::RateLimited, Some(5)));
    }
    assert_eq!(services.wakeups.waiting(crawl.world.tenant), most);
    let mut served: FuturesUnordered<_> =
        [claims::claim(&neighbour, &WAIT, LEASE, &stop)].into_iter().collect();
    drive(&mut served, || services.wakeups.waiting(other) == 1).await;
    create(&admin, new_job(EXTERNAL)).await.unwrap();
    assert!(served.next().await.unwrap().unwrap().is_some());
    // A job that is available is taken even if no further claim may wait.
    drop(flood);
    crawl.job().await;
    assert!(claims::claim(&crawl.worker, &WAIT, LEASE, &stop).await.unwrap().is_some());
}

#[tokio::test]
async fn waiting_claims_are_bounded_per_tenant_and_freed_on_drop() {
    let mut crawl = Crawl::new().await;
    crawl.world.services.job_settings =
        JobSettings { waiting_claims_per_key: 2, waiting_claims_per_tenant: 3, ..JobSettings::default() };
    let stop = CancellationToken::new();
    let keys = [
        crawl.world.key("cid", &SCOPES).await,
        crawl.world.key("dan", &SCOPES).await,
        crawl.world.key("eli", &SCOPES).await,
    ];
    let mut claims: FuturesUnordered<_> =
        [0, 0, 1].into_iter().map(|key: usize| claims::claim(&keys[key], &WAIT, LEASE, &stop)).collect();
    let waiting = || crawl.world.services.wakeups.waiting(crawl.world.tenant);
    drive(&mut claims, || waiting() == 3).await;

    let others = async {
        for (key, words) in [(0, "2 claims of this key"), (2, "3 claims of your tenant")] {
            let refused = claims::claim(&keys[key], &WAIT, LEASE, &stop).await.unwrap_err();
            assert!(refused.detail.contains(words), "{}", refused.detail);
        }
        // A worker that does not wait is not affected.
        assert!(claims::claim(&keys[2], &ClaimRequest::default(), LEASE, &stop).await.unwrap().is_none());
    };
    // The waiting claims are driven meanwhile, as in a server: one of them may hold the permit that the others need.
    tokio::select! {
        () = others => {}
        ended = claims.next() => panic!("a claim ended: {ended:?}"),
    }
    drop(claims);
    assert_eq!(waiting(), 0);
}
