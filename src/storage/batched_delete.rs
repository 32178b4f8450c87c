//! Deletes with a bound on the number of rows, so that no writer is blocked for long.

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, IntoCondition, LockBehavior, LockType, Query};
use sea_orm::{ConnectionTrait, QuerySelect};
use uuid::Uuid;

use super::entity::TenantTable;
use super::error::Result;
use super::tx::SystemTx;

/// A selection of rows that retention removes.
pub(super) trait LockedBatch: QuerySelect {
    /// At most `most` of them. PostgreSQL locks them and skips rows that another transaction has locked: two nodes
    /// that lock the same rows in a different order would deadlock. Skipped rows are removed there or by the next
    /// run.
    fn lock_batch(self, most: u64) -> Self {
        self.limit(most).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
    }
}

impl<Q: QuerySelect> LockedBatch for Q {}

/// Rows of one tenant in a table of its own.
pub(super) async fn of_tenant(tx: &SystemTx, table: &TenantTable, tenant: i64, most: u64) -> Result<u64> {
    let own = Expr::col(Alias::new(table.owner)).eq(tenant);
    delete_batch(tx, table.name, own.into_condition(), most).await
}

/// Rows that belong to a job.
pub(super) async fn of_job(
    tx: &SystemTx,
    table: &'static str,
    tenant: i64,
    job: i64,
    most: u64,
) -> Result<u64> {
    let own = Condition::all()
        .add(Expr::col(Alias::new("tenant_id")).eq(tenant))
        .add(Expr::col(Alias::new("job_id")).eq(job));
    delete_batch(tx, table, own, most).await
}

/// Read marks of these notifications.
pub(super) async fn reads_of(tx: &SystemTx, tenant: i64, ids: &[Uuid], most: u64) -> Result<u64> {
    let own = Condition::all()
        .add(Expr::col(Alias::new("tenant_id")).eq(tenant))
        .add(Expr::col(Alias::new("notification_id")).is_in(ids.iter().copied()));
    delete_batch(tx, "notification_reads", own, most).await
}

/// Every table has an `id`, which picks the rows: neither database takes a limit on a delete itself.
async fn delete_batch(tx: &SystemTx, table: &'static str, which: Condition, most: u64) -> Result<u64> {
    let id = || Alias::new("id");
    let some = Query::select().column(id()).from(Alias::new(table)).cond_where(which).limit(most).to_owned();
    let delete = Query::delete()
        .from_table(Alias::new(table))
        .cond_where(Expr::col(id()).in_subquery(some))
        .to_owned();
    Ok(tx.tx.execute(&delete).await?.rows_affected())
}
