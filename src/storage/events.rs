//! The event log's rows: a counter row a tenant and a row an event.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{events, tenant_logs};
use super::{Error, Result, SystemTx, TenantTx};
use crate::base::ids::TenantId;

pub use super::entity::events::Model as EventRow;
pub use super::entity::tenant_logs::Model as LogRow;

/// An event before it has a place in the log.
pub struct NewEvent {
    pub kind: &'static str,
    pub routing: String,
    /// What it speaks of, by which it is found again.
    pub subject: Option<String>,
    pub body: String,
    pub occurred_at: i64,
}

pub(super) async fn open_log(tx: &SystemTx, tenant_id: TenantId, epoch: i64) -> Result<()> {
    let row = tenant_logs::ActiveModel {
        tenant_id: Set(tenant_id.0),
        epoch: Set(epoch),
        head: Set(0),
        trimmed: Set(0),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

/// Appends events and gives the first one's sequence number and the log's epoch. To be the last statement before
/// the commit: from here on the tenant's counter row is held, which makes commit order sequence order.
pub async fn append(tx: &TenantTx, new: Vec<NewEvent>) -> Result<(i64, i64)> {
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    let counters = tx
        .update::<tenant_logs::Entity>()
        .col_expr(tenant_logs::Column::Head, Expr::col(tenant_logs::Column::Head).add(count))
        .exec_with_returning(&tx.tx)
        .await?;
    let counter = counters.first().ok_or_else(|| Error::Corrupt("a tenant without a log".to_owned()))?;
    let first = counter.head - count + 1;
    let rows = (first..).zip(new).map(|(seq, event)| events::ActiveModel {
        seq: Set(seq),
        kind: Set(event.kind.to_owned()),
        routing: Set(event.routing),
        subject: Set(event.subject),
        body: Set(event.body),
        occurred_at: Set(event.occurred_at),
        ..Default::default()
    });
    tx.insert_all(rows.collect()).await?;
    Ok((first, tx.epoch(counter.epoch)))
}

/// The tenant's counter row, with the epoch as it is told.
pub async fn log(tx: &TenantTx) -> Result<LogRow> {
    let row = tx.select::<tenant_logs::Entity>().one(&tx.tx).await?;
    let row = row.ok_or_else(|| Error::Corrupt("a tenant without a log".to_owned()))?;
    Ok(LogRow { epoch: tx.epoch(row.epoch), ..row })
}

/// Events after `after`, in order.
pub async fn read_after(tx: &TenantTx, after: i64, limit: u64) -> Result<Vec<EventRow>> {
    let query = tx.select::<events::Entity>().filter(events::Column::Seq.gt(after));
    Ok(query.order_by_asc(events::Column::Seq).limit(limit).all(&tx.tx).await?)
}

/// Events that speak of `subject`, oldest first.
pub async fn about(tx: &TenantTx, subject: &str) -> Result<Vec<EventRow>> {
    let query = tx.select::<events::Entity>().filter(events::Column::Subject.eq(subject));
    Ok(query.order_by_asc(events::Column::Seq).all(&tx.tx).await?)
}

/// Puts another body in an event's place: its text was deleted.
pub async fn redact(tx: &TenantTx, seq: i64, body: String) -> Result<()> {
    tx.update::<events::Entity>()
        .col_expr(events::Column::Body, body.into())
        .filter(events::Column::Seq.eq(seq))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// The heads of several tenants' logs in one query, as (tenant, head).
pub async fn heads(tx: &SystemTx, tenants: &[TenantId]) -> Result<Vec<(TenantId, i64)>> {
    let rows = tx
        .select::<tenant_logs::Entity>()
        .filter(tenant_logs::Column::TenantId.is_in(tenants.iter().map(|tenant| tenant.0)))
        .all(&tx.tx)
        .await?;
    Ok(rows.into_iter().map(|row| (TenantId(row.tenant_id), row.head)).collect())
}

/// Events that one call of [`trim`] takes away at most: the tenant's writers wait that long and no longer.
pub const TRIM_AT_ONCE: i64 = 5_000;

/// Takes away events that are older than `before` (microseconds) or beyond the newest `keep`, oldest first, and
/// remembers how far. Returns how many went; as many as [`TRIM_AT_ONCE`] means that there may be more.
pub async fn trim(tx: &TenantTx, before: i64, keep: i64) -> Result<i64> {
    let log = log(tx).await?;
    let reach = Ord::min(log.head, log.trimmed + TRIM_AT_ONCE);
    let newest_old = tx
        .select::<events::Entity>()
        .filter(events::Column::Seq.gt(log.trimmed))
        .filter(events::Column::Seq.lte(reach))
        .filter(events::Column::OccurredAt.lt(before))
        .order_by_desc(events::Column::Seq)
        .limit(1)
        .one(&tx.tx)
        .await?
        .map_or(0, |row| row.seq);
    let upto = Ord::min(reach, Ord::max(newest_old, log.head - keep));
    if upto <= log.trimmed {
        return Ok(0);
    }
    tx.update::<tenant_logs::Entity>()
        .col_expr(tenant_logs::Column::Trimmed, upto.into())
        .exec(&tx.tx)
        .await?;
    tx.delete::<events::Entity>(events::Column::Seq.lte(upto)).exec(&tx.tx).await?;
    Ok(upto - log.trimmed)
}
