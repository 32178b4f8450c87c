//! Sign-ins and their refresh tokens: a session is the family, its tokens replace one another.

use sea_orm::sea_query::{Condition, SimpleExpr};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::batched_delete::LockedBatch as _;
use super::entity::{refresh_tokens, sessions};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};

pub use super::entity::refresh_tokens::Model as RefreshTokenRow;
pub use super::entity::sessions::Model as SessionRow;

/// Maximum of ids in one statement: both databases limit the number of bound values.
const BATCH: usize = 500;

/// The account that a session belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    User(TenantId, UserId),
    Operator(OperatorId),
}

impl Owner {
    /// The tenant; none for a platform account.
    pub fn tenant_id(self) -> Option<TenantId> {
        match self {
            Self::User(tenant, _) => Some(tenant),
            Self::Operator(_) => None,
        }
    }

    /// The columns of a row: tenant, user, operator.
    pub(super) fn columns(self) -> (Option<i64>, Option<i64>, Option<i64>) {
        match self {
            Self::User(tenant, user) => (Some(tenant.0), Some(user.0), None),
            Self::Operator(operator) => (None, None, Some(operator.0)),
        }
    }
}

pub struct NewSession<'a> {
    pub id: SessionId,
    pub owner: Owner,
    pub user_agent: Option<&'a str>,
    pub address: Option<&'a str>,
    pub now: i64,
    /// Of [`next_use`].
    pub used_at: i64,
    pub expires_at: i64,
}

pub async fn insert(tx: &SystemTx, new: NewSession<'_>) -> Result<SessionRow> {
    let (tenant_id, user_id, operator_id) = new.owner.columns();
    let row = sessions::ActiveModel {
        id: Set(new.id.0),
        tenant_id: Set(tenant_id),
        user_id: Set(user_id),
        operator_id: Set(operator_id),
        user_agent: Set(new.user_agent.map(str::to_owned)),
        address: Set(new.address.map(str::to_owned)),
        created_at: Set(new.now),
        last_used_at: Set(new.used_at),
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

/// A page of a user's active sessions, newest first.
pub async fn list_of_user(
    tx: &TenantTx,
    user: UserId,
    now: i64,
    before: Option<SessionId>,
    limit: u64,
) -> Result<Vec<SessionRow>> {
    let query = tx.select::<sessions::Entity>().filter(sessions::Column::UserId.eq(user.0));
    Ok(active_page(query, now, before, limit).all(&tx.tx).await?)
}

/// A page of an operator's active sessions, newest first.
pub async fn list_of_operator(
    tx: &SystemTx,
    operator: OperatorId,
    now: i64,
    before: Option<SessionId>,
    limit: u64,
) -> Result<Vec<SessionRow>> {
    let query = tx.select::<sessions::Entity>().filter(sessions::Column::OperatorId.eq(operator.0));
    Ok(active_page(query, now, before, limit).all(&tx.tx).await?)
}

fn active_page(
    query: Select<sessions::Entity>,
    now: i64,
    before: Option<SessionId>,
    limit: u64,
) -> Select<sessions::Entity> {
    let after_cursor = Condition::all().add_option(before.map(|id| sessions::Column::Id.lt(id.0)));
    query
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now))
        .filter(after_cursor)
        .order_by_desc(sessions::Column::Id)
        .limit(limit)
}

/// The time of use for a session of the account that is used now: after every earlier use, even if the clock has not
/// advanced, so that the sessions of an account have one order. The account's row, or the session's, must be locked.
pub async fn next_use(tx: &SystemTx, owner: Owner, now: i64) -> Result<i64> {
    let newest = tx
        .select::<sessions::Entity>()
        .filter(owned_by(owner))
        .filter(sessions::Column::RevokedAt.is_null())
        .select_only()
        .column_as(sessions::Column::LastUsedAt.max(), "newest")
        .into_tuple::<Option<i64>>()
        .one(&tx.tx)
        .await?;
    Ok(newest.flatten().map_or(now, |newest| now.max(newest.saturating_add(1))))
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

/// Ends one session; `false` when it had ended already or does not exist.
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

/// Ends an operator's sessions, all but perhaps one, in one statement: an account may have more than any list shows.
pub async fn revoke_of_operator(
    tx: &SystemTx,
    operator: OperatorId,
    except: Option<SessionId>,
    now: i64,
) -> Result<()> {
    tx.update::<sessions::Entity>()
        .filter(owned_by(Owner::Operator(operator)))
        .filter(active_except(except))
        .col_expr(sessions::Column::RevokedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Ends a user's sessions, all but perhaps one, in one statement.
pub async fn revoke_of_user(tx: &TenantTx, user: UserId, except: Option<SessionId>, now: i64) -> Result<()> {
    tx.update::<sessions::Entity>()
        .filter(sessions::Column::UserId.eq(user.0))
        .filter(active_except(except))
        .col_expr(sessions::Column::RevokedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

fn active_except(except: Option<SessionId>) -> Condition {
    Condition::all()
        .add(sessions::Column::RevokedAt.is_null())
        .add_option(except.map(|session| sessions::Column::Id.ne(session.0)))
}

/// Ends all active sessions of an account but the `kept` last used, and returns those it ended. The account's row
/// must be locked: two concurrent sign-ins would each make room for one, and leave one session too many.
pub async fn revoke_oldest(tx: &SystemTx, owner: Owner, kept: u64, now: i64) -> Result<Vec<SessionId>> {
    let oldest = tx
        .select::<sessions::Entity>()
        .filter(owned_by(owner))
        .filter(sessions::Column::RevokedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(now))
        .order_by_desc(sessions::Column::LastUsedAt)
        .order_by_desc(sessions::Column::Id)
        .select_only()
        .column(sessions::Column::Id)
        .offset(kept)
        .limit(i64::MAX.unsigned_abs())
        .into_tuple::<Uuid>()
        .all(&tx.tx)
        .await?;
    for batch in oldest.chunks(BATCH) {
        tx.update::<sessions::Entity>()
            .filter(sessions::Column::Id.is_in(batch.iter().copied()))
            .col_expr(sessions::Column::RevokedAt, now.into())
            .exec(&tx.tx)
            .await?;
    }
    Ok(oldest.into_iter().map(SessionId).collect())
}

fn owned_by(owner: Owner) -> Condition {
    match owner {
        Owner::User(tenant, user) => Condition::all()
            .add(sessions::Column::TenantId.eq(tenant.0))
            .add(sessions::Column::UserId.eq(user.0)),
        Owner::Operator(operator) => Condition::all().add(sessions::Column::OperatorId.eq(operator.0)),
    }
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

/// The token with this hash.
pub async fn find_refresh_token(tx: &SystemTx, secret_hash: &str) -> Result<Option<RefreshTokenRow>> {
    let query = tx.select::<refresh_tokens::Entity>();
    Ok(query.filter(refresh_tokens::Column::SecretHash.eq(secret_hash)).one(&tx.tx).await?)
}

/// Like [`find_refresh_token`]. Locks the row: of two concurrent uses one rotates, the other sees it used.
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

/// Removes refresh tokens that expired before `before`, at most `most`, and returns how many.
pub async fn purge_refresh_tokens(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let expired = tx
        .select::<refresh_tokens::Entity>()
        .filter(refresh_tokens::Column::ExpiresAt.lt(before))
        .lock_batch(most)
        .select_only()
        .column(refresh_tokens::Column::Id)
        .into_tuple::<i64>()
        .all(&tx.tx)
        .await?;
    let which = refresh_tokens::Column::Id.is_in(expired);
    Ok(tx.delete::<refresh_tokens::Entity>(which).exec(&tx.tx).await?.rows_affected)
}

/// Removes sessions that expired before `before` or were ended before `ended_before`, at most `most` of each, and
/// returns how many.
pub async fn purge(tx: &SystemTx, before: i64, ended_before: i64, most: u64) -> Result<u64> {
    let expired = purge_batch(tx, sessions::Column::ExpiresAt.lt(before), most).await?;
    Ok(expired + purge_batch(tx, sessions::Column::RevokedAt.lt(ended_before), most).await?)
}

async fn purge_batch(tx: &SystemTx, over: SimpleExpr, most: u64) -> Result<u64> {
    let expired = tx
        .select::<sessions::Entity>()
        .filter(over)
        .lock_batch(most)
        .select_only()
        .column(sessions::Column::Id)
        .into_tuple::<Uuid>()
        .all(&tx.tx)
        .await?;
    let which = sessions::Column::Id.is_in(expired);
    Ok(tx.delete::<sessions::Entity>(which).exec(&tx.tx).await?.rows_affected)
}
