//! Files that users upload. A change locks the file's row first; the bytes are elsewhere, and are always recorded
//! here before they are there.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::entity::uploads::{ActiveModel, Column, Entity};
use super::error::{Error, Result};
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{UploadId, UserId};

pub use super::entity::uploads::Model as UploadRow;

/// States of a file.
pub const RECEIVING: &str = "receiving";
pub const COMPLETE: &str = "complete";
pub const REMOVING: &str = "removing";

pub struct NewUpload<'a> {
    pub upload_id: UploadId,
    pub user_id: UserId,
    pub filename: &'a str,
    pub declared_type: Option<&'a str>,
    pub declared_size: Option<i64>,
    pub declared_sha256: Option<&'a str>,
    pub reserved: i64,
    /// Microseconds since the epoch, as `expires_at`.
    pub now: i64,
    pub expires_at: i64,
}

/// How far a file has come.
pub struct UploadProgress<'a> {
    pub stored: i64,
    pub hash_state: &'a str,
    pub progress: Option<&'a str>,
    pub now: i64,
    pub expires_at: i64,
}

/// A complete file.
pub struct CompletedFile<'a> {
    pub content_type: &'a str,
    pub sha256: &'a str,
    pub now: i64,
}

pub async fn insert(tx: &TenantTx, new: NewUpload<'_>) -> Result<UploadRow> {
    let row = ActiveModel {
        upload_id: Set(new.upload_id.0),
        user_id: Set(new.user_id.0),
        filename: Set(new.filename.to_owned()),
        declared_type: Set(new.declared_type.map(str::to_owned)),
        declared_size: Set(new.declared_size),
        declared_sha256: Set(new.declared_sha256.map(str::to_owned)),
        state: Set(RECEIVING.to_owned()),
        stored: Set(0),
        reserved: Set(new.reserved),
        writer: Set(1),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        expires_at: Set(Some(new.expires_at)),
        ..Default::default()
    };
    tx.insert(row).await
}

pub async fn find(tx: &TenantTx, id: UploadId) -> Result<Option<UploadRow>> {
    Ok(tx.select::<Entity>().filter(Column::UploadId.eq(id.0)).one(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &TenantTx, id: UploadId) -> Result<Option<UploadRow>> {
    Ok(tx.select::<Entity>().filter(Column::UploadId.eq(id.0)).lock_exclusive().one(&tx.tx).await?)
}

/// Like [`lock`], of several, always in the same order.
pub async fn lock_all(tx: &TenantTx, ids: &[UploadId]) -> Result<Vec<UploadRow>> {
    let query = tx.select::<Entity>().filter(Column::UploadId.is_in(ids.iter().map(|id| id.0)));
    Ok(query.order_by_asc(Column::Id).lock_exclusive().all(&tx.tx).await?)
}

/// Complete and incoming files, newest first, before the row with id `before`; of every user when no owner is given.
pub async fn list(
    tx: &TenantTx,
    owner: Option<UserId>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<UploadRow>> {
    let mut query = tx.select::<Entity>().filter(Column::State.ne(REMOVING));
    if let Some(owner) = owner {
        query = query.filter(Column::UserId.eq(owner.0));
    }
    query = query.filter(Column::Id.lt(before.unwrap_or(i64::MAX)));
    Ok(query.order_by_desc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// Makes the caller the file's writer: earlier writers can record nothing any more. Returns the writer's number.
pub async fn take_over(tx: &TenantTx, row: &UploadRow, now: i64, expires_at: i64) -> Result<i64> {
    let writer = row.writer + 1;
    let query = tx.update::<Entity>().filter(Column::Id.eq(row.id));
    let query = query.col_expr(Column::Writer, writer.into()).col_expr(Column::UpdatedAt, now.into());
    query.col_expr(Column::ExpiresAt, expires_at.into()).exec(&tx.tx).await?;
    Ok(writer)
}

/// Records how far the file has come, for its current writer. `false`: another writer took over, or the file is gone.
pub async fn advance(tx: &TenantTx, id: UploadId, writer: i64, reached: UploadProgress<'_>) -> Result<bool> {
    let query = tx.update::<Entity>().filter(Column::UploadId.eq(id.0));
    let query = query.filter(Column::State.eq(RECEIVING)).filter(Column::Writer.eq(writer));
    let query = query
        .col_expr(Column::Stored, reached.stored.into())
        .col_expr(Column::HashState, reached.hash_state.into())
        .col_expr(Column::Progress, Expr::value(reached.progress.map(str::to_owned)))
        .col_expr(Column::UpdatedAt, reached.now.into())
        .col_expr(Column::ExpiresAt, reached.expires_at.into());
    Ok(query.exec(&tx.tx).await?.rows_affected == 1)
}

pub async fn set_reserved(tx: &TenantTx, id: i64, reserved: i64) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(id));
    query.col_expr(Column::Reserved, reserved.into()).exec(&tx.tx).await?;
    Ok(())
}

/// Marks the file as complete. From now on it uses its actual length of the quota.
pub async fn complete(tx: &TenantTx, row: &UploadRow, whole: CompletedFile<'_>) -> Result<UploadRow> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(row.id));
    let query = query
        .col_expr(Column::State, COMPLETE.into())
        .col_expr(Column::ContentType, whole.content_type.into())
        .col_expr(Column::Sha256, whole.sha256.into())
        .col_expr(Column::Reserved, row.stored.into())
        .col_expr(Column::HashState, Expr::value(Option::<String>::None))
        .col_expr(Column::UpdatedAt, whole.now.into())
        .col_expr(Column::CompletedAt, whole.now.into())
        .col_expr(Column::ExpiresAt, Expr::value(Option::<i64>::None));
    let mut saved = query.exec_with_returning(&tx.tx).await?;
    saved.pop().ok_or_else(|| Error::Corrupt("an upload that was locked is gone".to_owned()))
}

/// Marks the file as removed and releases its quota; its bytes are deleted next, and then the row.
pub async fn begin_removal(tx: &TenantTx, id: i64, now: i64) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(id));
    let query = query.col_expr(Column::State, REMOVING.into()).col_expr(Column::Reserved, 0_i64.into());
    query
        .col_expr(Column::UpdatedAt, now.into())
        .col_expr(Column::ExpiresAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Deletes a file's row once its bytes are gone.
pub async fn delete_removed(tx: &TenantTx, id: UploadId) -> Result<()> {
    let which = Condition::all().add(Column::UploadId.eq(id.0)).add(Column::State.eq(REMOVING));
    tx.delete::<Entity>(which).exec(&tx.tx).await?;
    Ok(())
}

/// How many files of a user are unfinished.
pub async fn unfinished(tx: &TenantTx, owner: UserId) -> Result<u64> {
    let query = tx.select::<Entity>().filter(Column::UserId.eq(owner.0));
    Ok(query.filter(Column::State.eq(RECEIVING)).count(&tx.tx).await?)
}

/// Which of these files have a row.
pub async fn existing(tx: &TenantTx, ids: &[UploadId]) -> Result<Vec<UploadId>> {
    let query = tx.select::<Entity>().filter(Column::UploadId.is_in(ids.iter().map(|id| id.0)));
    Ok(query.all(&tx.tx).await?.into_iter().map(|row| UploadId(row.upload_id)).collect())
}

/// Files of all tenants that have expired, or have bytes that are still to be deleted.
pub async fn to_sweep(tx: &SystemTx, now: i64, limit: u64) -> Result<Vec<UploadRow>> {
    let query = tx.select::<Entity>().filter(Column::ExpiresAt.lte(now));
    Ok(query.order_by_asc(Column::ExpiresAt).limit(limit).all(&tx.tx).await?)
}
