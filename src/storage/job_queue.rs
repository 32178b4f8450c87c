//! Jobs that wait for a worker, lost theirs or have news: what claims and timers look for.

use std::collections::HashMap;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entity::jobs::{Column, Entity};
use super::error::Result;
use super::jobs::JobRow;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{JobId, TenantId};

/// The claimer of a job, and the time: a job that lost its worker is given out again after a pause only.
#[derive(Clone, Copy, Debug)]
pub struct ClaimFilter<'a> {
    /// The node or the API key, as in `claimed_by`.
    pub claimer: &'a str,
    /// Pauses that ended by now are over for every claimer but the one that held the job.
    pub now: i64,
    /// Pauses that ended by this time are over for that one, too.
    pub open_to_all_before: i64,
}

/// Whether a job of external spiders waits for a worker; takes no lock.
pub async fn any_claimable(
    tx: &TenantTx,
    spiders: Option<&[String]>,
    claiming: &ClaimFilter<'_>,
) -> Result<bool> {
    let query = of_spiders(claimable(tx.select()), spiders).filter(is_due(claiming));
    Ok(query.limit(1).one(&tx.tx).await?.is_some())
}

/// The oldest waiting job of external spiders, locked until the transaction ends. Rows that another worker has locked
/// are skipped.
pub async fn lock_claimable(
    tx: &TenantTx,
    spiders: Option<&[String]>,
    claiming: &ClaimFilter<'_>,
) -> Result<Option<JobRow>> {
    let query = of_spiders(claimable(tx.select()), spiders).filter(is_due(claiming));
    let query = query.order_by_asc(Column::Id).limit(1);
    Ok(query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).one(&tx.tx).await?)
}

/// How many of the tenant's jobs are pending.
pub async fn pending(tx: &TenantTx) -> Result<u64> {
    Ok(tx.select::<Entity>().filter(is_pending()).count(&tx.tx).await?)
}

/// One job, locked until the transaction ends, unless another transaction has locked it.
pub async fn lock_if_free(tx: &TenantTx, id: JobId) -> Result<Option<JobRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.eq(id.0));
    Ok(query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).one(&tx.tx).await?)
}

fn of_spiders(query: Select<Entity>, spiders: Option<&[String]>) -> Select<Entity> {
    let query = query.filter(Column::Runner.eq("external"));
    match spiders {
        Some(names) => query.filter(Column::SpiderName.is_in(names.iter().map(String::as_str))),
        None => query,
    }
}

fn claimable(query: Select<Entity>) -> Select<Entity> {
    query.filter(is_pending()).filter(Column::LeaseExpiresAt.is_null())
}

/// A literal, because SQLite does not match a bound value with the condition of a partial index.
fn is_pending() -> Expr {
    Expr::col((Entity, Column::Status)).eq(Expr::cust("'pending'"))
}

/// No pause after a lost worker, or one that is over for this claimer.
fn is_due(claiming: &ClaimFilter<'_>) -> Condition {
    let of_another = Condition::all()
        .add(Column::NotBefore.lte(claiming.now))
        .add(Condition::any().add(Column::ClaimedBy.is_null()).add(Column::ClaimedBy.ne(claiming.claimer)));
    is_due_for_all(claiming.open_to_all_before).add(of_another)
}

fn is_due_for_all(over_for_all: i64) -> Condition {
    Condition::any().add(Column::NotBefore.is_null()).add(Column::NotBefore.lte(over_for_all))
}

/// A tenant's oldest waiting job for the builtin crawler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingBuiltin {
    pub tenant: TenantId,
    pub job: JobId,
    /// Jobs of the tenant that a crawler of any node holds.
    pub running: i64,
}

/// For each tenant that has one, the oldest job that the builtin crawler may take; in no order.
pub async fn waiting_for_builtin(tx: &SystemTx, claiming: &ClaimFilter<'_>) -> Result<Vec<WaitingBuiltin>> {
    let builtin = || tx.select::<Entity>().filter(Column::Runner.eq("builtin")).select_only();
    let waiting: Vec<(i64, i64)> = claimable(builtin())
        .filter(is_due(claiming))
        .column(Column::TenantId)
        .column_as(Column::Id.min(), "oldest")
        .group_by(Column::TenantId)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let running: Vec<(i64, i64)> = builtin()
        .filter(Column::LeaseExpiresAt.is_not_null())
        .column(Column::TenantId)
        .column_as(Column::Id.count(), "running")
        .group_by(Column::TenantId)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let running: HashMap<i64, i64> = running.into_iter().collect();
    let count = |tenant: i64| running.get(&tenant).copied().unwrap_or(0);
    let found = waiting.into_iter().map(|(tenant, job)| WaitingBuiltin {
        tenant: TenantId(tenant),
        job: JobId(job),
        running: count(tenant),
    });
    Ok(found.collect())
}

/// Jobs of an external spider that wait and that anyone may claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingExternal {
    pub tenant: TenantId,
    pub spider_name: String,
    pub jobs: u64,
}

/// The jobs of external spiders that wait in these tenants, by spider; at most `limit` spiders.
pub async fn waiting_for_external(
    tx: &SystemTx,
    tenants: &[TenantId],
    over_for_all: i64,
    limit: u64,
) -> Result<Vec<WaitingExternal>> {
    let query = of_spiders(claimable(tx.select()), None)
        .filter(Column::TenantId.is_in(tenants.iter().map(|tenant| tenant.0)))
        .filter(is_due_for_all(over_for_all));
    let found: Vec<(i64, String, i64)> = query
        .select_only()
        .column(Column::TenantId)
        .column(Column::SpiderName)
        .column_as(Column::Id.count(), "jobs")
        .group_by(Column::TenantId)
        .group_by(Column::SpiderName)
        .limit(limit)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let found = found.into_iter().map(|(tenant, spider_name, jobs)| WaitingExternal {
        tenant: TenantId(tenant),
        spider_name,
        jobs: jobs.unsigned_abs(),
    });
    Ok(found.collect())
}

/// A job of an external spider that lost its worker a short time ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedJob {
    pub tenant: TenantId,
    pub spider_name: String,
    pub claimed_by: Option<String>,
    pub not_before: i64,
}

/// Jobs of external spiders of all tenants with a pause that ends after `after`, the next first.
pub async fn paused(tx: &SystemTx, after: i64, limit: u64) -> Result<Vec<PausedJob>> {
    let query = pause_ends_after(of_spiders(claimable(tx.select()), None), after);
    let rows = query.order_by_asc(Column::NotBefore).limit(limit).all(&tx.tx).await?;
    let paused = rows.into_iter().filter_map(|row| {
        let not_before = row.not_before?;
        let tenant = TenantId(row.tenant_id);
        Some(PausedJob { tenant, spider_name: row.spider_name, claimed_by: row.claimed_by, not_before })
    });
    Ok(paused.collect())
}

fn pause_ends_after(query: Select<Entity>, after: i64) -> Select<Entity> {
    query.filter(Column::NotBefore.gt(after))
}

/// Jobs of all tenants with an expired lease, longest ago first.
pub async fn expired(tx: &SystemTx, now: i64, limit: u64) -> Result<Vec<(TenantId, JobId)>> {
    let query = lease_ended(tx.select(), now);
    ids_of(query.order_by_asc(Column::LeaseExpiresAt).limit(limit), tx).await
}

fn lease_ended(query: Select<Entity>, now: i64) -> Select<Entity> {
    query.filter(Column::LeaseExpiresAt.lte(now))
}

/// Jobs of all tenants with progress that no event has reported, unless their last progress event was between `due`
/// and `now`.
pub async fn with_pending_progress(
    tx: &SystemTx,
    due: i64,
    now: i64,
    limit: u64,
) -> Result<Vec<(TenantId, JobId)>> {
    let emitted_long_ago = Condition::any()
        .add(Column::ProgressToldAt.is_null())
        .add(Column::ProgressToldAt.lte(due))
        .add(Column::ProgressToldAt.gt(now));
    let query = has_pending_progress(tx.select()).filter(emitted_long_ago);
    ids_of(query.order_by_asc(Column::Id).limit(limit), tx).await
}

/// The bare column, because that implies the condition of the partial index.
fn has_pending_progress(query: Select<Entity>) -> Select<Entity> {
    query.filter(Expr::col((Entity, Column::ProgressPending)))
}

async fn ids_of(query: Select<Entity>, tx: &SystemTx) -> Result<Vec<(TenantId, JobId)>> {
    let query = query.select_only().column(Column::TenantId).column(Column::Id);
    let found: Vec<(i64, i64)> = query.into_tuple().all(&tx.tx).await?;
    Ok(found.into_iter().map(|(tenant, job)| (TenantId(tenant), JobId(job))).collect())
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};

    use super::*;
    use crate::auth::tenant_scope::SystemReason;
    use crate::storage::{Database, DatabaseSettings};

    #[tokio::test]
    async fn timers_and_claims_read_partial_indexes_and_not_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let settings = DatabaseSettings::Sqlite { path: folder.path().join("test.db") };
        let db = Database::open(&settings).await.unwrap();
        let tx = db.system(SystemReason::LeaseSweep).read().await.unwrap();
        let queries = [
            ("jobs_to_claim", of_spiders(claimable(tx.select()), None).filter(Column::TenantId.eq(1))),
            (
                "jobs_to_claim",
                of_spiders(claimable(tx.select()), None)
                    .filter(Column::TenantId.eq(1))
                    .filter(is_due(&ClaimFilter { claimer: "a", now: 2, open_to_all_before: 1 })),
            ),
            ("jobs_to_retake", pause_ends_after(tx.select(), 1)),
            ("jobs_by_lease", lease_ended(tx.select(), 1)),
            ("jobs_with_news", has_pending_progress(tx.select())),
        ];

        for (index, query) in queries {
            let query = query.build(DbBackend::Sqlite);
            let explain = format!("EXPLAIN QUERY PLAN {}", query.sql);
            let values = query.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
            let statement = Statement::from_sql_and_values(DbBackend::Sqlite, explain, values);
            let rows = tx.tx.query_all_raw(statement).await.unwrap();
            let plan: String = rows[0].try_get("", "detail").unwrap();
            assert!(plan.contains(index), "{plan}");
        }
    }
}
