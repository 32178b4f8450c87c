//! A transaction and its permit. A statement continues after its caller was dropped and keeps its connection until it
//! ends, so the permit is kept too: otherwise callers that hang up would occupy more connections than permitted.

use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::permits::TxPermit;

/// An open transaction. Dropping it rolls back in a task that keeps the permit until the connection is back.
pub(super) struct HeldTx {
    /// Taken at the end only.
    tx: Option<DatabaseTransaction>,
    permit: Option<TxPermit>,
}

impl HeldTx {
    pub(super) fn new(tx: DatabaseTransaction, permit: Option<TxPermit>) -> Self {
        Self { tx: Some(tx), permit }
    }

    /// Once begun, the commit completes even if this future is dropped.
    pub(super) async fn commit(mut self) -> Result<(), DbErr> {
        let Some(tx) = self.tx.take() else { return Ok(()) };
        Committing { commit: Some(tx.commit().boxed()), permit: self.permit.take() }.await
    }
}

impl Deref for HeldTx {
    type Target = DatabaseTransaction;

    // Proof: `new` sets the transaction; `commit`, which consumes this value, and `drop` alone take it, and a value
    // that was consumed or dropped is borrowed by no caller.
    #[expect(clippy::expect_used, reason = "the transaction is taken by what consumes or drops this alone")]
    fn deref(&self) -> &DatabaseTransaction {
        self.tx.as_ref().expect("an open transaction")
    }
}

impl Drop for HeldTx {
    fn drop(&mut self) {
        let Some(tx) = self.tx.take() else { return };
        finish_in_background(tx.rollback(), self.permit.take());
    }
}

/// A commit that is under way.
struct Committing {
    /// Taken at the end only.
    commit: Option<BoxFuture<'static, Result<(), DbErr>>>,
    permit: Option<TxPermit>,
}

impl Future for Committing {
    type Output = Result<(), DbErr>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(commit) = self.commit.as_mut() else { return Poll::Ready(Ok(())) };
        let committed = ready!(commit.as_mut().poll(cx));
        self.commit = None;
        Poll::Ready(committed)
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        let Some(commit) = self.commit.take() else { return };
        finish_in_background(commit, self.permit.take());
    }
}

/// Ends a transaction in a task that keeps the permit until the database has answered.
fn finish_in_background(
    end: impl Future<Output = Result<(), DbErr>> + Send + 'static,
    permit: Option<TxPermit>,
) {
    // Without a runtime no caller waits for a permit, and the library rolls back by itself. The task has no tracker:
    // it ends with its statement, and closing the pool waits for its connection.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    runtime.spawn(async move {
        if let Err(error) = end.await {
            tracing::debug!(%error, "a transaction that was dropped did not end well; its connection is given up");
        }
        drop(permit);
    });
}

#[sea_orm::prelude::async_trait::async_trait]
impl ConnectionTrait for HeldTx {
    fn get_database_backend(&self) -> DbBackend {
        self.deref().get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.deref().execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.deref().execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.deref().query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.deref().query_all_raw(statement).await
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use sea_orm::{DatabaseConnection, SqliteTransactionMode, TransactionOptions, TransactionTrait};
    use tempfile::TempDir;

    use super::*;
    use crate::base::fair_semaphore::FairSemaphore;
    use crate::base::ids::TenantId;
    use crate::storage::sqlite;

    const EXCLUSIVE: TransactionOptions = TransactionOptions {
        isolation_level: None,
        access_mode: None,
        sqlite_transaction_mode: Some(SqliteTransactionMode::Exclusive),
    };

    /// One permit, and a file with a rollback journal, in which readers and a commit wait for each other.
    struct Store {
        permits: FairSemaphore<Option<TenantId>>,
        folder: TempDir,
    }

    impl Store {
        async fn new() -> Self {
            let store = Self { permits: FairSemaphore::new(1, 10), folder: tempfile::tempdir().unwrap() };
            std::fs::write(store.folder.path().join("test.db"), "").unwrap();
            let connection = store.connect().await;
            connection.execute_unprepared("CREATE TABLE notes (words TEXT)").await.unwrap();
            connection.close().await.unwrap();
            store
        }

        /// A connection with a busy timeout so long that its statements wait until a lock is free.
        async fn connect(&self) -> DatabaseConnection {
            let connection = sqlite::open_read_only(&self.folder.path().join("test.db")).await.unwrap();
            connection.execute_unprepared("PRAGMA busy_timeout = 600000").await.unwrap();
            connection
        }

        /// A transaction that holds the permit.
        async fn begin(&self, connection: &DatabaseConnection) -> HeldTx {
            let permit = self.permits.acquire(None).await.unwrap();
            HeldTx::new(connection.begin().await.unwrap(), Some(permit))
        }
    }

    async fn count_notes(at: &impl ConnectionTrait) -> i64 {
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) FROM notes");
        let row = at.query_one_raw(query).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    fn is_pending<T>(future: &mut BoxFuture<'_, T>) -> bool {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Lets the other tasks of the test's one thread run.
    async fn let_tasks_run() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn the_permit_of_a_dropped_statement_is_released_when_the_statement_has_ended() {
        let store = Store::new().await;
        let (connection, other) = (store.connect().await, store.connect().await);
        let held = store.begin(&connection).await;
        let lock = other.begin_with_options(EXCLUSIVE).await.unwrap();
        let mut reading = async move { count_notes(&held).await }.boxed();
        assert!(is_pending(&mut reading));
        let mut next = store.permits.enqueue(None).unwrap();

        drop(reading);
        let_tasks_run().await;

        assert_eq!(store.permits.waiting_count(), 1, "the statement still waits for the lock");
        lock.rollback().await.unwrap();
        assert!(next.permit().await.is_ok());
    }

    #[tokio::test]
    async fn a_dropped_commit_completes_and_its_permit_is_released_then() {
        let store = Store::new().await;
        let (connection, other) = (store.connect().await, store.connect().await);
        let held = store.begin(&connection).await;
        held.execute_unprepared("INSERT INTO notes VALUES ('kept')").await.unwrap();
        let reader = other.begin().await.unwrap();
        assert_eq!(count_notes(&reader).await, 0);
        let mut committing = held.commit().boxed();
        assert!(is_pending(&mut committing));
        let mut next = store.permits.enqueue(None).unwrap();

        drop(committing);
        let_tasks_run().await;

        assert_eq!(store.permits.waiting_count(), 1, "the commit still waits for the reader");
        reader.rollback().await.unwrap();
        assert!(next.permit().await.is_ok());
        assert_eq!(count_notes(&other).await, 1);
    }

    #[tokio::test]
    async fn an_awaited_commit_returns_its_outcome_and_releases_its_permit() {
        let store = Store::new().await;
        let connection = store.connect().await;
        let tables = "CREATE TABLE a (id INTEGER PRIMARY KEY);
            CREATE TABLE b (a INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED)";
        connection.execute_unprepared(tables).await.unwrap();

        let refused = store.begin(&connection).await;
        refused.execute_unprepared("INSERT INTO b VALUES (7)").await.unwrap();
        let refusal = refused.commit().await;

        assert!(refusal.is_err(), "the reference does not hold");
        assert!(store.permits.enqueue(None).unwrap().permit().now_or_never().is_some());
    }
}
