//! Kills under mixed load: writers of every kind, readers on three carriers, two tenants.

use std::time::Duration;

use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use lotline::base::failpoint::Failpoint;

use super::rounds;
use crate::load::{Accounts, Node, Run};
use crate::support::app::Backend;
use crate::support::wait::sleep_briefly;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_mixed_load_lose_nothing_on_sqlite() {
    kills_under_mixed_load(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_mixed_load_lose_nothing_on_postgresql() {
    kills_under_mixed_load(Backend::Postgres).await;
}

/// When one run of the node ends.
enum KillPoint {
    /// After `writes` more acknowledged writes and the delay `then`.
    AfterWrites { writes: u64, then: Duration },
    /// At the nth time that a failpoint is reached.
    AtFailpoint(Failpoint, u64),
}

async fn kills_under_mixed_load(back: Backend) {
    let rounds = rounds(10);
    let mut node = Node::prepare(back, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    node.start(&[]);
    let mut run = Run::start(node, cast).await;

    for round in 0..rounds {
        run.wait_for_acknowledged(5).await;
        match end_of(round) {
            KillPoint::AfterWrites { writes, then } => {
                run.wait_for_acknowledged(writes).await;
                Clock::system().sleep(then).await;
                run.node.kill();
            }
            KillPoint::AtFailpoint(point, pass) => {
                run.node.kill();
                run.node.start(&[("LOTLINE_FAILPOINT", &format!("{}:{pass}", point.name()))]);
                // Readers that have caught up read no more pages, but the failpoint may need a page to be read.
                let asks = asks_for_pages(&run);
                tokio::select! {
                    () = run.node.wait_for_exit() => {}
                    () = asks => {}
                }
            }
        }
        run.node.start(&[]);
    }

    let ended = run.finish().await;
    ended.assert_clean();
    assert!(ended.cuts >= rounds, "readers were cut {} times", ended.cuts);
    assert!(ended.acknowledged > rounds * 5, "{} writes were acknowledged", ended.acknowledged);
    let (entries, acknowledged, cuts) = (ended.entries(), ended.acknowledged, ended.cuts);
    eprintln!(
        "{back:?}, {rounds} kills: {entries} events in the logs, {acknowledged} acknowledged writes, \
         readers cut {cuts} times, no faults"
    );
    ended.node.remove().await;
}

/// Reads a page of the log repeatedly.
fn asks_for_pages(run: &Run) -> impl Future<Output = ()> + use<> {
    let (node, token) = (run.node.client(), run.cast.tenants[0].admin.clone());
    let path = format!("/api/v1/events?since={}&limit=1", run.starts[0]);
    async move {
        loop {
            // The answer may be lost with the process.
            let _ = node.get(&token, &path).await;
            sleep_briefly().await;
        }
    }
}

/// Alternates between a moment and a failpoint; each failpoint is used in the first ten rounds.
fn end_of(round: u64) -> KillPoint {
    // There are three broadcasts to all tenants per second.
    let places = [
        (Failpoint::CommitBefore, 30),
        (Failpoint::CommitAfter, 30),
        (Failpoint::ReplayPage, 8),
        (Failpoint::PlatformBroadcast, 2),
        (Failpoint::CommitAfter, 5),
    ];
    if round.is_multiple_of(2) {
        let writes = 1 + Entropy.below(60);
        return KillPoint::AfterWrites { writes, then: Duration::from_micros(Entropy.below(15_000)) };
    }
    let (place, passes) = places[usize::try_from(round / 2).unwrap() % places.len()];
    KillPoint::AtFailpoint(place, 1 + Entropy.below(passes))
}
