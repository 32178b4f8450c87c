//! Rooms. A conversation of two users is one too, but in no list of rooms.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};

use super::entity::rooms::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{RoomId, TenantId, UserId};

pub use super::entity::rooms::Model as RoomRow;

/// The room of every tenant that every user is in.
pub const LOBBY: &str = "lobby";
/// The visibility of two people's conversation.
pub const DIRECT: &str = "direct";

pub struct NewRoom<'a> {
    pub slug: &'a str,
    pub name: &'a str,
    pub topic: Option<&'a str>,
    pub visibility: &'a str,
    pub created_by: UserId,
    /// Microseconds since the epoch.
    pub now: i64,
}

/// The filter of a list of rooms.
pub struct RoomFilter<'a> {
    /// The rooms that the reader is in.
    pub own: &'a [RoomId],
    /// Also private rooms of others.
    pub every_private: bool,
    pub archived: bool,
}

pub(super) async fn open_lobby(tx: &SystemTx, tenant_id: TenantId, now: i64) -> Result<()> {
    let row = ActiveModel {
        tenant_id: Set(tenant_id.0),
        slug: Set(LOBBY.to_owned()),
        name: Set("Lobby".to_owned()),
        visibility: Set("public".to_owned()),
        everyone: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

/// `Duplicate` when the slug is taken in the tenant.
pub async fn insert(tx: &TenantTx, new: NewRoom<'_>) -> Result<RoomRow> {
    tx.insert(row(&new)).await
}

/// Creates a room unless the slug is taken in the tenant; returns whether it did.
pub async fn insert_new(tx: &TenantTx, new: NewRoom<'_>) -> Result<bool> {
    Ok(!tx.insert_new(vec![row(&new)]).await?.is_empty())
}

/// The conversation of two users, created when there is none, and locked until the transaction ends.
pub async fn lock_between(tx: &TenantTx, users: [UserId; 2], now: i64) -> Result<Option<RoomRow>> {
    let slug = slug_between(users);
    if let Some(row) = lock(tx, &slug).await? {
        return Ok(Some(row));
    }
    let row = ActiveModel {
        slug: Set(slug.clone()),
        name: Set(String::new()),
        visibility: Set(DIRECT.to_owned()),
        everyone: Set(false),
        user_low: Set(Some(users[0].0.min(users[1].0))),
        user_high: Set(Some(users[0].0.max(users[1].0))),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    // Both may send their first message at the same moment: the later one finds the row.
    tx.insert_new(vec![row]).await?;
    lock(tx, &slug).await
}

/// The conversation of two users, if there is one.
pub async fn find_between(tx: &TenantTx, users: [UserId; 2]) -> Result<Option<RoomRow>> {
    find(tx, &slug_between(users)).await
}

/// No room id on the wire contains a colon.
fn slug_between([one, other]: [UserId; 2]) -> String {
    format!("direct:{}:{}", one.min(other), one.max(other))
}

fn row(new: &NewRoom<'_>) -> ActiveModel {
    ActiveModel {
        slug: Set(new.slug.to_owned()),
        name: Set(new.name.to_owned()),
        topic: Set(new.topic.map(str::to_owned)),
        visibility: Set(new.visibility.to_owned()),
        everyone: Set(false),
        created_by: Set(Some(new.created_by.0)),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    }
}

pub async fn find(tx: &TenantTx, slug: &str) -> Result<Option<RoomRow>> {
    Ok(tx.select::<Entity>().filter(Column::Slug.eq(slug)).one(&tx.tx).await?)
}

/// Like [`find`], and locks the row until the transaction ends: changes in a room happen one after the other.
pub async fn lock(tx: &TenantTx, slug: &str) -> Result<Option<RoomRow>> {
    Ok(tx.select::<Entity>().filter(Column::Slug.eq(slug)).lock_exclusive().one(&tx.tx).await?)
}

pub async fn find_by_id(tx: &TenantTx, id: RoomId) -> Result<Option<RoomRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// Like [`lock`], by the row's id.
pub async fn lock_by_id(tx: &TenantTx, id: RoomId) -> Result<Option<RoomRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).lock_exclusive().one(&tx.tx).await?)
}

/// The wire ids of several rooms.
pub async fn slugs(tx: &TenantTx, ids: &[RoomId]) -> Result<Vec<(RoomId, String)>> {
    let query = tx.select::<Entity>().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    let rows: Vec<(i64, String)> =
        query.select_only().column(Column::Id).column(Column::Slug).into_tuple().all(&tx.tx).await?;
    Ok(rows.into_iter().map(|(id, slug)| (RoomId(id), slug)).collect())
}

/// In the order of creation, after the one with id `after`.
pub async fn list(
    tx: &TenantTx,
    filter: &RoomFilter<'_>,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<RoomRow>> {
    let mut visible = Condition::any()
        .add(Column::Visibility.eq("public"))
        .add(Column::Id.is_in(filter.own.iter().map(|room| room.0)));
    if filter.every_private {
        visible = visible.add(Column::Visibility.eq("private"));
    }
    let archived =
        if filter.archived { Column::ArchivedAt.is_not_null() } else { Column::ArchivedAt.is_null() };
    let query = tx
        .select::<Entity>()
        .filter(Column::Visibility.ne(DIRECT))
        .filter(visible)
        .filter(archived)
        .filter(Column::Id.gt(after.unwrap_or(0)));
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// The conversations of a user, newest first, before the one with id `before`.
pub async fn conversations(
    tx: &TenantTx,
    user_id: UserId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<RoomRow>> {
    let own = Condition::any().add(Column::UserLow.eq(user_id.0)).add(Column::UserHigh.eq(user_id.0));
    let query = tx.select::<Entity>().filter(own).filter(Column::Id.lt(before.unwrap_or(i64::MAX)));
    Ok(query.order_by_desc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// Changes name and topic.
pub async fn update(tx: &TenantTx, id: RoomId, name: &str, topic: Option<&str>, now: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::Name, name.into())
        .col_expr(Column::Topic, Expr::value(topic.map(str::to_owned)))
        .col_expr(Column::UpdatedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// The room accepts nothing from now on.
pub async fn archive(tx: &TenantTx, id: RoomId, now: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::ArchivedAt, now.into())
        .col_expr(Column::UpdatedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}
