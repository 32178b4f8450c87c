//! The event log's rows: a counter row a tenant and a row an event.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{events, tenant_logs};
use super::error::{Error, Result};
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::TenantId;

pub use super::entity::events::Model as EventRow;
pub use super::entity::tenant_logs::Model as LogRow;

/// An event without a sequence number yet.
pub struct NewEvent {
    pub kind: &'static str,
    pub routing: String,
    /// What it is about, as a key to find it by.
    pub subject: Option<String>,
    pub body: String,
    pub occurred_at: i64,
}

impl NewEvent {
    /// Its size as counted in the log: nearly all of the space that it takes.
    fn bytes(&self) -> i64 {
        i64::try_from(self.routing.len() + self.body.len()).unwrap_or(i64::MAX)
    }
}

pub(super) async fn open_log(tx: &SystemTx, tenant_id: TenantId, epoch: i64) -> Result<()> {
    let row = tenant_logs::ActiveModel {
        tenant_id: Set(tenant_id.0),
        epoch: Set(epoch),
        head: Set(0),
        trimmed: Set(0),
        bytes: Set(0),
        filter_facts_after: Set(0),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

/// Appends events and returns the first one's sequence number and the log's epoch. Must be the last statement before
/// the commit: from here on the tenant's counter row is locked, which makes commit order sequence order.
pub async fn append(tx: &TenantTx, new: Vec<NewEvent>) -> Result<(i64, i64)> {
    let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
    let added: i64 = new.iter().map(NewEvent::bytes).sum();
    let counters = tx
        .update::<tenant_logs::Entity>()
        .col_expr(tenant_logs::Column::Head, Expr::col(tenant_logs::Column::Head).add(count))
        .col_expr(tenant_logs::Column::Bytes, Expr::col(tenant_logs::Column::Bytes).add(added))
        .exec_with_returning(&tx.tx)
        .await?;
    let counter = counters.first().ok_or_else(|| Error::Corrupt("a tenant without a log".to_owned()))?;
    let first = counter.head - count + 1;
    let rows = (first..).zip(new).map(|(seq, event)| events::ActiveModel {
        seq: Set(seq),
        kind: Set(event.kind.to_owned()),
        bytes: Set(event.bytes()),
        routing: Set(event.routing),
        subject: Set(event.subject),
        body: Set(event.body),
        occurred_at: Set(event.occurred_at),
        ..Default::default()
    });
    tx.insert_all(rows.collect()).await?;
    Ok((first, tx.epoch(counter.epoch)))
}

/// The tenant's counter row, with the epoch as clients see it.
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

/// Events about `subject`, oldest first.
pub async fn about(tx: &TenantTx, subject: &str) -> Result<Vec<EventRow>> {
    let query = tx.select::<events::Entity>().filter(events::Column::Subject.eq(subject));
    Ok(query.order_by_asc(events::Column::Seq).all(&tx.tx).await?)
}

/// Replaces an event's body: its text was deleted.
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

/// Events that one call of [`trim`] deletes at most: it bounds the time that the tenant's writers wait.
pub const TRIM_AT_ONCE: i64 = 5_000;

/// What a log may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Events before this time go (microseconds since the epoch).
    pub before: i64,
    /// Number of newest events that stay.
    pub events: i64,
    /// Bytes of newest events that stay; `None`: no bound.
    pub bytes: Option<i64>,
}

/// Deletes events that are beyond any of the bounds, oldest first, and records how far. Returns how many were
/// deleted; [`TRIM_AT_ONCE`] means that there may be more.
pub async fn trim(tx: &TenantTx, bounds: Bounds) -> Result<i64> {
    let log = log(tx).await?;
    let reach = Ord::min(log.head, log.trimmed + TRIM_AT_ONCE);
    let newest_old = newest_before(tx, &log, reach, bounds.before).await?;
    let too_large = match bounds.bytes {
        Some(most) if log.bytes > most => beyond(tx, &log, reach, log.bytes - most).await?,
        _ => 0,
    };
    let wanted = [newest_old, too_large, log.head - bounds.events].into_iter().fold(0, Ord::max);
    let upto = Ord::min(reach, wanted);
    if upto <= log.trimmed {
        return Ok(0);
    }
    let gone = bytes_upto(tx, upto).await?;
    let noted = tx
        .update::<tenant_logs::Entity>()
        .filter(tenant_logs::Column::Trimmed.eq(log.trimmed))
        .col_expr(tenant_logs::Column::Trimmed, upto.into())
        .col_expr(tenant_logs::Column::Bytes, Expr::col(tenant_logs::Column::Bytes).sub(gone))
        .exec(&tx.tx)
        .await?;
    if noted.rows_affected == 0 {
        // Another node was faster: its bytes must not be subtracted twice.
        return Ok(0);
    }
    tx.delete::<events::Entity>(events::Column::Seq.lte(upto)).exec(&tx.tx).await?;
    Ok(upto - log.trimmed)
}

/// The newest event before a time, among those that one call may delete.
async fn newest_before(tx: &TenantTx, log: &LogRow, reach: i64, before: i64) -> Result<i64> {
    let row = tx
        .select::<events::Entity>()
        .filter(events::Column::Seq.gt(log.trimmed))
        .filter(events::Column::Seq.lte(reach))
        .filter(events::Column::OccurredAt.lt(before))
        .order_by_desc(events::Column::Seq)
        .limit(1)
        .one(&tx.tx)
        .await?;
    Ok(row.map_or(0, |row| row.seq))
}

/// The event at which the oldest sum up to `excess` bytes; the last that one call may delete when they are less.
async fn beyond(tx: &TenantTx, log: &LogRow, reach: i64, excess: i64) -> Result<i64> {
    let sizes: Vec<(i64, i64)> = tx
        .select::<events::Entity>()
        .select_only()
        .column(events::Column::Seq)
        .column(events::Column::Bytes)
        .filter(events::Column::Seq.gt(log.trimmed))
        .filter(events::Column::Seq.lte(reach))
        .order_by_asc(events::Column::Seq)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let mut sum = 0;
    let enough = sizes.iter().find(|(_, bytes)| {
        sum += bytes;
        sum >= excess
    });
    Ok(enough.map_or(reach, |(seq, _)| *seq))
}

/// Total bytes of the events up to this one.
async fn bytes_upto(tx: &TenantTx, upto: i64) -> Result<i64> {
    let sizes: Vec<i64> = tx
        .select::<events::Entity>()
        .select_only()
        .column(events::Column::Bytes)
        .filter(events::Column::Seq.lte(upto))
        .into_tuple()
        .all(&tx.tx)
        .await?;
    Ok(sizes.iter().sum())
}
