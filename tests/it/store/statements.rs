//! On PostgreSQL a tenant's read statements have a timeout.

use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::support::app::TestApp;
use crate::support::settings::Setting;

const SHORT: &[Setting] = &[("LOTLINE__DATABASE__STATEMENT_SECONDS", "2")];

mod postgres {
    crate::support::on_one_database!(
        Postgres,
        a_search_that_takes_longer_than_it_may_is_ended_and_the_next_is_answered,
        super::SHORT
    );
}

async fn a_search_that_takes_longer_than_it_may_is_ended_and_the_next_is_answered(app: &TestApp) {
    let ann = app.admin("ann").await;
    let locker = app.raw_database().await;
    let lock = locker.begin().await.unwrap();
    lock.execute_unprepared("LOCK TABLE properties IN ACCESS EXCLUSIVE MODE").await.unwrap();

    // Without a timeout the statement would wait for as long as the lock is held.
    let ended = ann.get("/api/v1/properties").await;
    lock.rollback().await.unwrap();
    let next = ann.get("/api/v1/properties").await;

    ended.expect_problem(503, "unavailable");
    assert_eq!(next.status, 200, "{next:?}");
    locker.close().await.unwrap();
}
