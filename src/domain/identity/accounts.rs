//! Loads the account data that credentials are checked against, through a short-lived cache.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::cache::{CredentialCache, Invalidate, LookupKind, RevocationLog, TTL_WITH_REVOCATIONS};
use super::secret_hash;
use crate::auth::authenticate::{AccountState, KeyRecord, OperatorRecord, SessionRecord, UserRecord};
use crate::auth::key_scope::{KeyScopes, Role};
use crate::auth::revocation::RevocationSubject;
use crate::auth::tenant_scope::SystemReason;
use crate::auth::token::verified::{ForeignSubject, VerifiedForeign};
use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};
use crate::base::normalize;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::protocol::problem::Problem;
use crate::storage::credential_lookup::{self, KeyCredentialRow, OperatorCredentialRow, UserCredentialRow};
use crate::storage::{SystemTx, api_keys, micros, time};

/// Concurrent account reads from the store. When the whole cache is invalidated, the next requests of its
/// users wait here and leave the store's connections to other work. Waiting requests are bounded by the
/// limits on concurrent requests and connections.
const MAX_CONCURRENT_READS: usize = 16;
/// Precision of a key's last-used time, as each update costs a write.
const LAST_USED_PRECISION: TimeDelta = TimeDelta::minutes(5);

/// The account that a credential names, before the store is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum AccountKey {
    Session(SessionId),
    User(UserId),
    Name { tenants: Arc<[String]>, username: String },
}

/// A user, and the sign-in if the credential names one.
#[derive(Clone, Debug)]
pub(super) struct UserAccount {
    pub(super) facts: UserRecord,
    pub(super) session: Option<SessionRecord<UserId>>,
}

impl Invalidate for UserAccount {
    fn subjects(&self) -> [Option<RevocationSubject>; 3] {
        let UserRecord { tenant_id, user_id, .. } = self.facts;
        let session = self.session.map(|session| RevocationSubject::Session(session.session_id));
        [
            session,
            Some(RevocationSubject::User(tenant_id, user_id)),
            Some(RevocationSubject::Tenant(tenant_id)),
        ]
    }

    fn has_revocations(&self) -> bool {
        self.facts.state == AccountState::Active
    }
}

impl Invalidate for KeyRecord {
    fn subjects(&self) -> [Option<RevocationSubject>; 3] {
        let maker = RevocationSubject::User(self.tenant_id, self.made_by);
        [
            Some(RevocationSubject::Key(self.key_id)),
            Some(maker),
            Some(RevocationSubject::Tenant(self.tenant_id)),
        ]
    }

    fn has_revocations(&self) -> bool {
        self.state == AccountState::Active
    }
}

/// An operator, with the sign-in that the credential names.
#[derive(Clone, Debug)]
pub(super) struct OperatorAccount {
    pub(super) facts: OperatorRecord,
    pub(super) session: SessionRecord<OperatorId>,
}

impl Invalidate for OperatorAccount {
    fn subjects(&self) -> [Option<RevocationSubject>; 3] {
        let operator = RevocationSubject::Operator(self.facts.operator_id);
        [Some(RevocationSubject::Session(self.session.session_id)), Some(operator), None]
    }

    /// Operators are few, and not every change of their accounts is announced.
    fn has_revocations(&self) -> bool {
        false
    }
}

/// Cached account data. An unknown account is `Invalid token`, and is not cached.
pub(super) struct Accounts {
    services: Services,
    revocations: RevocationLog,
    read_permits: Semaphore,
    users: CredentialCache<AccountKey, UserAccount>,
    keys: CredentialCache<KeyId, KeyRecord>,
    operators: CredentialCache<SessionId, OperatorAccount>,
    /// When an account of each tenant was last read: changes of these tenants by other processes have to be
    /// noticed, because what was read is cached.
    tenants: Mutex<HashMap<TenantId, DateTime<Utc>>>,
}

impl Accounts {
    pub(super) fn new(services: &Services) -> Self {
        Self {
            read_permits: Semaphore::new(MAX_CONCURRENT_READS),
            revocations: RevocationLog::new(services.publisher.revocations()),
            users: CredentialCache::new(services.clock.clone()),
            keys: CredentialCache::new(services.clock.clone()),
            operators: CredentialCache::new(services.clock.clone()),
            tenants: Mutex::default(),
            services: services.clone(),
        }
    }

    pub(super) fn reads(&self) -> u64 {
        self.users.reads() + self.keys.reads() + self.operators.reads()
    }

    /// Drains pending revocations.
    pub(super) fn drain_revocations(&self) {
        self.revocations.drain();
    }

    /// Revocations were missed: cached accounts are read again, each when it is next needed.
    pub(super) fn invalidate_all(&self) {
        self.revocations.invalidate_all();
    }

    /// Number of cache hits.
    pub(super) fn hits(&self) -> u64 {
        self.users.hits() + self.keys.hits() + self.operators.hits()
    }

    /// The user of a sign-in, and the sign-in if it is still valid.
    pub(super) async fn user_of_session(&self, id: SessionId) -> Result<UserAccount> {
        let load = async || {
            let (_permit, tx) = self.read().await?;
            let row = credential_lookup::of_session(&tx, id).await?;
            let now = micros(self.services.clock.latest());
            let session = row.as_ref().filter(|row| row.is_session_active(now)).map(|_| id);
            self.record_user_read(user_account(row, session))
        };
        self.users.get_or_load(AccountKey::Session(id), LookupKind::Id, &self.revocations, load).await
    }

    /// The user, regardless of any sign-in.
    pub(super) async fn user(&self, id: UserId) -> Result<UserAccount> {
        let load = async || {
            let (_permit, tx) = self.read().await?;
            self.record_user_read(user_account(credential_lookup::of_user(&tx, id).await?, None))
        };
        self.users.get_or_load(AccountKey::User(id), LookupKind::Id, &self.revocations, load).await
    }

    /// The user that a foreign token names. A name that is in several of its tenants matches no user.
    pub(super) async fn user_of_foreign_token(&self, token: &VerifiedForeign) -> Result<UserAccount> {
        let username = match token.subject() {
            ForeignSubject::UserId(id) => return self.user(*id).await,
            ForeignSubject::Username(username) => username.clone(),
        };
        let tenants: Arc<[String]> = token.tenants().into();
        let load = async || {
            let (_permit, tx) = self.read().await?;
            let rows = credential_lookup::of_username(&tx, token.tenants(), &username).await?;
            self.record_user_read(user_account(single_match(rows, &username), None))
        };
        let account_key = AccountKey::Name { tenants, username: username.clone() };
        self.users.get_or_load(account_key, LookupKind::Name, &self.revocations, load).await
    }

    /// The operator of a sign-in that is still valid.
    pub(super) async fn operator_of_session(&self, id: SessionId) -> Result<OperatorAccount> {
        let load = async || {
            let (_permit, tx) = self.read().await?;
            let row =
                credential_lookup::of_operator_session(&tx, id).await?.ok_or_else(Problem::invalid_token)?;
            if !row.is_active {
                return Err(Problem::inactive_user());
            }
            let is_valid = row.is_session_active(micros(self.services.clock.latest()));
            if is_valid { Ok(operator_account(row, id)) } else { Err(Problem::invalid_token()) }
        };
        self.operators.get_or_load(id, LookupKind::Id, &self.revocations, load).await
    }

    /// A key that was not revoked.
    pub(super) async fn key(&self, id: KeyId) -> Result<KeyRecord> {
        let load = async || {
            let (permit, tx) = self.read().await?;
            let row = credential_lookup::of_key(&tx, id).await?.ok_or_else(Problem::invalid_token)?;
            drop((tx, permit));
            let facts = key_facts(&row)?;
            self.record_read(facts.tenant_id);
            self.touch_key(id, row.last_used_at).await;
            Ok(facts)
        };
        self.keys.get_or_load(id, LookupKind::Id, &self.revocations, load).await
    }

    /// A transaction that reads accounts, with its permit.
    async fn read(&self) -> Result<(SemaphorePermit<'_>, SystemTx)> {
        // The semaphore is never closed.
        let permit = self.read_permits.acquire().await.map_err(|_| Problem::internal())?;
        Ok((permit, self.services.db.system(SystemReason::CredentialLookup).read().await?))
    }

    /// Tenants with cached accounts.
    pub(super) fn cached_tenants(&self) -> Vec<TenantId> {
        let Some(since) =
            TimeDelta::from_std(TTL_WITH_REVOCATIONS).ok().map(|age| self.services.clock.steady() - age)
        else {
            return Vec::new();
        };
        let mut tenants = self.tenants.lock();
        tenants.retain(|_, read_at| *read_at >= since);
        tenants.keys().copied().collect()
    }

    fn record_user_read(&self, read: Result<UserAccount>) -> Result<UserAccount> {
        read.inspect(|person| self.record_read(person.facts.tenant_id))
    }

    fn record_read(&self, tenant: TenantId) {
        self.tenants.lock().insert(tenant, self.services.clock.steady());
    }

    /// Stores that a key is in use. A failed write must not stop the work that the key is for.
    async fn touch_key(&self, id: KeyId, last_used_at: Option<i64>) {
        let now = self.now();
        if last_used_at.is_some_and(|last| now - time(last) < LAST_USED_PRECISION) {
            return;
        }
        let write = async {
            let tx = self.services.db.system(SystemReason::CredentialLookup).begin().await?;
            api_keys::touch(&tx, id, micros(now)).await?;
            tx.commit().await
        };
        if let Err(error) = write.await {
            tracing::warn!(%error, key.id = %id, "could not note when an API key was last used");
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }
}

/// The user of a name, or none if it is in several tenants. Of two users of one tenant with equal keys, the
/// one with the former key of this spelling is chosen, as at a sign-in.
fn single_match(mut rows: Vec<UserCredentialRow>, username: &str) -> Option<UserCredentialRow> {
    if rows.iter().any(|row| row.tenant_id != rows[0].tenant_id) {
        return None;
    }
    let former = normalize::former_name_key(username);
    match rows.iter().position(|row| normalize::former_name_key(&row.username) == former) {
        Some(at) => Some(rows.swap_remove(at)),
        None => rows.pop(),
    }
}

fn user_account(row: Option<UserCredentialRow>, session: Option<SessionId>) -> Result<UserAccount> {
    let row = row.ok_or_else(Problem::invalid_token)?;
    let user_id = UserId(row.user_id);
    let facts = UserRecord {
        user_id,
        tenant_id: TenantId(row.tenant_id),
        role: role(&row.role)?,
        state: account_state(row.user_is_active && row.tenant_is_active),
        tenant_slug: row.tenant_slug,
        username: row.username,
    };
    let session = session.map(|session_id| SessionRecord { session_id, owner: user_id });
    Ok(UserAccount { facts, session })
}

fn operator_account(row: OperatorCredentialRow, session_id: SessionId) -> OperatorAccount {
    let operator_id = OperatorId(row.operator_id);
    let state = account_state(row.is_active);
    OperatorAccount {
        facts: OperatorRecord { operator_id, username: row.username, state },
        session: SessionRecord { session_id, owner: operator_id },
    }
}

fn key_facts(row: &KeyCredentialRow) -> Result<KeyRecord> {
    let scopes: KeyScopes = row.scopes.parse().map_err(|_| unreadable("the scopes of an API key"))?;
    Ok(KeyRecord {
        key_id: KeyId(row.key_id),
        tenant_id: TenantId(row.tenant_id),
        made_by: UserId(row.made_by),
        scopes,
        hash: secret_hash::from_store(&row.secret_hash)
            .ok_or_else(|| unreadable("the hash of an API key"))?,
        expires_at: row.expires_at.map(time),
        // A key is valid only with its maker: a deactivated user must not come back in by one of their keys.
        state: account_state(row.maker_is_active && row.tenant_is_active),
    })
}

fn account_state(active: bool) -> AccountState {
    if active { AccountState::Active } else { AccountState::Inactive }
}

/// The role in a row.
pub(super) fn role(stored: &str) -> Result<Role> {
    stored.parse().map_err(|_| unreadable("a role"))
}

fn unreadable(what: &'static str) -> Problem {
    tracing::error!("{what} in the store is not readable");
    Problem::internal()
}
