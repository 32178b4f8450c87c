//! Loading the facts that a credential is judged by, through the short memory.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::cache::{By, Concerned, FRESH_WHILE_TOLD, News, ShortCache};
use super::secrets;
use crate::auth::admit::{KeyFacts, OperatorFacts, SessionFacts, Standing, UserFacts};
use crate::auth::role::{KeyScopes, Role};
use crate::auth::scope::SystemReason;
use crate::auth::token::verified::{ForeignSubject, VerifiedForeign};
use crate::base::compared;
use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Kernel;
use crate::domain::revocation::Subject;
use crate::protocol::problem::Problem;
use crate::storage::standing::{self, KeyStanding, OperatorStanding, UserStanding};
use crate::storage::{SystemTx, api_keys, micros, time};

/// Accounts that are read from the store at once. When everything that was known has become doubtful, its users' next
/// requests wait here and leave the store's connections to other work. Those who wait are bounded by the requests and
/// connections that are let in at once.
const READS_AT_ONCE: usize = 16;
/// How exact the time is at which a key was last seen: it costs a write.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(5);

/// Whom a credential names, before the store was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whom {
    Session(SessionId),
    User(UserId),
    Name { tenants: Arc<[String]>, username: String },
}

/// A user, and the sign-in if one was named.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) facts: UserFacts,
    pub(super) session: Option<SessionFacts<UserId>>,
}

impl Concerned for Person {
    fn subjects(&self) -> [Option<Subject>; 3] {
        let UserFacts { tenant_id, user_id, .. } = self.facts;
        let session = self.session.map(|session| Subject::Session(session.session_id));
        [session, Some(Subject::User(tenant_id, user_id)), Some(Subject::Tenant(tenant_id))]
    }

    fn is_told(&self) -> bool {
        self.facts.standing == Standing::Active
    }
}

impl Concerned for KeyFacts {
    fn subjects(&self) -> [Option<Subject>; 3] {
        let maker = Subject::User(self.tenant_id, self.made_by);
        [Some(Subject::Key(self.key_id)), Some(maker), Some(Subject::Tenant(self.tenant_id))]
    }

    fn is_told(&self) -> bool {
        self.standing == Standing::Active
    }
}

/// An operator with the sign-in that was named.
#[derive(Clone, Debug)]
pub(super) struct Platform {
    pub(super) facts: OperatorFacts,
    pub(super) session: SessionFacts<OperatorId>,
}

impl Concerned for Platform {
    fn subjects(&self) -> [Option<Subject>; 3] {
        let operator = Subject::Operator(self.facts.operator_id);
        [Some(Subject::Session(self.session.session_id)), Some(operator), None]
    }

    /// Operators are few, and what is done to their accounts is not told.
    fn is_told(&self) -> bool {
        false
    }
}

/// Everybody's facts. An unknown one is `Invalid token`, and is not remembered.
pub(super) struct Accounts {
    kernel: Kernel,
    news: News,
    reading: Semaphore,
    people: ShortCache<Whom, Person>,
    keys: ShortCache<KeyId, KeyFacts>,
    operators: ShortCache<SessionId, Platform>,
    /// When an account of each tenant was read last: what another process does to one of these has to be noticed, because
    /// what was read is believed.
    tenants: Mutex<HashMap<TenantId, DateTime<Utc>>>,
}

impl Accounts {
    pub(super) fn new(kernel: &Kernel) -> Self {
        Self {
            reading: Semaphore::new(READS_AT_ONCE),
            news: News::new(kernel.revocations.subscribe()),
            people: ShortCache::new(kernel.clock.clone()),
            keys: ShortCache::new(kernel.clock.clone()),
            operators: ShortCache::new(kernel.clock.clone()),
            tenants: Mutex::default(),
            kernel: kernel.clone(),
        }
    }

    pub(super) fn reads(&self) -> u64 {
        self.people.reads() + self.keys.reads() + self.operators.reads()
    }

    /// Takes in the revocations that were told meanwhile.
    pub(super) fn listen(&self) {
        self.news.listen();
    }

    /// Revocations were missed: what is known is read again, each account when it is next asked for.
    pub(super) fn doubt(&self) {
        self.news.forget();
    }

    /// How often the memory knew the answer.
    pub(super) fn hits(&self) -> u64 {
        self.people.hits() + self.keys.hits() + self.operators.hits()
    }

    /// The person of a sign-in; the sign-in too, if it still stands.
    pub(super) async fn person_of_session(&self, id: SessionId) -> Result<Person> {
        let load = async || {
            let (_permit, tx) = self.read().await?;
            let row = standing::of_session(&tx, id).await?;
            let now = micros(self.kernel.clock.latest());
            let session = row.as_ref().filter(|row| row.session_stands(now)).map(|_| id);
            self.note(person(row, session))
        };
        self.people.get_or_load(Whom::Session(id), By::Id, &self.news, load).await
    }

    /// The person, whatever the sign-in.
    pub(super) async fn person(&self, id: UserId) -> Result<Person> {
        let load = async || {
            let (_permit, tx) = self.read().await?;
            self.note(person(standing::of_user(&tx, id).await?, None))
        };
        self.people.get_or_load(Whom::User(id), By::Id, &self.news, load).await
    }

    /// The person that a foreign token speaks for. A name that is in several of its tenants names nobody.
    pub(super) async fn person_of_foreign(&self, token: &VerifiedForeign) -> Result<Person> {
        let username = match token.subject() {
            ForeignSubject::UserId(id) => return self.person(*id).await,
            ForeignSubject::Username(username) => username.clone(),
        };
        let tenants: Arc<[String]> = token.tenants().into();
        let load = async || {
            let (_permit, tx) = self.read().await?;
            let rows = standing::of_username(&tx, token.tenants(), &username).await?;
            self.note(person(the_one(rows, &username), None))
        };
        let whom = Whom::Name { tenants, username: username.clone() };
        self.people.get_or_load(whom, By::Name, &self.news, load).await
    }

    /// The operator of a sign-in that still stands.
    pub(super) async fn operator_of_session(&self, id: SessionId) -> Result<Platform> {
        let load = async || {
            let (_permit, tx) = self.read().await?;
            let row = standing::of_operator_session(&tx, id).await?.ok_or_else(Problem::invalid_token)?;
            if !row.is_active {
                return Err(Problem::inactive_user());
            }
            let stands = row.session_stands(micros(self.kernel.clock.latest()));
            if stands { Ok(platform(row, id)) } else { Err(Problem::invalid_token()) }
        };
        self.operators.get_or_load(id, By::Id, &self.news, load).await
    }

    /// A key that was not revoked.
    pub(super) async fn key(&self, id: KeyId) -> Result<KeyFacts> {
        let load = async || {
            let (permit, tx) = self.read().await?;
            let row = standing::of_key(&tx, id).await?.ok_or_else(Problem::invalid_token)?;
            drop((tx, permit));
            let facts = key_facts(&row)?;
            self.is_read(facts.tenant_id);
            self.seen(id, row.last_used_at).await;
            Ok(facts)
        };
        self.keys.get_or_load(id, By::Id, &self.news, load).await
    }

    /// A transaction that reads accounts, and the permit to.
    async fn read(&self) -> Result<(SemaphorePermit<'_>, SystemTx)> {
        // The semaphore is never closed.
        let permit = self.reading.acquire().await.map_err(|_| Problem::internal())?;
        Ok((permit, self.kernel.db.system(SystemReason::CredentialLookUp).read().await?))
    }

    /// The tenants of accounts that are believed.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        let Some(since) =
            TimeDelta::from_std(FRESH_WHILE_TOLD).ok().map(|age| self.kernel.clock.steady() - age)
        else {
            return Vec::new();
        };
        let mut tenants = self.tenants.lock();
        tenants.retain(|_, read_at| *read_at >= since);
        tenants.keys().copied().collect()
    }

    fn note(&self, read: Result<Person>) -> Result<Person> {
        read.inspect(|person| self.is_read(person.facts.tenant_id))
    }

    fn is_read(&self, tenant: TenantId) {
        self.tenants.lock().insert(tenant, self.kernel.clock.steady());
    }

    /// Notes that a key is in use. A note that cannot be written must not stop the work that the key is for.
    async fn seen(&self, id: KeyId, last_used_at: Option<i64>) {
        let now = self.now();
        if last_used_at.is_some_and(|last| now - time(last) < SEEN_EVERY) {
            return;
        }
        let write = async {
            let tx = self.kernel.db.system(SystemReason::CredentialLookUp).begin().await?;
            api_keys::touch(&tx, id, micros(now)).await?;
            tx.commit().await
        };
        if let Err(error) = write.await {
            tracing::warn!(%error, key.id = %id, "could not note when an API key was last used");
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.kernel.clock.now()
    }
}

/// The user that a name stands for; in several tenants it stands for none. Of two in one tenant, whose keys became the
/// same, the one who still has the former key of this spelling is meant, as at a sign-in.
fn the_one(mut rows: Vec<UserStanding>, username: &str) -> Option<UserStanding> {
    if rows.iter().any(|row| row.tenant_id != rows[0].tenant_id) {
        return None;
    }
    let former = compared::former_name_key(username);
    match rows.iter().position(|row| compared::former_name_key(&row.username) == former) {
        Some(at) => Some(rows.swap_remove(at)),
        None => rows.pop(),
    }
}

fn person(row: Option<UserStanding>, session: Option<SessionId>) -> Result<Person> {
    let row = row.ok_or_else(Problem::invalid_token)?;
    let user_id = UserId(row.user_id);
    let facts = UserFacts {
        user_id,
        tenant_id: TenantId(row.tenant_id),
        role: role(&row.role)?,
        standing: standing_of(row.user_is_active && row.tenant_is_active),
        tenant_slug: row.tenant_slug,
        username: row.username,
    };
    let session = session.map(|session_id| SessionFacts { session_id, owner: user_id });
    Ok(Person { facts, session })
}

fn platform(row: OperatorStanding, session_id: SessionId) -> Platform {
    let operator_id = OperatorId(row.operator_id);
    let standing = standing_of(row.is_active);
    Platform {
        facts: OperatorFacts { operator_id, username: row.username, standing },
        session: SessionFacts { session_id, owner: operator_id },
    }
}

fn key_facts(row: &KeyStanding) -> Result<KeyFacts> {
    let scopes: KeyScopes = row.scopes.parse().map_err(|_| unreadable("the scopes of an API key"))?;
    Ok(KeyFacts {
        key_id: KeyId(row.key_id),
        tenant_id: TenantId(row.tenant_id),
        made_by: UserId(row.made_by),
        scopes,
        hash: secrets::from_store(&row.secret_hash).ok_or_else(|| unreadable("the hash of an API key"))?,
        expires_at: row.expires_at.map(time),
        // A key stands with its maker: who is shut out must not come back in by a key of theirs.
        standing: standing_of(row.maker_is_active && row.tenant_is_active),
    })
}

fn standing_of(active: bool) -> Standing {
    if active { Standing::Active } else { Standing::Inactive }
}

/// The role in a row.
pub(super) fn role(stored: &str) -> Result<Role> {
    stored.parse().map_err(|_| unreadable("a role"))
}

fn unreadable(what: &'static str) -> Problem {
    tracing::error!("{what} in the store is not readable");
    Problem::internal()
}
