//! Broadcasts to all tenants, with the progress of their delivery.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::platform_broadcasts::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::SystemTx;
use crate::base::ids::{BroadcastId, TenantId};

pub use super::entity::platform_broadcasts::Model as PlatformBroadcastRow;

pub struct NewPlatformBroadcast<'a> {
    pub id: BroadcastId,
    pub message: &'a str,
    pub category: Option<&'a str>,
    pub start_time: i64,
    pub now: i64,
    /// The operator; none when the system itself sends it.
    pub sent_by: Option<i64>,
    pub sender_name: Option<&'a str>,
}

pub async fn insert(tx: &SystemTx, new: NewPlatformBroadcast<'_>) -> Result<()> {
    let row = ActiveModel {
        id: Set(new.id.0),
        message: Set(new.message.to_owned()),
        category: Set(new.category.map(str::to_owned)),
        start_time: Set(new.start_time),
        created_at: Set(new.now),
        after_tenant: Set(0),
        finished_at: Set(None),
        sent_by: Set(new.sent_by),
        sender_name: Set(new.sender_name.map(str::to_owned)),
    };
    tx.insert(row).await?;
    Ok(())
}

/// The oldest that some tenant has not got yet.
pub async fn unfinished(tx: &SystemTx) -> Result<Option<PlatformBroadcastRow>> {
    let query = tx.select::<Entity>().filter(Column::FinishedAt.is_null());
    Ok(query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(1).one(&tx.tx).await?)
}

/// Records that every tenant up to this one has it.
pub async fn advance(tx: &SystemTx, id: BroadcastId, after: TenantId) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::AfterTenant, after.0.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

pub async fn finish(tx: &SystemTx, id: BroadcastId, now: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .exec(&tx.tx)
        .await?;
    Ok(())
}
