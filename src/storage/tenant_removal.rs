//! Deletes a tenant's rows in batches, table by table in the order of the one list.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, QueryFilter, QueryOrder, QuerySelect};

use super::batched_delete;
use super::entity::{jobs, tenant_tables, tenants, upload_attachments, uploads};
use super::error::Result;
use super::tenants::TenantRow;
use super::tx::SystemTx;
use super::uploads::UploadRow;
use crate::base::ids::TenantId;

/// Rows by table.
pub type RowCounts = BTreeMap<String, u64>;

/// Marks a tenant as to be removed and deactivates it: it admits no caller from now on. `removal` is JSON.
pub async fn start(tx: &SystemTx, id: TenantId, removal: &str, now: i64) -> Result<()> {
    tx.update::<tenants::Entity>()
        .filter(tenants::Column::Id.eq(id.0))
        .col_expr(tenants::Column::IsActive, false.into())
        .col_expr(tenants::Column::Removal, removal.into())
        .col_expr(tenants::Column::UpdatedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Records how far the removal has come.
pub async fn save_progress(tx: &SystemTx, id: TenantId, removal: &str) -> Result<()> {
    tx.update::<tenants::Entity>()
        .filter(tenants::Column::Id.eq(id.0))
        .col_expr(tenants::Column::Removal, removal.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// The tenants that are to be removed, oldest first.
pub async fn in_progress(tx: &SystemTx) -> Result<Vec<TenantRow>> {
    let query = tx.select::<tenants::Entity>().filter(tenants::Column::Removal.is_not_null());
    Ok(query.order_by_asc(tenants::Column::Id).limit(100).all(&tx.tx).await?)
}

/// Cancels at most `most` open jobs and clears their leases, so that their workers lose them. Returns how many.
pub async fn stop_jobs(tx: &SystemTx, id: TenantId, most: u64) -> Result<u64> {
    let some = Query::select()
        .column(jobs::Column::Id)
        .from(jobs::Entity)
        .and_where(jobs::Column::TenantId.eq(id.0))
        .and_where(jobs::Column::Status.is_in(["pending", "running"]))
        .limit(most)
        .to_owned();
    let ended = tx
        .update::<jobs::Entity>()
        .filter(jobs::Column::Id.in_subquery(some))
        .col_expr(jobs::Column::Status, "cancelled".into())
        .col_expr(jobs::Column::LeaseHash, Expr::value(Option::<String>::None))
        .col_expr(jobs::Column::LeaseExpiresAt, Expr::value(Option::<i64>::None))
        .col_expr(jobs::Column::ProgressPending, false.into())
        .col_expr(jobs::Column::SummaryPending, 0_i64.into())
        .exec(&tx.tx)
        .await?;
    Ok(ended.rows_affected)
}

/// Deletes at most `most` of the tenant's rows and adds them to `gone`. Fewer than `most` were deleted when only the
/// tenant and the counters of its log are left.
pub async fn delete_batch(tx: &SystemTx, id: TenantId, most: u64, gone: &mut RowCounts) -> Result<u64> {
    overwrite(tx, "ON").await?;
    let mut left = most;
    for table in tenant_tables().iter().filter(|table| !LAST.contains(&table.name)) {
        if left == 0 {
            break;
        }
        let taken = batched_delete::of_tenant(tx, table, id.0, left).await?;
        count(gone, table.name, taken);
        left -= taken;
    }
    overwrite(tx, "OFF").await?;
    Ok(most - left)
}

/// Some of the tenant's files. Their bytes must be deleted before their rows.
pub async fn files(tx: &SystemTx, id: TenantId, most: u64) -> Result<Vec<UploadRow>> {
    let query = tx.select::<uploads::Entity>().filter(uploads::Column::TenantId.eq(id.0));
    Ok(query.order_by_asc(uploads::Column::Id).limit(most).all(&tx.tx).await?)
}

/// Deletes these files' rows, and adds them to `gone`.
pub async fn delete_files(tx: &SystemTx, id: TenantId, files: &[i64], gone: &mut RowCounts) -> Result<()> {
    overwrite(tx, "ON").await?;
    let attached = tx
        .delete::<upload_attachments::Entity>(
            upload_attachments::Column::UploadId.is_in(files.iter().copied()),
        )
        .filter(upload_attachments::Column::TenantId.eq(id.0));
    count(gone, "upload_attachments", attached.exec(&tx.tx).await?.rows_affected);
    let taken = tx
        .delete::<uploads::Entity>(uploads::Column::Id.is_in(files.iter().copied()))
        .filter(uploads::Column::TenantId.eq(id.0));
    count(gone, "uploads", taken.exec(&tx.tx).await?.rows_affected);
    overwrite(tx, "OFF").await
}

/// Deleted in one transaction: a tenant without a log would be a defect to any concurrent reader.
const LAST: [&str; 2] = ["tenant_logs", "tenants"];

/// Deletes the last rows, when all others are gone.
pub async fn finish(tx: &SystemTx, id: TenantId, gone: &mut RowCounts) -> Result<()> {
    overwrite(tx, "ON").await?;
    for table in tenant_tables().iter().filter(|table| LAST.contains(&table.name)) {
        let taken = batched_delete::of_tenant(tx, table, id.0, 1).await?;
        count(gone, table.name, taken);
    }
    overwrite(tx, "OFF").await
}

/// Deletes the stored answers to operators that are about a tenant, as `is_about` decides from the answer.
pub async fn delete_answers(tx: &SystemTx, is_about: impl Fn(&str) -> bool) -> Result<()> {
    use super::entity::idempotency_keys::{Column, Entity};
    let kept: Vec<(i64, String)> = tx
        .select::<Entity>()
        .select_only()
        .column(Column::Id)
        .column(Column::Answer)
        .filter(Column::TenantId.is_null())
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let about = kept.into_iter().filter(|(_, answer)| is_about(answer)).map(|(id, _)| id);
    tx.delete::<Entity>(Column::Id.is_in(about)).exec(&tx.tx).await?;
    Ok(())
}

/// Which of these tenants are active.
pub async fn active(tx: &SystemTx, ids: &[TenantId]) -> Result<Vec<TenantId>> {
    let query = Query::select()
        .column(tenants::Column::Id)
        .from(tenants::Entity)
        .and_where(tenants::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .and_where(Expr::col(tenants::Column::IsActive).eq(true))
        .to_owned();
    let rows = tx.tx.query_all(&query).await?;
    rows.iter().map(|row| Ok(TenantId(row.try_get_by_index(0)?))).collect()
}

fn count(gone: &mut RowCounts, table: &str, taken: u64) {
    if taken > 0 {
        *gone.entry(table.to_owned()).or_default() += taken;
    }
}

/// SQLite leaves the bytes of removed rows in the file until it needs the room; from ON to OFF it overwrites them.
async fn overwrite(tx: &SystemTx, setting: &'static str) -> Result<()> {
    if tx.tx.get_database_backend() == DbBackend::Sqlite {
        tx.tx.execute_unprepared(&format!("PRAGMA secure_delete = {setting}")).await?;
    }
    Ok(())
}
