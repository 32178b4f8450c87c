//! Operations of the command line and the first start, for the owner of the database: use cases without a caller.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::api_keys::{self, CreatedKey, NewKey};
use super::login_name;
use super::password_links::{self, PasswordLink};
use super::placeholder_email::placeholder_email;
use super::platform_op::PlatformOp;
use super::tenants::{self, FirstAdminAccount, NewTenant, insert_first_admin};
use super::users::{self, NewUser};
use super::validation::FieldErrors;
use super::{Identity, accounts};
use crate::auth::key_scope::{KeyScope, Role};
use crate::auth::password::HashingParty;
use crate::auth::tenant_scope::SystemReason;
use crate::auth::token::mint::{AccessToken, Lifetime, Subject};
use crate::base::ids::{SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::{AuditEntry, Op, Origin};
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};
use crate::protocol::user::UserView;
use crate::storage::operators::OperatorRow;
use crate::storage::platform_marks::{self, PlatformMark};
use crate::storage::sessions::Owner;
use crate::storage::tenants::{self as tenant_rows, TenantRow};
use crate::storage::users::{self as user_rows, UserRow};
use crate::storage::{Error, micros, operators};

/// A user to create from the command line.
pub struct BootstrapUser<'a> {
    pub username: &'a str,
    /// Without one, a placeholder that no mail can reach.
    pub email: Option<&'a str>,
    pub role: Role,
    /// Without one, the user gets a one-time link.
    pub password: Option<&'a SecretString>,
}

/// `lotline tenant create`.
pub async fn create_tenant(identity: &Identity, slug: &str, name: &str) -> Result<TenantRow> {
    let op = PlatformOp::of_system(&identity.services, SystemReason::CommandLine);
    let new = NewTenant { slug: slug.to_owned(), name: name.to_owned() };
    Ok(tenants::create(identity, &op, &new, None).await?.row)
}

/// `lotline user create --tenant`.
pub async fn create_user(identity: &Identity, tenant: &str, new: &BootstrapUser<'_>) -> Result<UserView> {
    let op = tenant_op(identity, tenant).await?;
    let user = NewUser {
        username: new.username.to_owned(),
        email: email_of(new.username, new.email, tenant),
        password: new.password.map(|password| password.expose_secret().to_owned()),
        role: new.role,
        display_name: None,
    };
    users::create(identity, &op, user).await
}

/// `lotline user create --operator`.
pub async fn create_operator(
    identity: &Identity,
    username: &str,
    password: &SecretString,
) -> Result<OperatorRow> {
    let mut faults = FieldErrors::default();
    let username = faults.username(&["username"], username);
    let password = faults.password(&["password"], password.expose_secret(), &username);
    faults.into_result()?;
    login_name::refuse_mixed_scripts(&["username"], &username)?;
    let password = password.ok_or_else(Problem::internal)?;
    let hash = identity.hash(HashingParty::Platform, &password).await?;
    let op = PlatformOp::of_system(&identity.services, SystemReason::CommandLine);
    let tx = op.begin().await?;
    let taken = || Problem::new(Code::Conflict, "An operator of this name exists.");
    if operators::find_by_username(&tx, &username).await?.is_some() {
        return Err(taken());
    }
    let row = operators::insert(&tx, &username, &hash, micros(op.now())).await;
    let row = row.map_err(|error| match error {
        Error::Duplicate(_) => taken(),
        other => other.into(),
    })?;
    let entry = AuditEntry {
        action: "operator.created",
        target_kind: "operator",
        target_id: row.id.to_string(),
        detail: Some(serde_json::json!({ "username": row.username })),
    };
    op.audit(&tx, None, entry).await?;
    tx.commit().await?;
    Ok(row)
}

/// `lotline user list --operator`.
pub async fn list_operators(identity: &Identity) -> Result<Vec<OperatorRow>> {
    let tx = identity.services.db.system(SystemReason::CommandLine).read().await?;
    Ok(operators::list(&tx).await?)
}

/// Finds a user by name; returns the context in the user's tenant, too.
pub async fn find_user(identity: &Identity, tenant: &str, username: &str) -> Result<(Op, UserId)> {
    let op = tenant_op(identity, tenant).await?;
    let tx = op.read().await?;
    let user = user_rows::find_by_username(&tx, username).await?;
    drop(tx);
    let user = user.ok_or_else(|| no_user(tenant, username))?;
    Ok((op, UserId(user.id)))
}

/// The one-time link with which a user created without a password sets one.
pub async fn password_link(identity: &Identity, tenant: &str, username: &str) -> Result<PasswordLink> {
    let (op, user) = find_user(identity, tenant, username).await?;
    password_links::create(identity, &op, user).await
}

/// A key to create from the command line.
pub struct BootstrapKey<'a> {
    /// The key's owner; the tenant's first active admin if absent.
    pub username: Option<&'a str>,
    pub name: &'a str,
    pub scopes: &'a [KeyScope],
    pub expires_at: Option<DateTime<Utc>>,
}

/// `lotline key create`.
pub async fn create_key(identity: &Identity, tenant: &str, args: &BootstrapKey<'_>) -> Result<CreatedKey> {
    let op = tenant_op(identity, tenant).await?;
    let tx = op.read().await?;
    let maker = match args.username {
        Some(username) => user_rows::find_by_username(&tx, username).await?,
        None => user_rows::first_admin(&tx).await?,
    };
    drop(tx);
    let no_admin = || Problem::new(Code::NotFound, "The tenant has no active admin.");
    let maker =
        maker.ok_or_else(|| args.username.map_or_else(no_admin, |username| no_user(tenant, username)))?;
    let new =
        NewKey { name: args.name.to_owned(), scopes: args.scopes.to_vec(), expires_at: args.expires_at };
    api_keys::create_for(identity, &op, &new, UserId(maker.id)).await
}

/// `lotline token mint`: an access token of a user, with a sign-in of its own that can be ended like any other.
pub async fn mint_token(
    identity: &Identity,
    tenant: &str,
    username: &str,
    lifetime: Option<Lifetime>,
) -> Result<AccessToken> {
    let op = tenant_op(identity, tenant).await?;
    let tenant_id = op.scope.tenant_id();
    let tx = identity.services.db.system(SystemReason::CommandLine).begin().await?;
    let no_such = || no_user(tenant, username);
    let user = user_rows::find_in(&tx, tenant_id, username).await?.ok_or_else(no_such)?;
    let user = user_rows::lock_in(&tx, tenant_id, UserId(user.id)).await?.ok_or_else(no_such)?;
    let session_id = SessionId::new(&identity.services.clock);
    let owner = Owner::User(tenant_id, UserId(user.id));
    let origin = Origin { user_agent: Some("lotline token mint".to_owned()), ..Origin::default() };
    // Its refresh token is discarded: the session expires by itself.
    let begun = identity.begin_session(&tx, owner, session_id, &origin).await?;
    let entry = AuditEntry {
        action: "token.minted",
        target_kind: "user",
        target_id: user.id.to_string(),
        detail: None,
    };
    let platform = PlatformOp::of_system(&identity.services, SystemReason::CommandLine);
    platform.audit(&tx, Some(tenant_id), entry).await?;
    tx.commit().await?;
    identity.publish_evicted(begun.ended);
    let who = Subject::User {
        user_id: UserId(user.id),
        tenant_id,
        role: accounts::role(&user.role)?,
        username: user.username,
        session_id,
    };
    identity.sign(&who, lifetime.unwrap_or(identity.settings.access_ttl))
}

/// Whether this store never had a tenant: a first start.
pub async fn is_empty(identity: &Identity) -> Result<bool> {
    let tx = identity.services.db.system(SystemReason::Bootstrap).read().await?;
    Ok(!platform_marks::is_set(&tx, PlatformMark::FirstTenant).await?)
}

/// Creates the first tenant and its admin from the configuration, in a store that never had a tenant. Elsewhere it
/// does nothing, so that the setting may stay: a removed tenant does not come back with an old password.
pub async fn first_start(
    identity: &Identity,
    tenant: &str,
    username: &str,
    password: &SecretString,
) -> Result<Option<(TenantRow, UserRow)>> {
    if !is_empty(identity).await? {
        return Ok(None);
    }
    let op = PlatformOp::of_system(&identity.services, SystemReason::Bootstrap);
    let new = NewTenant { slug: tenant.to_owned(), name: tenant.to_owned() };
    let mut faults = FieldErrors::default();
    tenants::check(&mut faults, &["tenant"], &new);
    let username = faults.username(&["username"], username);
    let password = faults.password(&["password"], password.expose_secret(), &username);
    faults.into_result()?;
    login_name::refuse_mixed_scripts(&["username"], &username)?;
    let password = password.ok_or_else(Problem::internal)?;
    let hash = identity.hash(HashingParty::Platform, &password).await?;
    let tx = op.begin().await?;
    // Checked again in the writing transaction: another node may start at the same time.
    if platform_marks::is_set(&tx, PlatformMark::FirstTenant).await? {
        return Ok(None);
    }
    let row = tenants::insert(&op, &tx, &new).await?;
    let email = email_of(&username, None, tenant);
    let admin = FirstAdminAccount { username: &username, email: &email, hash: Some(&hash) };
    let admin = insert_first_admin(&op, &tx, TenantId(row.id), &admin).await?;
    tx.commit().await?;
    Ok(Some((row, admin)))
}

fn email_of(username: &str, email: Option<&str>, tenant: &str) -> String {
    match email {
        Some(email) => email.to_owned(),
        None => placeholder_email(username, tenant),
    }
}

/// The context of the command line in a tenant.
pub async fn tenant_op(identity: &Identity, slug: &str) -> Result<Op> {
    let tx = identity.services.db.system(SystemReason::CommandLine).read().await?;
    let tenant = tenant_rows::find_by_slug(&tx, slug).await?;
    let tenant = tenant.ok_or_else(|| unknown("tenant", format!("there is no tenant `{slug}`")))?;
    Ok(Op::of_system(&identity.services, SystemReason::CommandLine, TenantId(tenant.id)))
}

fn no_user(tenant: &str, username: &str) -> Problem {
    unknown("username", format!("the tenant `{tenant}` has no user `{username}`"))
}

/// The error for an unknown name; `field` is where it was given.
fn unknown(field: &str, words: String) -> Problem {
    let mut problem = Problem::new(Code::NotFound, "There is nothing of this name.");
    problem.errors = vec![FieldError::in_body(&[PathSegment::Name(field.to_owned())], "unknown", words)];
    problem
}
