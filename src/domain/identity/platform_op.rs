//! The context of use cases that belong to no single tenant: an operator's, or the system's own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::permission::Permission;
use crate::auth::principal::{OperatorPrincipal, Principal};
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::idempotency::{Begin, IdempotencyKey, IdempotentOperation};
use crate::domain::op::{AuditEntry, Origin, Services, denied, forbidden};
use crate::storage::audit_log::{self, NewAuditEntry};
use crate::storage::idempotency_keys::AnyTx;
use crate::storage::{SystemTx, micros};

/// The context of one operation on the platform. The counterpart of `Op`, which is bound to a tenant.
#[derive(Clone)]
pub struct PlatformOp {
    pub services: Services,
    actor: Actor,
    pub origin: Origin,
    idempotency: Option<Arc<IdempotentOperation>>,
}

#[derive(Clone)]
enum Actor {
    Operator(OperatorPrincipal),
    System(SystemReason),
}

impl PlatformOp {
    /// The context of an operator; other principals are rejected.
    pub fn of_operator(services: &Services, principal: Principal, origin: Origin) -> Result<Self> {
        let Principal::Operator(operator) = principal else { return Err(denied("an operator")) };
        Ok(Self { services: services.clone(), actor: Actor::Operator(operator), origin, idempotency: None })
    }

    /// The same context with the operator's idempotency key: a retry gets the stored answer, not a new execution.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: Option<IdempotencyKey>) -> Self {
        self.idempotency = match (&self.actor, key) {
            (Actor::Operator(operator), Some(key)) => {
                Some(Arc::new(IdempotentOperation::new(key, &Principal::Operator(operator.clone()))))
            }
            _ => None,
        };
        self
    }

    /// The idempotency key and its state, if there is a key.
    pub fn idempotency(&self) -> Option<&IdempotentOperation> {
        self.idempotency.as_deref()
    }

    /// The system's own context.
    pub fn of_system(services: &Services, reason: SystemReason) -> Self {
        Self {
            services: services.clone(),
            actor: Actor::System(reason),
            origin: Origin::default(),
            idempotency: None,
        }
    }

    /// Whether a tenant is being registered by its first admin.
    pub(super) fn is_registration(&self) -> bool {
        matches!(self.actor, Actor::System(SystemReason::Registration))
    }

    /// Fails with 403 unless the actor has the permission. The system, which acts for a named reason, has all.
    pub fn require(&self, permission: Permission) -> Result<()> {
        let may = match &self.actor {
            Actor::Operator(operator) => Principal::Operator(operator.clone()).may(permission),
            Actor::System(_) => true,
        };
        if may { Ok(()) } else { Err(forbidden(permission)) }
    }

    /// The reason for access across tenants.
    pub fn reason(&self) -> SystemReason {
        match &self.actor {
            Actor::Operator(_) => SystemReason::Operator,
            Actor::System(reason) => *reason,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }

    pub async fn read(&self) -> Result<SystemTx> {
        Ok(self.services.db.system(self.reason()).read().await?)
    }

    /// Begins a change. Rechecks the operator: a body may take longer to arrive than the session is valid.
    pub async fn begin(&self) -> Result<SystemTx> {
        let begin = || self.services.db.system(self.reason()).begin();
        match &self.actor {
            Actor::Operator(operator) => {
                self.services.begin_for(&Principal::Operator(operator.clone()), begin(), begin).await
            }
            Actor::System(_) => Ok(begin().await?),
        }
    }

    /// Like [`PlatformOp::begin`], but returns the stored answer if the same was done before under the same
    /// key. With a key the change must end with [`PlatformOp::commit_idempotent`].
    pub async fn begin_idempotent<T: DeserializeOwned>(&self) -> Result<Begin<SystemTx, T>> {
        let Some(operation) = self.idempotency() else { return Ok(Begin::Execute(self.begin().await?)) };
        operation.acquire(&self.services.in_flight, &self.services.clock).await?;
        let tx = self.begin().await?;
        let answer = operation.find_answer(&self.services.clock, AnyTx::Platform(&tx)).await?;
        Ok(answer.map_or_else(|| Begin::Execute(tx), Begin::Replay))
    }

    /// Commits, and stores the answer in the same transaction if there is a key.
    pub async fn commit_idempotent<T: Serialize>(&self, tx: SystemTx, answer: &T) -> Result<()> {
        if let Some(operation) = self.idempotency() {
            operation.store_answer(&self.services.clock, AnyTx::Platform(&tx), None, answer).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Writes an audit entry in the transaction of the action: in a tenant's log, or in the platform's.
    pub async fn audit(&self, tx: &SystemTx, tenant: Option<TenantId>, entry: AuditEntry) -> Result<()> {
        Ok(audit_log::insert_by_system(tx, tenant, self.entry(entry)).await?)
    }

    /// Writes an audit entry for an action on a tenant, in the transaction of the action: in the platform's
    /// log, and in the tenant's, for its admins to see. The tenant's entry has no address.
    pub async fn audit_on_tenant(&self, tx: &SystemTx, tenant: TenantId, entry: AuditEntry) -> Result<()> {
        let entry = self.entry(entry);
        audit_log::insert_by_system(tx, None, entry.clone()).await?;
        let entry = NewAuditEntry { address: None, ..entry };
        Ok(audit_log::insert_by_system(tx, Some(tenant), entry).await?)
    }

    /// The operator's id and name; `None` for the system.
    pub(in crate::domain) fn operator(&self) -> Option<(i64, &str)> {
        match &self.actor {
            Actor::Operator(operator) => Some((operator.operator_id().0, operator.username())),
            Actor::System(_) => None,
        }
    }

    /// The audit entry of an action.
    pub(in crate::domain) fn entry(&self, entry: AuditEntry) -> NewAuditEntry {
        let (actor_kind, actor_id, actor_name) = match &self.actor {
            Actor::Operator(operator) => {
                ("operator", Some(operator.operator_id().to_string()), operator.username().to_owned())
            }
            Actor::System(reason) => ("system", None, reason.name().to_owned()),
        };
        NewAuditEntry {
            at: micros(self.now()),
            actor_kind,
            actor_id,
            actor_name: Some(actor_name),
            action: entry.action,
            target_kind: Some(entry.target_kind),
            target_id: Some(entry.target_id),
            detail: entry.detail.map(|detail| detail.to_string()),
            address: self.origin.address.clone(),
            request_id: self.origin.request_id.clone(),
        }
    }
}
