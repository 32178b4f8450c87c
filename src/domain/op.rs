//! The context of every use case: who asks, for which tenant, with what.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;

use super::ephemeral::EphemeralState;
use super::error::Result;
use super::idempotency::{AnswerSubject, Begin, IdempotencyKey, IdempotentOperation, InFlight};
use super::jobs::settings::JobSettings;
use super::jobs::wakeups::JobWakeups;
use super::limits::Limits;
use super::revocation::Revocation;
use super::rooms::membership_cache::MembershipCache;
use super::uploads::Uploads;
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::auth::tenant_scope::{SystemReason, TenantScope};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::failpoint::{Failpoint, reach};
use crate::base::ids::{NodeId, TenantId, UserId};
use crate::eventlog::{Committed, EventTx, LogCache};
use crate::hub::Hub;
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::storage::audit_log::{self, NewAuditEntry};
use crate::storage::idempotency_keys::AnyTx;
use crate::storage::{self, Database, TenantTx, micros};
use crate::telemetry::metrics::{EventKind, Metrics};

/// What a node gives to every use case.
#[derive(Clone)]
pub struct Services {
    pub db: Database,
    pub hub: Arc<Hub>,
    /// What was read of the logs lately, for readers who come back together.
    pub log_cache: Arc<LogCache>,
    /// Who is in which rooms, for the same.
    pub membership_cache: Arc<MembershipCache>,
    pub clock: Clock,
    pub entropy: Entropy,
    /// Word of credentials that have ended, for whoever holds connections open on them.
    pub revocations: broadcast::Sender<Revocation>,
    enforcer: Arc<OnceLock<Enforcer>>,
    principal_check: Arc<OnceLock<PrincipalCheck>>,
    /// Which node of the deployment this is; a new one unless the composition root sets it.
    pub node: NodeId,
    /// Wakes who waits for a job.
    pub wakeups: JobWakeups,
    /// Pauses and bounds of the queue of jobs.
    pub job_settings: JobSettings,
    /// Who works under which key; the others wait.
    pub in_flight: InFlight,
    /// What is counted: `kernel.metrics.refused(code)`.
    pub metrics: Arc<Metrics>,
    /// What callers and tenants may take; without limits unless the composition root sets them.
    pub limits: Arc<Limits>,
    /// Who is there, who looks at what, who types.
    pub ephemeral: Arc<EphemeralState>,
    /// Where files go; memory unless the composition root sets another place.
    pub uploads: Arc<Uploads>,
}

/// Ends this node's own connections that a revocation speaks of.
type Enforcer = Box<dyn Fn(&Revocation) + Send + Sync>;

/// Refuses a caller whose credential has ended, or grants less, since the request was let in.
type PrincipalCheck = Box<dyn Fn(Principal) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Revocations that may wait for a listener. An act sends one, whatever it ends, and this node's own connections are ended
/// before the act is answered, not through this queue. A listener that lags all the same asks the store about every open
/// connection and ends only what is over.
const REVOCATION_QUEUE: usize = 8192;

/// So often a change is begun whose caller becomes another while it waits.
const MAX_BEGIN_ATTEMPTS: usize = 4;

impl Services {
    pub fn new(db: Database, clock: Clock, entropy: Entropy) -> Self {
        let (revocations, _) = broadcast::channel(REVOCATION_QUEUE);
        let (hub, log_cache, membership_cache) = (Arc::default(), Arc::default(), Arc::default());
        let (enforcer, wakeups, in_flight) = (Arc::default(), JobWakeups::default(), InFlight::default());
        let node = NodeId::new(&clock);
        let (metrics, limits) = (Arc::clone(db.metrics()), Arc::default());
        let (ephemeral, uploads) = (Arc::default(), Arc::default());
        Self {
            db,
            hub,
            log_cache: log_cache,
            membership_cache: membership_cache,
            clock,
            entropy,
            revocations,
            enforcer,
            principal_check: Arc::default(),
            node,
            wakeups,
            job_settings: JobSettings::default(),
            in_flight: in_flight,
            metrics,
            limits,
            ephemeral: ephemeral,
            uploads,
        }
    }

    /// Who ends this node's connections; the first one stands.
    pub fn set_enforcer(&self, enforcer: impl Fn(&Revocation) + Send + Sync + 'static) {
        let _ = self.enforcer.set(Box::new(enforcer));
    }

    /// What judges a caller again before each change; the first one stands. Without one a caller is judged once, by the
    /// credential of the request.
    pub fn set_principal_check(
        &self,
        check: impl Fn(Principal) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    ) {
        let _ = self.principal_check.set(Box::new(check));
    }

    /// Refuses a caller whose credential has ended, or may do less, since the request was let in.
    pub async fn recheck_principal(&self, principal: &Principal) -> Result<()> {
        match self.principal_check.get() {
            Some(check) => check(principal.clone()).await,
            None => Ok(()),
        }
    }

    /// Begins a change of `principal`'s, who is judged when the turn has come: what ends the credential may have overtaken
    /// it in the line. Nothing is read for that while the turn is held, as the reading could wait for what is held here:
    /// where more is wanted than is known, the turn is given back first.
    pub async fn begin_for<T, F>(
        &self,
        principal: &Principal,
        begun: impl Future<Output = storage::Result<T>> + Send,
        again: impl Fn() -> F + Send + Sync,
    ) -> Result<T>
    where
        T: Send,
        F: Future<Output = storage::Result<T>> + Send,
    {
        let mut tx = begun.await?;
        for _ in 0..MAX_BEGIN_ATTEMPTS {
            if let Some(judged) = self.recheck_principal(principal).now_or_never() {
                return judged.map(|()| tx);
            }
            drop(tx);
            self.recheck_principal(principal).await?;
            tx = again().await?;
        }
        let words = "Your account is being changed at this moment; try again.";
        Err(Problem::new(Code::Unavailable, words).retry_after(1))
    }

    /// Spreads the word. Nobody listening is fine: then no connection is open. This node's own connections end before
    /// the caller is answered: what is told after the answer is not seen by those who were shut out.
    pub fn publish_revocation(&self, revocation: Revocation) {
        if let Some(enforce) = self.enforcer.get() {
            enforce(&revocation);
        }
        let _ = self.revocations.send(revocation);
    }
}

/// Where a request came from; for the audit log.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub request_id: Option<String>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// One piece of work in one tenant.
#[derive(Clone)]
pub struct Op {
    pub services: Services,
    pub scope: TenantScope,
    actor: Actor,
    pub origin: Origin,
    idempotency: Option<Arc<IdempotentOperation>>,
}

/// On whose behalf: a caller, or the system itself.
#[derive(Clone, Debug)]
enum Actor {
    Caller(Principal),
    System(SystemReason),
}

impl Op {
    /// The work of a verified caller of a tenant. Operators have no tenant and are refused.
    pub fn of_caller(services: &Services, principal: Principal, origin: Origin) -> Result<Self> {
        let Some(scope) = principal.scope() else {
            return Err(Problem::new(
                Code::Forbidden,
                "Operators have no tenant; sign in as one of its users.",
            ));
        };
        Ok(Self {
            services: services.clone(),
            scope,
            actor: Actor::Caller(principal),
            origin,
            idempotency: None,
        })
    }

    /// The system's own work in a tenant.
    pub fn of_system(services: &Services, reason: SystemReason, tenant_id: TenantId) -> Self {
        let scope = TenantScope::for_system(reason, tenant_id);
        let origin = Origin::default();
        Self { services: services.clone(), scope, actor: Actor::System(reason), origin, idempotency: None }
    }

    /// The same work under what the caller showed, so that a retry of it is answered and not done again.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: Option<IdempotencyKey>) -> Self {
        let operation =
            self.principal().zip(key).map(|(principal, key)| IdempotentOperation::new(key, principal));
        self.idempotency = operation.map(Arc::new);
        self
    }

    /// The key that the work is under, and what became of it.
    pub fn idempotency(&self) -> Option<&IdempotentOperation> {
        self.idempotency.as_deref()
    }

    /// The caller; none when the system itself is at work.
    pub fn principal(&self) -> Option<&Principal> {
        match &self.actor {
            Actor::Caller(principal) => Some(principal),
            Actor::System(_) => None,
        }
    }

    /// Whether the work may do this. The system may do what it was asked by name.
    pub fn may(&self, permission: Permission) -> bool {
        self.principal().is_none_or(|principal| principal.may(permission))
    }

    /// Refuses with 403 unless the caller may do this.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(forbidden(permission)) }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }

    /// A transaction that only reads the tenant's rows.
    pub async fn read(&self) -> Result<TenantTx> {
        Ok(self.services.db.tenant(&self.scope).read().await?)
    }

    /// A change of the tenant's rows and the events that will tell of it. The caller is judged again first: a body may
    /// arrive, and a claim may wait, for longer than the credential lives.
    #[track_caller]
    pub fn begin(&self) -> impl Future<Output = Result<EventTx>> + Send + '_ {
        // Begun here, so that a transaction that stays open is named by the use case.
        let begun = self.services.db.tenant(&self.scope).begin();
        async move {
            let tx = match self.principal() {
                None => begun.await?,
                Some(principal) => {
                    let again = || self.services.db.tenant(&self.scope).begin();
                    self.services.begin_for(principal, begun, again).await?
                }
            };
            Ok(EventTx::new(tx, self.now()))
        }
    }

    /// Commits, then hands the events to this node's readers. `None`: the change told nothing. Should the caller go
    /// away between the two, the head poll finds the events within a second or so.
    pub async fn commit(&self, change: EventTx) -> Result<Option<Position>> {
        let committed: Committed = change.commit().await?;
        self.dispatch(&committed);
        Ok(committed.position())
    }

    /// Like [`Op::begin`], unless the same was done before under the same key: then its answer. Under a key the change
    /// is to end with [`Op::commit_once`].
    pub async fn begin_idempotent<T: DeserializeOwned>(&self) -> Result<Begin<EventTx, T>> {
        let Some(operation) = self.idempotency() else { return Ok(Begin::Execute(self.begin().await?)) };
        operation.acquire(&self.services).await?;
        let change = self.begin().await?;
        let answer = operation.find_answer(&self.services.clock, AnyTx::Tenant(&change.tx)).await?;
        Ok(answer.map_or_else(|| Begin::Execute(change), Begin::Replay))
    }

    /// Whether there is an answer under the key already, whatever was sent with it then. For work that is too large to be
    /// done before that is known; [`Op::begin_once`] has the last word.
    pub async fn was_answered(&self) -> Result<bool> {
        let Some(operation) = self.idempotency() else { return Ok(false) };
        operation.has_answer(&self.services.clock, AnyTx::Tenant(&self.read().await?)).await
    }

    /// Like [`Op::commit`], and keeps the answer in the same transaction where there is a key. `answer` gets the
    /// position after the change; should it refuse, nothing is changed.
    pub async fn commit_idempotent<T: Serialize>(
        &self,
        change: EventTx,
        answer: impl FnOnce(Option<Position>) -> Result<T>,
    ) -> Result<T> {
        self.commit_with_answer(change, None, answer).await
    }

    /// The same for an answer that repeats what may be changed or deleted: it is found again by its subject then.
    pub async fn commit_idempotent_about<T: Serialize>(
        &self,
        change: EventTx,
        subject: &AnswerSubject,
        answer: impl FnOnce(Option<Position>) -> Result<T>,
    ) -> Result<T> {
        self.commit_with_answer(change, Some(subject), answer).await
    }

    async fn commit_with_answer<T: Serialize>(
        &self,
        change: EventTx,
        subject: Option<&AnswerSubject>,
        answer: impl FnOnce(Option<Position>) -> Result<T>,
    ) -> Result<T> {
        let appended = change.append().await?;
        let answer = answer(appended.position())?;
        if let Some(operation) = self.idempotency() {
            operation
                .store_answer(&self.services.clock, AnyTx::Tenant(&appended.tx), subject, &answer)
                .await?;
        }
        self.dispatch(&appended.commit().await?);
        Ok(answer)
    }

    /// Gives what was committed to this node's readers.
    fn dispatch(&self, committed: &Committed) {
        reach(Failpoint::CommitAfter);
        self.count_events(committed);
        self.services.hub.publish_committed(self.scope.tenant_id(), &committed.envelopes);
    }

    fn count_events(&self, committed: &Committed) {
        if committed.envelopes.is_empty() {
            return;
        }
        let Services { metrics, .. } = &self.services;
        for envelope in &committed.envelopes {
            metrics.events.of(EventKind::of(&envelope.kind)).inc();
        }
        metrics
            .tenants
            .of(self.scope.tenant_id())
            .record_appended(committed.envelopes.len() as u64, self.now());
    }

    /// Notes a deed in the audit log, in the deed's own transaction.
    pub async fn audit(&self, tx: &TenantTx, entry: AuditEntry) -> Result<()> {
        let (actor_kind, actor_id, actor_name) = self.actor_fields();
        let entry = NewAuditEntry {
            at: micros(self.now()),
            actor_kind,
            actor_id,
            actor_name,
            action: entry.action,
            target_kind: Some(entry.target_kind),
            target_id: Some(entry.target_id),
            detail: entry.detail.map(|detail| detail.to_string()),
            address: self.origin.address.clone(),
            request_id: self.origin.request_id.clone(),
        };
        Ok(audit_log::insert(tx, entry).await?)
    }

    /// Notes a deed on what belongs to `owner`, unless that is the caller: what people do with their own is theirs, what
    /// others do with it stands in the audit log.
    pub async fn audit_unless_own(&self, tx: &TenantTx, owner: UserId, entry: AuditEntry) -> Result<()> {
        if self.principal().and_then(Principal::owner_id) == Some(owner) {
            return Ok(());
        }
        self.audit(tx, entry).await
    }

    fn actor_fields(&self) -> (&'static str, Option<String>, Option<String>) {
        match &self.actor {
            Actor::Caller(Principal::User(user)) => {
                ("user", Some(user.user_id().to_string()), Some(user.username().to_owned()))
            }
            Actor::Caller(Principal::Key(key)) => ("key", Some(key.key_id().to_string()), None),
            Actor::Caller(Principal::Operator(operator)) => {
                ("operator", Some(operator.operator_id().to_string()), Some(operator.username().to_owned()))
            }
            Actor::System(reason) => ("system", None, Some(reason.name().to_owned())),
        }
    }
}

/// What is noted of a deed. `action` is dotted: `user.created`. `detail` never holds a secret.
pub struct AuditEntry {
    pub action: &'static str,
    pub target_kind: &'static str,
    pub target_id: String,
    pub detail: Option<serde_json::Value>,
}

/// The refusal of a known caller who lacks a permission; it says what would be enough.
pub fn forbidden(permission: Permission) -> Problem {
    Problem {
        missing_scopes: permission.scopes().map(String::into_boxed_str),
        ..denied(&permission.requirement())
    }
}

/// The refusal of a caller who is no person of the tenant.
pub fn not_a_user() -> Problem {
    denied("the sign-in of a person of the tenant")
}

/// The refusal of a known caller to whom no permission is missing, but something else.
pub fn denied(needed: &str) -> Problem {
    Problem::new(Code::Forbidden, format!("You may not do this: it needs {needed}."))
}
