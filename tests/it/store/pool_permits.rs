//! A permit for a PostgreSQL connection is held until its statement has ended, even if its caller was dropped.

use futures_util::FutureExt;
use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use lotline::base::ids::TenantId;
use lotline::storage::{Database, events};
use sea_orm::{ConnectionTrait, TransactionTrait};

use super::database_identity::pool_settings;
use super::tables::{fill, number};
use crate::support::postgres::TestDatabase;
use crate::support::wait::{eventually, within};

const WAITING_FOR_A_LOCK: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn the_permit_of_a_dropped_statement_is_held_until_the_server_has_ended_it() {
    let database = TestDatabase::migrated().await;
    let (locker, watcher) = (database.as_superuser().await, database.as_superuser().await);
    fill(&watcher, 1).await;
    let db = Database::open(&pool_settings(&database, &database.name)).await.unwrap();
    let scope = TenantScope::for_system(SystemReason::Demo, TenantId(1));
    let lock = locker.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE tenant_logs IN ACCESS EXCLUSIVE MODE").await.unwrap();
    // One of the two permits; the statement has the other.
    let idle = db.tenant(&scope).read().await.unwrap();
    let reading = db.tenant(&scope).read().await.unwrap();
    let mut statement = async move { events::log(&reading).await.map(|log| log.head) }.boxed();
    tokio::select! {
        _ = &mut statement => panic!("the table is locked"),
        () = eventually("the statement to run", async || number(&watcher, WAITING_FOR_A_LOCK).await == 1) => {}
    }
    let mut next = db.tenant(&scope).read().boxed();
    assert!((&mut next).now_or_never().is_none());
    assert_eq!(db.transactions_waiting(), 1);

    drop(statement);

    // Meanwhile the task that ends the transaction runs.
    for _ in 0..10 {
        assert_eq!(number(&watcher, WAITING_FOR_A_LOCK).await, 1, "the server goes on with the statement");
        assert_eq!(db.transactions_waiting(), 1, "the turn came before the statement had ended");
    }
    lock.rollback().await.unwrap();
    let granted = within("the turn", next).await.unwrap();
    drop((idle, granted));
    db.close().await.unwrap();
    for connection in [locker, watcher] {
        connection.close().await.unwrap();
    }
    database.remove().await;
}
