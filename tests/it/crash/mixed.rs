//! Kills under mixed load: writers of every kind, readers on three carriers, two tenants.

use std::time::Duration;

use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use lotline::base::failpoint::Failpoint;

use super::rounds;
use crate::load::{Cast, Node, Run};
use crate::support::app::Back;
use crate::support::wait::a_moment;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_mixed_load_lose_nothing_on_sqlite() {
    kills_under_mixed_load(Back::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_mixed_load_lose_nothing_on_postgresql() {
    kills_under_mixed_load(Back::Postgres).await;
}

/// Where one life of the node ends.
enum End {
    /// After so many more acknowledged writes, and a little.
    Sometime { writes: u64, then: Duration },
    /// At a named place, when it is passed for the nth time.
    At(Failpoint, u64),
}

async fn kills_under_mixed_load(back: Back) {
    let rounds = rounds(10);
    let mut node = Node::prepare(back, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Cast::of(&node);
    node.start(&[]);
    let mut run = Run::begin(node, cast).await;

    for round in 0..rounds {
        run.hears(5).await;
        match end_of(round) {
            End::Sometime { writes, then } => {
                run.hears(writes).await;
                Clock::system().sleep(then).await;
                run.node.kill();
            }
            End::At(point, pass) => {
                run.node.kill();
                run.node.start(&[("LOTLINE_FAILPOINT", &format!("{}:{pass}", point.name()))]);
                // Readers that have caught up read no more pages, and the place may be one that only a page passes.
                let asks = asks_for_pages(&run);
                tokio::select! {
                    () = run.node.ends() => {}
                    () = asks => {}
                }
            }
        }
        run.node.start(&[]);
    }

    let ended = run.end().await;
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

/// Reads a page of the log, again and again.
fn asks_for_pages(run: &Run) -> impl Future<Output = ()> + use<> {
    let (node, token) = (run.node.whereabouts(), run.cast.companies[0].admin.clone());
    let path = format!("/api/v1/events?since={}&limit=1", run.starts[0]);
    async move {
        loop {
            // The answer may be lost with the process.
            let _ = node.get(&token, &path).await;
            a_moment().await;
        }
    }
}

/// By turns at a moment and at a place; each place comes up in the first ten rounds.
fn end_of(round: u64) -> End {
    // A broadcast to all tenants comes three times a second.
    let places = [
        (Failpoint::CommitBefore, 30),
        (Failpoint::CommitAfter, 30),
        (Failpoint::ReplayPage, 8),
        (Failpoint::PlatformBroadcast, 2),
        (Failpoint::CommitAfter, 5),
    ];
    if round.is_multiple_of(2) {
        let writes = 1 + Entropy.below(60);
        return End::Sometime { writes, then: Duration::from_micros(Entropy.below(15_000)) };
    }
    let (place, passes) = places[usize::try_from(round / 2).unwrap() % places.len()];
    End::At(place, 1 + Entropy.below(passes))
}
