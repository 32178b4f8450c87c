//! Signs in with a name and a password. Whatever is wrong, the answer and the work done are the same: one
//! lookup, one hash, one more failure queued for the audit log.

use std::net::IpAddr;

use super::attempts::PasswordAttempt;
use super::audit::{Actor, entry};
use super::failure_windows::{FailedSignIn, Target};
use super::login_name::LoginName;
use super::tokens::SignedIn;
use super::{Identity, accounts, known_addresses};
use crate::auth::password::{HashingParty, Password, PasswordCheck};
use crate::auth::tenant_scope::SystemReason;
use crate::auth::throttle::ClientHistory;
use crate::auth::token::mint::Subject;
use crate::base::ids::{OperatorId, SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Origin;
use crate::protocol::problem::{Code, Problem};
use crate::storage::operators::{self, OperatorRow};
use crate::storage::sessions::Owner;
use crate::storage::tenants::{self, TenantRow};
use crate::storage::users::{self, UserRow};
use crate::storage::{SystemTx, audit_log};
use crate::telemetry::metrics::SignInOutcome as Outcome;

/// The submitted form, and the client's address.
pub struct PasswordForm<'a> {
    pub username: &'a str,
    pub password: &'a str,
    pub scope: Option<&'a str>,
    pub client: IpAddr,
}

/// Signs a user or an operator in.
pub async fn sign_in(identity: &Identity, form: &PasswordForm<'_>, origin: &Origin) -> Result<SignedIn> {
    let signed_in = authenticate(identity, form, origin).await;
    let outcome = match &signed_in {
        Ok(_) => Outcome::Succeeded,
        Err(problem) if problem.code == Code::RateLimited => Outcome::Throttled,
        Err(problem) if problem.code == Code::Unavailable => Outcome::Busy,
        Err(_) => Outcome::Failed,
    };
    identity.services.metrics.sign_ins.of(outcome).inc();
    signed_in
}

async fn authenticate(identity: &Identity, form: &PasswordForm<'_>, origin: &Origin) -> Result<SignedIn> {
    let name = LoginName::parse(form.username, form.scope)?;
    let found = find(identity, &name, form.client).await?;
    let steady = identity.services.clock.steady();
    if let Some(owner) = found.owner() {
        identity.rates.check_address(owner, form.client, steady).await?;
    }
    let tenant_name = found.tenant.as_ref().map(|tenant| tenant.slug.as_str()).or(name.tenant.as_deref());
    let of = PasswordAttempt {
        tenant: tenant_name.unwrap_or_default(),
        username: &name.username,
        client: form.client,
        acquaintance: found.acquaintance,
    };
    let attempt = identity.begin_attempt(&of).await?;
    let typed = Password::typed(form.password);
    let verdict = match identity.verify(found.party(), found.hash(), &typed).await {
        Ok(verdict) => verdict,
        Err(problem) => {
            identity.throttle.lock().cancel(attempt);
            return Err(problem);
        }
    };
    if verdict == PasswordCheck::Wrong {
        // The attempt counts as failed since it began.
        return Err(record_failure(identity, &found, form, origin));
    }
    identity.throttle.lock().record_success(attempt);
    if let Some(owner) = found.owner() {
        identity.rates.take_sign_in(owner, form.client, identity.services.clock.steady()).await?;
    }
    let rehashed = match verdict {
        // If hashing is busy, the sign-in still succeeds: the password is rehashed the next time.
        PasswordCheck::CorrectNeedsRehash => identity.hash(found.party(), &typed).await.ok(),
        PasswordCheck::Correct | PasswordCheck::Wrong => None,
    };
    start_session(identity, found, rehashed, form.client, origin).await
}

/// The account of a name; the tenant is known even if the user is not.
struct AccountLookup {
    tenant: Option<TenantRow>,
    account: Option<Account>,
    acquaintance: ClientHistory,
}

enum Account {
    User(Box<UserRow>),
    Operator(OperatorRow),
}

impl Account {
    fn owner(&self) -> Owner {
        match self {
            Self::User(user) => Owner::User(TenantId(user.tenant_id), UserId(user.id)),
            Self::Operator(operator) => Owner::Operator(OperatorId(operator.id)),
        }
    }
}

impl AccountLookup {
    fn owner(&self) -> Option<Owner> {
        self.account.as_ref().map(Account::owner)
    }

    /// The party that is charged for the hashing: within a tenant, known and unknown names share one.
    fn party(&self) -> HashingParty {
        match (&self.account, &self.tenant) {
            (Some(Account::Operator(_)), _) => HashingParty::Platform,
            (_, Some(tenant)) => HashingParty::Tenant(TenantId(tenant.id)),
            (_, None) => HashingParty::NoTenant,
        }
    }

    fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.as_ref().map(|tenant| TenantId(tenant.id))
    }

    fn hash(&self) -> Option<&str> {
        match self.account.as_ref()? {
            Account::User(user) => user.password_hash.as_deref(),
            Account::Operator(operator) => Some(&operator.password_hash),
        }
    }
}

/// Looks a bare name up among the operators first: an admin that gives a user an operator's name must not
/// lock the operator out. That user still signs in with the tenant's name before their own.
async fn find(identity: &Identity, name: &LoginName, client: IpAddr) -> Result<AccountLookup> {
    let tx = identity.services.db.system(SystemReason::Login).read().await?;
    let (tenant, operator) = match &name.tenant {
        Some(slug) => (tenants::find_by_slug(&tx, slug).await?, None),
        None => {
            (default_tenant(identity, &tx).await?, operators::find_by_username(&tx, &name.username).await?)
        }
    };
    // No tenant has the id 0: an unknown one costs the same lookup.
    let tenant_id = TenantId(tenant.as_ref().map_or(0, |tenant| tenant.id));
    let user = users::find_in(&tx, tenant_id, &name.username).await?;
    let account = operator.map(Account::Operator).or(user.map(Box::new).map(Account::User));
    let tenant = tenant.filter(|_| !matches!(account, Some(Account::Operator(_))));
    let owner = account.as_ref().map(Account::owner);
    let acquaintance = known_addresses::acquaintance(identity, &tx, owner, client).await?;
    Ok(AccountLookup { tenant, account, acquaintance })
}

async fn default_tenant(identity: &Identity, tx: &SystemTx) -> Result<Option<TenantRow>> {
    Ok(match &identity.settings.default_tenant {
        Some(slug) => tenants::find_by_slug(tx, slug).await?,
        None => tenants::find_single(tx).await?,
    })
}

/// Records the failure and returns the one answer that every failure has.
fn record_failure(
    identity: &Identity,
    found: &AccountLookup,
    form: &PasswordForm<'_>,
    origin: &Origin,
) -> Problem {
    let failure = FailedSignIn {
        target: found.owner().map_or(Target::Others(found.tenant_id()), Target::Account),
        typed: form.username,
        client: form.client,
        origin,
        at: identity.now(),
        steady: identity.services.clock.steady(),
    };
    identity.failed_sign_ins.count(&failure);
    wrong()
}

/// The answer to a wrong name or password: it does not say which.
fn wrong() -> Problem {
    Problem::new(Code::Unauthenticated, "The user name or the password is not right.")
}

/// Begins the session after a correct password.
async fn start_session(
    identity: &Identity,
    found: AccountLookup,
    rehashed: Option<String>,
    client: IpAddr,
    origin: &Origin,
) -> Result<SignedIn> {
    let session_id = SessionId::new(&identity.services.clock);
    let tx = identity.services.db.system(SystemReason::Login).begin().await?;
    let (who, owner) = match (found.account, found.tenant) {
        (Some(Account::User(user)), Some(tenant)) => {
            recheck_user(&tx, &user, &tenant, rehashed, session_id).await?
        }
        (Some(Account::Operator(operator)), _) => {
            recheck_operator(&tx, &operator, rehashed, session_id).await?
        }
        (Some(Account::User(_)) | None, _) => return Err(wrong()),
    };
    let begun = identity.begin_session(&tx, owner, session_id, origin).await?;
    known_addresses::remember(identity, &tx, owner, client).await?;
    let actor = Actor::of_subject(&who);
    let entry = entry(actor, "login.succeeded", Some(session_id), origin, identity.now());
    audit_log::insert_by_system(&tx, owner.tenant_id(), entry).await?;
    tx.commit().await?;
    identity.publish_evicted(begun.ended);
    identity.issue_tokens(who, begun.refresh)
}

/// Rechecks the account with its row locked: the password may have been changed during the comparison, and a
/// session that began with the old one would outlive the change.
async fn recheck_user(
    tx: &SystemTx,
    seen: &UserRow,
    tenant: &TenantRow,
    rehashed: Option<String>,
    session_id: SessionId,
) -> Result<(Subject, Owner)> {
    let (tenant_id, user_id) = (TenantId(seen.tenant_id), UserId(seen.id));
    let user = users::lock_in(tx, tenant_id, user_id).await?;
    let user = user.filter(|user| user.password_hash == seen.password_hash).ok_or_else(wrong)?;
    // The password was right, so this reveals nothing to a stranger.
    if !(user.is_active && tenant.is_active) {
        return Err(Problem::inactive_user());
    }
    if let Some(hash) = rehashed {
        users::rehash(tx, user_id, &hash).await?;
    }
    let role = accounts::role(&user.role)?;
    let who = Subject::User { user_id, tenant_id, username: user.username, role, session_id };
    Ok((who, Owner::User(tenant_id, user_id)))
}

async fn recheck_operator(
    tx: &SystemTx,
    seen: &OperatorRow,
    rehashed: Option<String>,
    session_id: SessionId,
) -> Result<(Subject, Owner)> {
    let operator_id = OperatorId(seen.id);
    let operator = operators::lock(tx, operator_id).await?;
    let operator = operator.filter(|row| row.password_hash == seen.password_hash).ok_or_else(wrong)?;
    if !operator.is_active {
        return Err(Problem::inactive_user());
    }
    if let Some(hash) = rehashed {
        operators::set_password(tx, operator_id, &hash).await?;
    }
    let who = Subject::Operator { operator_id, username: operator.username, session_id };
    Ok((who, Owner::Operator(operator_id)))
}
