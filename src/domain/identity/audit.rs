//! Reads the audit log, and builds the entries of sign-ins, which have no tenant context yet.

use chrono::{DateTime, Utc};

use super::view;
use crate::auth::permission::Permission;
use crate::auth::principal::Principal;
use crate::auth::token::mint::Subject;
use crate::base::ids::{OperatorId, SessionId, UserId};
use crate::base::page::{Page, PageRequest};
use crate::base::text;
use crate::domain::error::Result;
use crate::domain::op::{Op, Origin};
use crate::protocol::audit_log::AuditEntry;
use crate::storage::audit_log::{self, NewAuditEntry};
use crate::storage::micros;

/// Bytes of a typed name that are recorded.
const NAME_BYTES: usize = 200;

/// The tenant's entries, newest first.
pub async fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<AuditEntry, i64>> {
    op.require(Permission::ReadAudit)?;
    let tx = op.read().await?;
    let rows = audit_log::list(&tx, page.after, page.limit + 1).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id).map(view::audit_entry))
}

/// The actor of entries that are written before there is a tenant's `Op`.
pub(super) struct Actor {
    kind: &'static str,
    id: Option<String>,
    name: Option<String>,
}

impl Actor {
    /// An unknown actor: the name as it was typed.
    pub(super) fn typed(name: &str) -> Self {
        // Neither database stores a NUL.
        let name = text::truncate(name, NAME_BYTES).replace('\0', "\u{fffd}");
        Self { kind: "anonymous", id: None, name: Some(name) }
    }

    pub(super) fn of_subject(who: &Subject) -> Self {
        match who {
            Subject::User { user_id, username, .. } => Self::user(*user_id, username),
            Subject::Operator { operator_id, username, .. } => Self::operator(*operator_id, username),
        }
    }

    pub(super) fn of_principal(principal: &Principal) -> Self {
        match principal {
            Principal::User(user) => Self::user(user.user_id(), user.username()),
            Principal::Operator(operator) => Self::operator(operator.operator_id(), operator.username()),
            Principal::Key(key) => Self { kind: "key", id: Some(key.key_id().to_string()), name: None },
        }
    }

    pub(super) fn user(id: UserId, username: &str) -> Self {
        Self { kind: "user", id: Some(id.to_string()), name: Some(username.to_owned()) }
    }

    fn operator(id: OperatorId, username: &str) -> Self {
        Self { kind: "operator", id: Some(id.to_string()), name: Some(username.to_owned()) }
    }
}

/// An entry about the actor's own account.
pub(super) fn entry(
    actor: Actor,
    action: &'static str,
    session: Option<SessionId>,
    origin: &Origin,
    now: DateTime<Utc>,
) -> NewAuditEntry {
    NewAuditEntry {
        at: micros(now),
        actor_kind: actor.kind,
        actor_id: actor.id,
        actor_name: actor.name,
        action,
        target_kind: session.map(|_| "session"),
        target_id: session.map(|session| session.to_string()),
        detail: None,
        address: origin.address.clone(),
        request_id: origin.request_id.clone(),
    }
}
