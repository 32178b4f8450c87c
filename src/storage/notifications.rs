//! Stored notifications and their read marks.

use std::collections::HashSet;

use sea_orm::sea_query::Condition;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::batched_delete::{self, LockedBatch as _};
use super::entity::{notification_reads, notifications};
use super::error::{Error, Result};
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{NotificationId, UserId};

pub use super::entity::notifications::Model as NotificationRow;

pub struct NewNotification {
    pub id: NotificationId,
    /// The sequence number orders the list; ids of one millisecond do not.
    pub seq: i64,
    pub kind: &'static str,
    pub audience: String,
    pub body: String,
    pub now: i64,
}

pub async fn insert(tx: &TenantTx, new: NewNotification) -> Result<()> {
    let row = notifications::ActiveModel {
        id: Set(new.id.0),
        seq: Set(new.seq),
        kind: Set(new.kind.to_owned()),
        audience: Set(new.audience),
        body: Set(new.body),
        created_at: Set(new.now),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

/// What a reader may see: notifications for these audiences, and all of these kinds.
pub struct Readership {
    pub audiences: Vec<String>,
    pub kinds: &'static [&'static str],
}

impl Readership {
    pub fn includes(&self, row: &NotificationRow) -> bool {
        self.audiences.contains(&row.audience) || self.kinds.contains(&row.kind.as_str())
    }

    fn condition(&self) -> Condition {
        Condition::any()
            .add(notifications::Column::Audience.is_in(self.audiences.iter().map(String::as_str)))
            .add(notifications::Column::Kind.is_in(self.kinds.iter().copied()))
    }
}

/// Newest first, before `before`.
pub async fn list(
    tx: &TenantTx,
    readership: &Readership,
    before: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<NotificationRow>> {
    let mut query = tx.select::<notifications::Entity>().filter(readership.condition());
    if let Some((seq, id)) = before {
        let earlier = Condition::any().add(notifications::Column::Seq.lt(seq)).add(
            Condition::all().add(notifications::Column::Seq.eq(seq)).add(notifications::Column::Id.lt(id)),
        );
        query = query.filter(earlier);
    }
    Ok(query
        .order_by_desc(notifications::Column::Seq)
        .order_by_desc(notifications::Column::Id)
        .limit(limit)
        .all(&tx.tx)
        .await?)
}

pub async fn find(tx: &TenantTx, id: NotificationId) -> Result<Option<NotificationRow>> {
    Ok(tx.select::<notifications::Entity>().filter(notifications::Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// Which of `ids` the user has read.
pub async fn read_by(tx: &TenantTx, user: UserId, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
    let rows = tx
        .select::<notification_reads::Entity>()
        .filter(notification_reads::Column::UserId.eq(user.0))
        .filter(notification_reads::Column::NotificationId.is_in(ids.iter().copied()))
        .all(&tx.tx)
        .await?;
    Ok(rows.into_iter().map(|row| row.notification_id).collect())
}

/// Records that the user has read it; a repeated call changes nothing.
pub async fn mark_read(tx: &TenantTx, id: NotificationId, user: UserId, now: i64) -> Result<()> {
    if read_by(tx, user, &[id.0]).await?.contains(&id.0) {
        return Ok(());
    }
    let row = notification_reads::ActiveModel {
        notification_id: Set(id.0),
        user_id: Set(user.0),
        read_at: Set(now),
        ..Default::default()
    };
    match tx.insert(row).await {
        // Two tabs marked it at once. On PostgreSQL that aborts the transaction; there is nothing else in it.
        Ok(_) | Err(Error::Duplicate(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Deletes notifications from before `before` with their read marks: at most `most` rows, of one tenant at a time.
/// Returns how many rows were deleted; 0 when nothing that old is left.
pub async fn purge(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let old: Vec<(i64, Uuid)> = tx
        .select::<notifications::Entity>()
        .select_only()
        .column(notifications::Column::TenantId)
        .column(notifications::Column::Id)
        .filter(notifications::Column::CreatedAt.lt(before))
        .order_by_asc(notifications::Column::CreatedAt)
        .lock_batch(most)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let Some(&(tenant, _)) = old.first() else { return Ok(0) };
    let ids: Vec<Uuid> = old.into_iter().filter(|(of, _)| *of == tenant).map(|(_, id)| id).collect();
    let reads = batched_delete::reads_of(tx, tenant, &ids, most).await?;
    if reads == most {
        return Ok(reads);
    }
    let room = usize::try_from(most - reads).unwrap_or(usize::MAX);
    let which = Condition::all()
        .add(notifications::Column::TenantId.eq(tenant))
        .add(notifications::Column::Id.is_in(ids.into_iter().take(room)));
    Ok(reads + tx.delete::<notifications::Entity>(which).exec(&tx.tx).await?.rows_affected)
}
