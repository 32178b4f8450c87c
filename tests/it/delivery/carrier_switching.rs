//! Readers that switch carriers at arbitrary positions, in replays and live, under writers of every kind: to the
//! checker each is one reader that missed no event and saw none twice.
#![expect(clippy::print_stderr, reason = "a run of chance says what it has seen")]

use crate::load::{Accounts, Node, Run, SwitchPolicy};
use crate::support::app::Backend;

/// The number of acknowledged writes after which the test ends.
const WRITES: u64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_switches_carriers_at_any_position_misses_nothing_on_sqlite() {
    switch_carriers(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_switches_carriers_at_any_position_misses_nothing_on_postgresql() {
    switch_carriers(Backend::Postgres).await;
}

async fn switch_carriers(back: Backend) {
    let mut node = Node::prepare(back, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    node.start(&[]);
    let run = Run::start_with(node, cast, SwitchPolicy::Random).await;

    run.wait_for_acknowledged(WRITES).await;
    let ended = run.finish().await;

    ended.assert_clean();
    assert!(ended.cuts >= 60, "readers changed their carrier {} times", ended.cuts);
    eprintln!("{back:?}: {} events, {} changes of carrier, no faults", ended.entries(), ended.cuts);
    ended.node.remove().await;
}
