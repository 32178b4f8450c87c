//! PostgreSQL stands still, then restarts: open sockets stay, and writes go on when it is back.

use std::time::Duration;

use lotline::base::clock::Clock;

use super::full_disk::assert_words;
use super::postgres_server::PostgresServer;
use crate::load::{Cast, Node, Run};
use crate::support::postgres::TestDatabase;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_that_stands_still_and_restarts_loses_nothing() {
    let postgres = PostgresServer::start();
    let database = TestDatabase::migrated_on(postgres.superuser()).await;
    let mut node = Node::on(Some(database), &[("LOTLINE__CRAWLER__ENABLED", "false")]);
    let cast = Cast::of(&node);
    node.start(&[]);
    let run = Run::begin(node, cast).await;
    run.hears(50).await;

    postgres.freeze();
    // Long enough for every writer to hang in mid-write.
    Clock::system().sleep(Duration::from_secs(1)).await;
    postgres.thaw();
    run.hears(50).await;

    postgres.shut_down();
    run.hears_refused(503, 3).await;
    postgres.resume();
    run.hears(100).await;

    let ended = run.end().await;
    ended.assert_clean();
    assert_words(&ended, &[503]);
    ended.node.remove().await;
}
