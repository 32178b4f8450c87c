//! Readers that go from carrier to carrier at whatever position they have come to, in replays and live, under writers of
//! every kind: the judge sees one reader who missed nothing and saw nothing twice.
#![expect(clippy::print_stderr, reason = "a run of chance says what it has seen")]

use crate::load::{Cast, Habit, Node, Run};
use crate::support::app::Back;

/// Writes that are acknowledged before it ends.
const WRITES: u64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changes_carriers_at_any_position_misses_nothing_on_sqlite() {
    wander(Back::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changes_carriers_at_any_position_misses_nothing_on_postgresql() {
    wander(Back::Postgres).await;
}

async fn wander(back: Back) {
    let mut node = Node::prepare(back, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Cast::of(&node);
    node.start(&[]);
    let run = Run::begin_with(node, cast, Habit::Wanders).await;

    run.hears(WRITES).await;
    let ended = run.end().await;

    ended.assert_clean();
    assert!(ended.cuts >= 60, "readers changed their carrier {} times", ended.cuts);
    eprintln!("{back:?}: {} events, {} changes of carrier, no faults", ended.entries(), ended.cuts);
    ended.node.remove().await;
}
