//! A transaction and the turn that it was begun with. A statement goes on when its caller has gone, and its connection is
//! not free before it has ended: so the turn goes on too, or a caller who asks and hangs up would have the turns of all.

use std::ops::Deref;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::database::Turn;

/// An open transaction. Dropping it undoes it, on a task of its own that keeps the turn until the connection is back.
pub(super) struct HeldTx {
    /// Taken at the end only.
    tx: Option<DatabaseTransaction>,
    turn: Option<Turn>,
}

impl HeldTx {
    pub(super) fn new(tx: DatabaseTransaction, turn: Option<Turn>) -> Self {
        Self { tx: Some(tx), turn }
    }

    pub(super) async fn commit(mut self) -> Result<(), DbErr> {
        match self.tx.take() {
            Some(tx) => tx.commit().await,
            None => Ok(()),
        }
    }
}

impl Deref for HeldTx {
    type Target = DatabaseTransaction;

    // Proof: `new` sets the transaction; `commit`, which consumes this value, and `drop` alone take it, and a value that
    // was consumed or dropped is borrowed by no caller.
    #[expect(clippy::expect_used, reason = "the transaction is taken by what consumes or drops this alone")]
    fn deref(&self) -> &DatabaseTransaction {
        self.tx.as_ref().expect("an open transaction")
    }
}

impl Drop for HeldTx {
    fn drop(&mut self) {
        let Some(tx) = self.tx.take() else { return };
        let turn = self.turn.take();
        // Without a runtime no caller waits for a turn, and the library undoes the transaction by itself.
        // The task has no tracker: it ends with its statement, and closing the pool waits for its connection.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = tx.rollback().await {
                tracing::debug!(%error, "a transaction was not undone; its connection is given up");
            }
            drop(turn);
        });
    }
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
