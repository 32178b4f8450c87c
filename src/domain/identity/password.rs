//! Sets one's password: with the current one, or by a link from an admin. Either ends the other sign-ins of
//! the account, which may belong to someone with the old password.

use std::net::IpAddr;

use super::attempts::PasswordAttempt;
use super::audit::{Actor, entry};
use super::validation::FieldErrors;
use super::{Identity, known_addresses, secret_hash, sessions as own_sessions};
use crate::auth::password::{HashingParty, Password, PasswordCheck};
use crate::auth::principal::Principal;
use crate::auth::revocation::Revocation;
use crate::auth::secret::SecretKind;
use crate::auth::tenant_scope::{SystemReason, TenantScope};
use crate::auth::throttle::ClientHistory;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Origin;
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::storage::password_links::{self, PasswordLinkRow};
use crate::storage::sessions::{self, Owner};
use crate::storage::users::{self, UserChange};
use crate::storage::{TenantTx, audit_log, micros, operators, sign_in_addresses, time};

/// A change of password by a signed-in caller.
pub struct PasswordChange<'a> {
    pub current: &'a str,
    pub new: &'a str,
    pub client: IpAddr,
}

/// Changes the caller's own password.
pub async fn change(
    identity: &Identity,
    principal: &Principal,
    change: &PasswordChange<'_>,
    origin: &Origin,
) -> Result<()> {
    let owner = own_sessions::owner(principal)?;
    let account = load_account(identity, owner, change.client).await?;
    let mut faults = FieldErrors::default();
    let new = faults.password(&["new_password"], change.new, &account.username);
    // The current password is compared even when the new one is unfit, so that all bad fields are named at once.
    if !verify_current(identity, &account, change).await? {
        faults.add(&["current_password"], "wrong", "is not the current password");
    }
    faults.into_result()?;
    let hash = identity.hash(party(owner), &new.ok_or_else(Problem::internal)?).await?;
    match owner {
        Owner::User(tenant, user) => {
            let scope = principal.scope().ok_or_else(Problem::internal)?;
            let setting = PasswordUpdate {
                user,
                hash: &hash,
                expected_hash: account.hash.as_deref(),
                except: principal.session_id(),
            };
            let begin = || identity.services.db.tenant(&scope).begin();
            let tx = identity.services.begin_for(principal, begin(), begin).await?;
            set_password(identity, &tx, &setting).await?;
            let entry =
                entry(Actor::of_principal(principal), "password.changed", None, origin, identity.now());
            audit_log::insert(&tx, entry).await?;
            tx.commit().await?;
            let except = principal.session_id();
            identity.services.publish_revocation(Revocation::UserSessions { tenant, user, except });
            Ok(())
        }
        Owner::Operator(operator) => {
            change_operators(identity, principal, operator, &account, &hash, origin).await
        }
    }
}

/// All that is invalid in a new password, as far as known without its user.
pub fn validate_new(new: &str) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.password(&["new_password"], new, "");
    faults.into_errors()
}

/// The account as it is before the change.
struct Account {
    /// The name that attempts are counted under.
    tenant: String,
    username: String,
    hash: Option<String>,
    owner: Owner,
    acquaintance: ClientHistory,
}

/// The party that is charged for an account's hashing.
pub(super) fn party(owner: Owner) -> HashingParty {
    owner.tenant_id().map_or(HashingParty::Platform, HashingParty::Tenant)
}

async fn load_account(identity: &Identity, owner: Owner, client: IpAddr) -> Result<Account> {
    let tx = identity.services.db.system(SystemReason::Login).read().await?;
    let acquaintance = known_addresses::acquaintance(identity, &tx, Some(owner), client).await?;
    match owner {
        Owner::User(tenant, user) => {
            let row = users::lookup(&tx, tenant, user).await?.ok_or_else(Problem::invalid_token)?;
            let tenant =
                crate::storage::tenants::find(&tx, tenant).await?.ok_or_else(Problem::invalid_token)?;
            Ok(Account {
                tenant: tenant.slug,
                username: row.username,
                hash: row.password_hash,
                owner,
                acquaintance,
            })
        }
        Owner::Operator(operator) => {
            let row = operators::find(&tx, operator).await?.ok_or_else(Problem::invalid_token)?;
            Ok(Account {
                tenant: String::new(),
                username: row.username,
                hash: Some(row.password_hash),
                owner,
                acquaintance,
            })
        }
    }
}

/// Whether the current password is right. Counted like a sign-in: a stolen token must not allow guessing.
async fn verify_current(identity: &Identity, account: &Account, change: &PasswordChange<'_>) -> Result<bool> {
    let now = identity.services.clock.steady();
    identity.rates.check_address(account.owner, change.client, now).await?;
    let of = PasswordAttempt {
        tenant: &account.tenant,
        username: &account.username,
        client: change.client,
        acquaintance: account.acquaintance,
    };
    let attempt = identity.begin_attempt(&of).await?;
    let typed = Password::typed(change.current);
    match identity.verify(party(account.owner), account.hash.as_deref(), &typed).await {
        Ok(PasswordCheck::Wrong) => Ok(false),
        Ok(PasswordCheck::Correct | PasswordCheck::CorrectNeedsRehash) => {
            identity.throttle.lock().record_success(attempt);
            identity.rates.take_sign_in(account.owner, change.client, now).await?;
            Ok(true)
        }
        Err(problem) => {
            identity.throttle.lock().cancel(attempt);
            Err(problem)
        }
    }
}

/// A password to be set.
struct PasswordUpdate<'a> {
    user: UserId,
    hash: &'a str,
    /// The hash that the current password was compared with.
    expected_hash: Option<&'a str>,
    /// The sign-in that is kept.
    except: Option<SessionId>,
}

async fn set_password(identity: &Identity, tx: &TenantTx, setting: &PasswordUpdate<'_>) -> Result<()> {
    let now = micros(identity.now());
    let row = users::lock(tx, setting.user).await?.ok_or_else(Problem::invalid_token)?;
    if row.password_hash.as_deref() != setting.expected_hash {
        return Err(Problem::new(
            Code::Conflict,
            "The password was changed meanwhile; sign in with the new one.",
        ));
    }
    let change = UserChange { password_hash: Some(setting.hash), ..UserChange::default() };
    users::update(tx, setting.user, &change, now).await?;
    // An unused link would undo the change.
    password_links::spend_all(tx, setting.user, now).await?;
    sessions::revoke_of_user(tx, setting.user, setting.except, now).await?;
    // Someone with the old password may have signed in from any address.
    sign_in_addresses::remove_of_user(tx, setting.user).await?;
    Ok(())
}

async fn change_operators(
    identity: &Identity,
    principal: &Principal,
    operator: OperatorId,
    account: &Account,
    hash: &str,
    origin: &Origin,
) -> Result<()> {
    let now = identity.now();
    let begin = || identity.services.db.system(SystemReason::Operator).begin();
    let tx = identity.services.begin_for(principal, begin(), begin).await?;
    let row = operators::lock(&tx, operator).await?.ok_or_else(Problem::invalid_token)?;
    if Some(&row.password_hash) != account.hash.as_ref() {
        return Err(Problem::new(
            Code::Conflict,
            "The password was changed meanwhile; sign in with the new one.",
        ));
    }
    operators::set_password(&tx, operator, hash).await?;
    let except = principal.session_id();
    sessions::revoke_of_operator(&tx, operator, except, micros(now)).await?;
    sign_in_addresses::remove_of_operator(&tx, operator).await?;
    let entry = entry(Actor::of_principal(principal), "password.changed", None, origin, now);
    audit_log::insert_by_system(&tx, None, entry).await?;
    tx.commit().await?;
    identity.services.publish_revocation(Revocation::OperatorSessions { operator, except });
    Ok(())
}

/// Sets a password by a one-time link.
pub async fn set_by_link(identity: &Identity, token: &str, new: &str, origin: &Origin) -> Result<()> {
    let link = open_link(identity, token).await?;
    let (tenant, user) = (TenantId(link.tenant_id), UserId(link.user_id));
    let scope = TenantScope::for_system(SystemReason::SecretLookup, tenant);
    let tx = identity.services.db.tenant(&scope).read().await?;
    let row = users::find(&tx, user).await?.ok_or_else(invalid_link)?;
    drop(tx);
    let mut faults = FieldErrors::default();
    let password = faults.password(&["new_password"], new, &row.username);
    faults.into_result()?;
    if !row.is_active {
        return Err(Problem::inactive_user());
    }
    let party = HashingParty::Tenant(tenant);
    let hash = identity.hash(party, &password.ok_or_else(Problem::internal)?).await?;
    let now = identity.now();
    let tx = identity.services.db.tenant(&scope).begin().await?;
    // Of two concurrent requests, one uses the link.
    if !password_links::spend(&tx, link.id, micros(now)).await? {
        return Err(invalid_link());
    }
    let setting =
        PasswordUpdate { user, hash: &hash, expected_hash: row.password_hash.as_deref(), except: None };
    set_password(identity, &tx, &setting).await?;
    let entry = entry(Actor::user(user, &row.username), "password.set", None, origin, now);
    audit_log::insert(&tx, entry).await?;
    tx.commit().await?;
    identity.services.publish_revocation(Revocation::UserSessions { tenant, user, except: None });
    Ok(())
}

async fn open_link(identity: &Identity, token: &str) -> Result<PasswordLinkRow> {
    let hash = SecretKind::PasswordLink.parse(token).ok_or_else(invalid_link)?;
    let tx = identity.services.db.system(SystemReason::SecretLookup).read().await?;
    let link =
        password_links::find_by_hash(&tx, &secret_hash::to_store(&hash)).await?.ok_or_else(invalid_link)?;
    if link.used_at.is_some() || time(link.expires_at) <= identity.latest() {
        return Err(invalid_link());
    }
    Ok(link)
}

/// A link that is used, expired or unknown: the caller gets the same answer.
fn invalid_link() -> Problem {
    Problem::new(Code::Unauthenticated, "The link does not hold any more; ask an admin for a new one.")
}
