//! Loading the facts that a credential is judged by, through the short memory.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::cache::{CredentialCache, Invalidate, LookupKind, RevocationLog, TTL_WITH_REVOCATIONS};
use super::secret_hash;
use crate::auth::authenticate::{AccountState, KeyRecord, OperatorRecord, SessionRecord, UserRecord};
use crate::auth::key_scope::{KeyScopes, Role};
use crate::auth::tenant_scope::SystemReason;
use crate::auth::token::verified::{ForeignSubject, VerifiedForeign};
use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};
use crate::base::normalize;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::domain::revocation::RevocationSubject;
use crate::protocol::problem::Problem;
use crate::storage::credential_lookup::{self, KeyCredentialRow, OperatorCredentialRow, UserCredentialRow};
use crate::storage::{SystemTx, api_keys, micros, time};

/// Accounts that are read from the store at once. When everything that was known has become doubtful, its users' next
/// requests wait here and leave the store's connections to other work. Those who wait are bounded by the requests and
/// connections that are let in at once.
const MAX_CONCURRENT_READS: usize = 16;
/// How exact the time is at which a key was last seen: it costs a write.
const LAST_USED_PRECISION: TimeDelta = TimeDelta::minutes(5);

/// Whom a credential names, before the store was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum AccountKey {
    Session(SessionId),
    User(UserId),
    Name { tenants: Arc<[String]>, username: String },
}

/// A user, and the sign-in if one was named.
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

/// An operator with the sign-in that was named.
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

    /// Operators are few, and what is done to their accounts is not told.
    fn has_revocations(&self) -> bool {
        false
    }
}

/// Everybody's facts. An unknown one is `Invalid token`, and is not remembered.
pub(super) struct Accounts {
    services: Services,
    revocations: RevocationLog,
    read_permits: Semaphore,
    users: CredentialCache<AccountKey, UserAccount>,
    keys: CredentialCache<KeyId, KeyRecord>,
    operators: CredentialCache<SessionId, OperatorAccount>,
    /// When an account of each tenant was read last: what another process does to one of these has to be noticed, because
    /// what was read is believed.
    tenants: Mutex<HashMap<TenantId, DateTime<Utc>>>,
}

impl Accounts {
    pub(super) fn new(services: &Services) -> Self {
        Self {
            read_permits: Semaphore::new(MAX_CONCURRENT_READS),
            revocations: RevocationLog::new(services.revocations.subscribe()),
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

    /// Takes in the revocations that were told meanwhile.
    pub(super) fn drain_revocations(&self) {
        self.revocations.drain();
    }

    /// Revocations were missed: what is known is read again, each account when it is next asked for.
    pub(super) fn invalidate_all(&self) {
        self.revocations.invalidate_all();
    }

    /// How often the memory knew the answer.
    pub(super) fn hits(&self) -> u64 {
        self.users.hits() + self.keys.hits() + self.operators.hits()
    }

    /// The person of a sign-in; the sign-in too, if it still stands.
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

    /// The person, whatever the sign-in.
    pub(super) async fn user(&self, id: UserId) -> Result<UserAccount> {
        let load = async || {
            let (_permit, tx) = self.read().await?;
            self.record_user_read(user_account(credential_lookup::of_user(&tx, id).await?, None))
        };
        self.users.get_or_load(AccountKey::User(id), LookupKind::Id, &self.revocations, load).await
    }

    /// The person that a foreign token speaks for. A name that is in several of its tenants names nobody.
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

    /// The operator of a sign-in that still stands.
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

    /// A transaction that reads accounts, and the permit to.
    async fn read(&self) -> Result<(SemaphorePermit<'_>, SystemTx)> {
        // The semaphore is never closed.
        let permit = self.read_permits.acquire().await.map_err(|_| Problem::internal())?;
        Ok((permit, self.services.db.system(SystemReason::CredentialLookup).read().await?))
    }

    /// The tenants of accounts that are believed.
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

    /// Notes that a key is in use. A note that cannot be written must not stop the work that the key is for.
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

/// The user that a name stands for; in several tenants it stands for none. Of two in one tenant, whose keys became the
/// same, the one who still has the former key of this spelling is meant, as at a sign-in.
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
        // A key stands with its maker: who is shut out must not come back in by a key of theirs.
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
