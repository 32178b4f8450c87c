//! PostgreSQL hangs, then restarts: open sockets stay, and writes succeed again when it is back.

use std::time::Duration;

use lotline::base::clock::Clock;

use super::full_disk::assert_refusals;
use super::postgres_server::PostgresServer;
use crate::load::{Accounts, Node, Run};
use crate::support::postgres::TestDatabase;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_that_freezes_and_restarts_loses_nothing() {
    let postgres = PostgresServer::start();
    let database = TestDatabase::migrated_on(postgres.superuser()).await;
    let mut node = Node::on(Some(database), &[("LOTLINE__CRAWLER__ENABLED", "false")]);
    let cast = Accounts::create(&node);
    node.start(&[]);
    let run = Run::start(node, cast).await;
    run.wait_for_acknowledged(50).await;

    postgres.freeze();
    // Long enough for every writer to hang in the middle of a write.
    Clock::system().sleep(Duration::from_secs(1)).await;
    postgres.thaw();
    run.wait_for_acknowledged(50).await;

    postgres.shut_down();
    run.wait_for_refused(503, 3).await;
    postgres.resume();
    run.wait_for_acknowledged(100).await;

    let ended = run.finish().await;
    ended.assert_clean();
    assert_refusals(&ended, &[503]);
    ended.node.remove().await;
}
