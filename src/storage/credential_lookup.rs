//! What a credential is checked against: its own row with the account's and the tenant's, in one query.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationDef, Select,
};

use super::entity::{api_keys, operators, sessions, tenants, users};
use super::error::Result;
use super::tx::SystemTx;
use crate::base::ids::{KeyId, SessionId, UserId};

/// A user with its tenant's columns.
#[derive(Clone, Debug, FromQueryResult)]
pub struct UserCredentialRow {
    pub user_id: i64,
    pub tenant_id: i64,
    pub tenant_slug: String,
    pub username: String,
    pub role: String,
    pub user_is_active: bool,
    pub tenant_is_active: bool,
    /// When the session was ended, and when it expires, where one was asked for.
    pub session_revoked_at: Option<i64>,
    pub session_expires_at: Option<i64>,
}

impl UserCredentialRow {
    /// Whether the session that was asked for is still active.
    pub fn is_session_active(&self, now: i64) -> bool {
        self.session_revoked_at.is_none() && self.session_expires_at.is_some_and(|end| end > now)
    }
}

/// An operator.
#[derive(Clone, Debug, FromQueryResult)]
pub struct OperatorCredentialRow {
    pub operator_id: i64,
    pub username: String,
    pub is_active: bool,
    pub session_revoked_at: Option<i64>,
    pub session_expires_at: i64,
}

impl OperatorCredentialRow {
    /// Whether the session is still active.
    pub fn is_session_active(&self, now: i64) -> bool {
        self.session_revoked_at.is_none() && self.session_expires_at > now
    }
}

/// A key with its maker's and its tenant's columns.
#[derive(Clone, Debug, FromQueryResult)]
pub struct KeyCredentialRow {
    pub key_id: uuid::Uuid,
    pub tenant_id: i64,
    pub made_by: i64,
    pub scopes: String,
    pub secret_hash: String,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub maker_is_active: bool,
    pub tenant_is_active: bool,
}

/// The user of a session, active or ended: deactivation ends the user's sessions too, and must be reported rather
/// than the ended session.
pub async fn of_session(tx: &SystemTx, id: SessionId) -> Result<Option<UserCredentialRow>> {
    let query = session(tx, id)
        .join(JoinType::InnerJoin, user_of_session())
        .join(JoinType::InnerJoin, tenant_of_user())
        .filter(users::Column::DeletedAt.is_null());
    let query = user_columns(query.select_only())
        .column_as(sessions::Column::RevokedAt, "session_revoked_at")
        .column_as(sessions::Column::ExpiresAt, "session_expires_at");
    Ok(query.into_model().one(&tx.tx).await?)
}

/// The operator of a session, active or ended.
pub async fn of_operator_session(tx: &SystemTx, id: SessionId) -> Result<Option<OperatorCredentialRow>> {
    let query = session(tx, id).join(JoinType::InnerJoin, operator_of_session());
    Ok(query
        .select_only()
        .column_as(operators::Column::Id, "operator_id")
        .column(operators::Column::Username)
        .column(operators::Column::IsActive)
        .column_as(sessions::Column::RevokedAt, "session_revoked_at")
        .column_as(sessions::Column::ExpiresAt, "session_expires_at")
        .into_model()
        .one(&tx.tx)
        .await?)
}

pub async fn of_user(tx: &SystemTx, id: UserId) -> Result<Option<UserCredentialRow>> {
    let query = users(tx).filter(users::Column::Id.eq(id.0));
    Ok(without_session(user_columns(query.select_only())).into_model().one(&tx.tx).await?)
}

/// The users of this name in any of these tenants.
pub async fn of_username(tx: &SystemTx, slugs: &[String], username: &str) -> Result<Vec<UserCredentialRow>> {
    let query = users(tx)
        .filter(users::Column::UsernameKey.is_in(super::users::keys_of(username)))
        .filter(tenants::Column::Slug.is_in(slugs.iter().map(String::as_str)));
    Ok(without_session(user_columns(query.select_only())).into_model().all(&tx.tx).await?)
}

fn without_session<E: EntityTrait>(query: Select<E>) -> Select<E> {
    let none = || Expr::value(Option::<i64>::None).cast_as("bigint");
    query.expr_as(none(), "session_revoked_at").expr_as(none(), "session_expires_at")
}

/// A key that was not revoked, by its public half; the key determines the tenant.
pub async fn of_key(tx: &SystemTx, id: KeyId) -> Result<Option<KeyCredentialRow>> {
    let query = tx
        .select::<api_keys::Entity>()
        .filter(api_keys::Column::Id.eq(id.0))
        .filter(api_keys::Column::RevokedAt.is_null())
        .join(JoinType::InnerJoin, maker_of_key())
        .join(JoinType::InnerJoin, tenant_of_user());
    Ok(query
        .select_only()
        .column_as(api_keys::Column::Id, "key_id")
        .column(api_keys::Column::TenantId)
        .column(api_keys::Column::MadeBy)
        .column(api_keys::Column::Scopes)
        .column(api_keys::Column::SecretHash)
        .column(api_keys::Column::ExpiresAt)
        .column(api_keys::Column::LastUsedAt)
        .column_as(users::Column::IsActive, "maker_is_active")
        .column_as(tenants::Column::IsActive, "tenant_is_active")
        .into_model()
        .one(&tx.tx)
        .await?)
}

fn session(tx: &SystemTx, id: SessionId) -> Select<sessions::Entity> {
    tx.select::<sessions::Entity>().filter(sessions::Column::Id.eq(id.0))
}

fn users(tx: &SystemTx) -> Select<users::Entity> {
    tx.select::<users::Entity>()
        .filter(users::Column::DeletedAt.is_null())
        .join(JoinType::InnerJoin, tenant_of_user())
}

fn user_columns<E: EntityTrait>(query: Select<E>) -> Select<E> {
    query
        .column_as(users::Column::Id, "user_id")
        .column_as(users::Column::TenantId, "tenant_id")
        .column_as(tenants::Column::Slug, "tenant_slug")
        .column_as(users::Column::Username, "username")
        .column_as(users::Column::Role, "role")
        .column_as(users::Column::IsActive, "user_is_active")
        .column_as(tenants::Column::IsActive, "tenant_is_active")
}

fn user_of_session() -> RelationDef {
    let relation = sessions::Entity::belongs_to(users::Entity);
    relation.from(sessions::Column::UserId).to(users::Column::Id).into()
}

fn operator_of_session() -> RelationDef {
    let relation = sessions::Entity::belongs_to(operators::Entity);
    relation.from(sessions::Column::OperatorId).to(operators::Column::Id).into()
}

fn maker_of_key() -> RelationDef {
    let relation = api_keys::Entity::belongs_to(users::Entity);
    relation.from(api_keys::Column::MadeBy).to(users::Column::Id).into()
}

fn tenant_of_user() -> RelationDef {
    users::Entity::belongs_to(tenants::Entity).from(users::Column::TenantId).to(tenants::Column::Id).into()
}
