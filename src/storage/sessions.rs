//! Sign-ins and the refresh tokens of each: a session is the family, its tokens follow one another.

use sea_orm::sea_query::Condition;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::{refresh_tokens, sessions};
use super::{Result, SystemTx, TenantTx};
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};

pub use super::entity::refresh_tokens::Model as RefreshTokenRow;
pub use super::entity::sessions::Model as SessionRow;

/// Whose session it is.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    User(TenantId, UserId),
    Operator(OperatorId),
}

pub struct NewSession<'a> {
    pub id: SessionId,
    pub owner: Owner,
    pub user_agent: Option<&'a str>,
    pub address: Option<&'a str>,
    pub now: i64,
    pub expires_at: i64,
}

pub async fn insert(tx: &SystemTx, new: NewSession<'_>) -> Result<SessionRow> {
    let (tenant_id, user_id, operator_id) = match new.owner {
        Owner::User(tenant, user) => (Some(tenant.0), Some(user.0), None),
        Owner::Operator(operator) => (None, None, Some(operator.0)),
    };
    let row = sessions::ActiveModel {
        id: Set(new.id.0),
        tenant_id: Set(tenant_id),
        user_id: Set(user_id),
        operator_id: Set(operator_id),
        user_agent: Set(new.user_agent.map(str::to_owned)),
        address: Set(new.address.map(str::to_owned)),
        created_at: Set(new.now),
        last_used_at: Set(new.now),
        expires_at: Set(new.expires_at),
        revoked_at: Set(None),
    };
    tx.insert(row).await
}

pub async fn find(tx: &SystemTx, id: SessionId) -> Result<Option<SessionRow>> {
    Ok(tx.select::<sessions::Entity>().filter(sessions::Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &SystemTx, id: SessionId) -> Result<Option<SessionRow>> {
    let query = tx.select::<sessions::Entity>().filter(sessions::Column::Id.eq(id.0));
    Ok(query.lock_exclusive().one(&tx.tx).await?)
}

/// One of the tenant's sessions.
pub async fn find_own(tx: &TenantTx, id: SessionId) -> Result<Option<SessionRow>> {
    Ok(tx.select::<sessions::Entity>().filter(sessions::Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// A user's sessions that still stand, newest first.
pub async fn list_of_user(tx: &TenantTx, user: UserId, now: i64) -> Result<Vec<SessionRow>> {
    Ok(tx
        .select::<sessions::Entity>()
        .filter(sessions::Column::UserId.eq(user.0))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now))
        .order_by_desc(sessions::Column::Id)
        .limit(200)
        .all(&tx.tx)
        .await?)
}

/// An operator's sessions that still stand, newest first.
pub async fn list_of_operator(tx: &SystemTx, operator: OperatorId, now: i64) -> Result<Vec<SessionRow>> {
    Ok(tx
        .select::<sessions::Entity>()
        .filter(sessions::Column::OperatorId.eq(operator.0))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now))
        .order_by_desc(sessions::Column::Id)
        .limit(200)
        .all(&tx.tx)
        .await?)
}

pub async fn touch(tx: &SystemTx, id: SessionId, now: i64, expires_at: i64) -> Result<()> {
    tx.update::<sessions::Entity>()
        .filter(sessions::Column::Id.eq(id.0))
        .col_expr(sessions::Column::LastUsedAt, now.into())
        .col_expr(sessions::Column::ExpiresAt, expires_at.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Ends one session; `false` when it had ended already or never was.
pub async fn revoke(tx: &SystemTx, id: SessionId, now: i64) -> Result<bool> {
    let done = tx
        .update::<sessions::Entity>()
        .filter(sessions::Column::Id.eq(id.0))
        .filter(sessions::Column::RevokedAt.is_null())
        .col_expr(sessions::Column::RevokedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Ends a session of this owner; `false` when it had ended already or is not the owner's.
pub async fn revoke_own(tx: &SystemTx, owner: Owner, id: SessionId, now: i64) -> Result<bool> {
    let done = tx
        .update::<sessions::Entity>()
        .filter(sessions::Column::Id.eq(id.0))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now))
        .filter(owned_by(owner))
        .col_expr(sessions::Column::RevokedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Ends an operator's sessions, all but perhaps one, and tells which.
pub async fn revoke_of_operator(
    tx: &SystemTx,
    operator: OperatorId,
    except: Option<SessionId>,
    now: i64,
) -> Result<Vec<SessionId>> {
    let standing = list_of_operator(tx, operator, now).await?;
    let ids: Vec<Uuid> =
        standing.iter().map(|row| row.id).filter(|id| except.is_none_or(|kept| kept.0 != *id)).collect();
    tx.update::<sessions::Entity>()
        .filter(sessions::Column::Id.is_in(ids.iter().copied()))
        .col_expr(sessions::Column::RevokedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(ids.into_iter().map(SessionId).collect())
}

fn owned_by(owner: Owner) -> Condition {
    match owner {
        Owner::User(tenant, user) => Condition::all()
            .add(sessions::Column::TenantId.eq(tenant.0))
            .add(sessions::Column::UserId.eq(user.0)),
        Owner::Operator(operator) => Condition::all().add(sessions::Column::OperatorId.eq(operator.0)),
    }
}

/// Ends a user's sessions, all or all but one, and tells which.
pub async fn revoke_of_user(
    tx: &TenantTx,
    user: UserId,
    except: Option<SessionId>,
    now: i64,
) -> Result<Vec<SessionId>> {
    let which = || {
        Condition::all()
            .add(sessions::Column::UserId.eq(user.0))
            .add(sessions::Column::RevokedAt.is_null())
            .add_option(except.map(|session| sessions::Column::Id.ne(session.0)))
    };
    let ended = tx
        .select::<sessions::Entity>()
        .filter(which())
        .select_only()
        .column(sessions::Column::Id)
        .into_tuple::<Uuid>()
        .all(&tx.tx)
        .await?;
    tx.update::<sessions::Entity>()
        .filter(which())
        .col_expr(sessions::Column::RevokedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(ended.into_iter().map(SessionId).collect())
}

pub async fn add_refresh_token(
    tx: &SystemTx,
    session: &SessionRow,
    secret_hash: &str,
    now: i64,
    expires_at: i64,
) -> Result<()> {
    let row = refresh_tokens::ActiveModel {
        tenant_id: Set(session.tenant_id),
        session_id: Set(session.id),
        secret_hash: Set(secret_hash.to_owned()),
        created_at: Set(now),
        expires_at: Set(expires_at),
        used_at: Set(None),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

/// The token with this hash. Holds the row: of two that come at once one rotates, the other sees it used.
pub async fn lock_refresh_token(tx: &SystemTx, secret_hash: &str) -> Result<Option<RefreshTokenRow>> {
    let query = tx.select::<refresh_tokens::Entity>();
    let query = query.filter(refresh_tokens::Column::SecretHash.eq(secret_hash));
    Ok(query.lock_exclusive().one(&tx.tx).await?)
}

pub async fn mark_used(tx: &SystemTx, token: i64, now: i64) -> Result<()> {
    tx.update::<refresh_tokens::Entity>()
        .filter(refresh_tokens::Column::Id.eq(token))
        .filter(refresh_tokens::Column::UsedAt.is_null())
        .col_expr(refresh_tokens::Column::UsedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Removes refresh tokens that expired before `before`, at most `most`, and tells how many.
pub async fn forget_refresh_tokens(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let expired = tx
        .select::<refresh_tokens::Entity>()
        .filter(refresh_tokens::Column::ExpiresAt.lt(before))
        .limit(most)
        .select_only()
        .column(refresh_tokens::Column::Id)
        .into_tuple::<i64>()
        .all(&tx.tx)
        .await?;
    let which = refresh_tokens::Column::Id.is_in(expired);
    Ok(tx.delete::<refresh_tokens::Entity>(which).exec(&tx.tx).await?.rows_affected)
}

/// Removes sessions that expired before `before`, at most `most`, and tells how many.
pub async fn forget(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let expired = tx
        .select::<sessions::Entity>()
        .filter(sessions::Column::ExpiresAt.lt(before))
        .limit(most)
        .select_only()
        .column(sessions::Column::Id)
        .into_tuple::<Uuid>()
        .all(&tx.tx)
        .await?;
    let which = sessions::Column::Id.is_in(expired);
    Ok(tx.delete::<sessions::Entity>(which).exec(&tx.tx).await?.rows_affected)
}
