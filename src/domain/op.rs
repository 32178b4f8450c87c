//! The context of a use case: its caller, its tenant, and the path from a change to its readers.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Result;
use super::idempotency::key::IdempotencyKey;
use super::idempotency::operation::{Begin, IdempotentOperation};
use super::idempotency::subject::AnswerSubject;
pub use super::services::Services;
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::auth::tenant_scope::{SystemReason, TenantScope};
use crate::base::failpoint::{Failpoint, reach};
use crate::base::ids::{TenantId, UserId};
use crate::cluster::broker::NodeMessage;
use crate::eventlog::{Committed, EventTx};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::storage::audit_log::{self, NewAuditEntry};
use crate::storage::idempotency_keys::AnyTx;
use crate::storage::{TenantTx, micros};

/// Where a request came from; for the audit log.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub request_id: Option<String>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// The context of a use case in one tenant.
#[derive(Clone)]
pub struct Op {
    pub services: Services,
    pub scope: TenantScope,
    actor: Actor,
    pub origin: Origin,
    idempotency: Option<Arc<IdempotentOperation>>,
}

/// The actor: a caller, or the system itself.
#[derive(Clone, Debug)]
enum Actor {
    Caller(Principal),
    System(SystemReason),
}

impl Op {
    /// The context of an authenticated caller of a tenant. Operators have no tenant and are refused.
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

    /// The system's own context in a tenant.
    pub fn of_system(services: &Services, reason: SystemReason, tenant_id: TenantId) -> Self {
        let scope = TenantScope::for_system(reason, tenant_id);
        let origin = Origin::default();
        Self { services: services.clone(), scope, actor: Actor::System(reason), origin, idempotency: None }
    }

    /// The same context with the caller's idempotency key: a retry gets the stored answer and is not executed again.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: Option<IdempotencyKey>) -> Self {
        let operation =
            self.principal().zip(key).map(|(principal, key)| IdempotentOperation::new(key, principal));
        self.idempotency = operation.map(Arc::new);
        self
    }

    /// The idempotency key and its state, if there is a key.
    pub fn idempotency(&self) -> Option<&IdempotentOperation> {
        self.idempotency.as_deref()
    }

    /// The caller; `None` for the system.
    pub fn principal(&self) -> Option<&Principal> {
        match &self.actor {
            Actor::Caller(principal) => Some(principal),
            Actor::System(_) => None,
        }
    }

    /// Whether the actor has the permission. The system, which acts for a named reason, has all.
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

    /// Begins a change of the tenant's rows and the events that describe it. Rechecks the caller: a body may
    /// arrive, and a claim may wait, for longer than the credential is valid.
    #[track_caller]
    pub fn begin(&self) -> impl Future<Output = Result<EventTx>> + Send + '_ {
        // Outside the async block, so that a transaction that stays open is attributed to the use case.
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

    /// Commits, then dispatches the events to this node's readers. `None`: there were no events. If the
    /// caller disconnects in between, the log poll finds the events within about a second.
    pub async fn commit(&self, change: EventTx) -> Result<Option<Position>> {
        let committed: Committed = change.commit().await?;
        let position = committed.position();
        self.dispatch(committed);
        Ok(position)
    }

    /// Like [`Op::begin`], but returns the stored answer if the same was done before under the same key. With
    /// a key the change must end with [`Op::commit_idempotent`].
    pub async fn begin_idempotent<T: DeserializeOwned>(&self) -> Result<Begin<EventTx, T>> {
        let Some(operation) = self.idempotency() else { return Ok(Begin::Execute(self.begin().await?)) };
        operation.acquire(&self.services.in_flight, &self.services.clock).await?;
        let change = self.begin().await?;
        let answer = operation.find_answer(&self.services.clock, AnyTx::Tenant(&change.tx)).await?;
        Ok(answer.map_or_else(|| Begin::Execute(change), Begin::Replay))
    }

    /// Whether an answer is stored under the key, whatever was sent with it. For work that is too large to do
    /// before this is known; the check of [`Op::begin_idempotent`] is the binding one.
    pub async fn was_answered(&self) -> Result<bool> {
        let Some(operation) = self.idempotency() else { return Ok(false) };
        operation.has_answer(&self.services.clock, AnyTx::Tenant(&self.read().await?)).await
    }

    /// Like [`Op::commit`], and stores the answer in the same transaction if there is a key. `answer` gets
    /// the position after the change; if it fails, nothing is changed.
    pub async fn commit_idempotent<T: Serialize>(
        &self,
        change: EventTx,
        answer: impl FnOnce(Option<Position>) -> Result<T>,
    ) -> Result<T> {
        self.commit_with_answer(change, None, answer).await
    }

    /// The same for an answer that repeats data which may be changed or deleted: it is then found by its subject.
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
        self.dispatch(appended.commit().await?);
        Ok(answer)
    }

    /// Dispatches committed events to the readers.
    fn dispatch(&self, committed: Committed) {
        reach(Failpoint::CommitAfter);
        if committed.envelopes.is_empty() {
            return;
        }
        self.count_events(&committed);
        let (tenant_id, envelopes) = (self.scope.tenant_id(), committed.envelopes);
        self.services.publisher.publish(NodeMessage::Committed { tenant_id, envelopes });
    }

    fn count_events(&self, committed: &Committed) {
        let Services { metrics, .. } = &self.services;
        for label in &committed.labels {
            metrics.events.of(*label).inc();
        }
        metrics
            .tenants
            .of(self.scope.tenant_id())
            .record_appended(committed.envelopes.len() as u64, self.now());
    }

    /// Writes an audit entry in the transaction of the action.
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

    /// Writes an audit entry for an action on what belongs to `owner`, unless the owner is the caller: only
    /// actions on others' property are audited.
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

/// An action for the audit log. `action` is dotted: `user.created`. `detail` never holds a secret.
pub struct AuditEntry {
    pub action: &'static str,
    pub target_kind: &'static str,
    pub target_id: String,
    pub detail: Option<serde_json::Value>,
}

/// The error for an authenticated caller without a permission; it names what would be enough.
pub fn forbidden(permission: Permission) -> Problem {
    Problem {
        missing_scopes: permission.scopes().map(String::into_boxed_str),
        ..denied(&permission.requirement())
    }
}

/// The error for a caller that is not a user of the tenant.
pub fn not_a_user() -> Problem {
    denied("the sign-in of a person of the tenant")
}

/// The error for an authenticated caller that lacks something other than a permission.
pub fn denied(needed: &str) -> Problem {
    Problem::new(Code::Forbidden, format!("You may not do this: it needs {needed}."))
}
