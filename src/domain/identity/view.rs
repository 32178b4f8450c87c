//! Stored users, API keys, sign-ins and audit entries in their wire form.

use uuid::Uuid;

use super::placeholder_email::known_email;
use crate::auth::key_scope::{KeyScope, KeyScopes};
use crate::base::clock::rfc3339;
use crate::base::ids::SessionId;
use crate::domain::error::Result;
use crate::protocol::api_key::{KeyView, NullSemantics, ScopeView};
use crate::protocol::audit_log::AuditEntry;
use crate::protocol::problem::Problem;
use crate::protocol::session::SessionView;
use crate::protocol::user::{DirectoryEntry, UserView};
use crate::storage::api_keys::ApiKeyRow;
use crate::storage::audit_log::AuditRow;
use crate::storage::sessions::SessionRow;
use crate::storage::time;
use crate::storage::users::UserRow;

/// A user as admins, and the user themselves, see it.
pub(super) fn user(row: UserRow) -> Result<UserView> {
    Ok(UserView {
        id: row.id,
        tenant_id: row.tenant_id,
        role: row.role.parse().map_err(|_| unreadable_role(row.id))?,
        username: row.username,
        email: known_email(row.email),
        display_name: row.display_name,
        avatar_url: row.avatar_url,
        is_active: row.is_active,
        has_password: row.password_hash.is_some(),
        created_at: rfc3339(time(row.created_at)),
        updated_at: rfc3339(time(row.updated_at)),
    })
}

fn unreadable_role(id: i64) -> Problem {
    tracing::error!(user.id = id, "the role of a user in the store is not readable");
    Problem::internal()
}

pub(super) fn directory_entry(row: UserRow) -> DirectoryEntry {
    DirectoryEntry {
        id: row.id,
        username: row.username,
        display_name: row.display_name,
        avatar_url: row.avatar_url,
    }
}

pub(super) fn api_key(row: ApiKeyRow) -> Result<KeyView> {
    let scopes: KeyScopes = row.scopes.parse().map_err(|_| unreadable_key(row.id, "scopes"))?;
    let null_semantics = NullSemantics::parse(&row.null_semantics);
    let null_semantics = null_semantics.ok_or_else(|| unreadable_key(row.id, "null_semantics"))?;
    Ok(KeyView {
        id: row.id,
        name: row.name,
        scopes: scopes.iter().map(ScopeView::from).collect(),
        made_by: row.made_by,
        created_at: rfc3339(time(row.created_at)),
        expires_at: row.expires_at.map(|at| rfc3339(time(at))),
        last_used_at: row.last_used_at.map(|at| rfc3339(time(at))),
        null_semantics,
    })
}

fn unreadable_key(id: Uuid, column: &'static str) -> Problem {
    tracing::error!(key.id = %id, column, "a column of an API key in the store is not readable");
    Problem::internal()
}

impl From<ScopeView> for KeyScope {
    fn from(scope: ScopeView) -> Self {
        match scope {
            ScopeView::JobsRun => Self::JobsRun,
            ScopeView::PropertiesWrite => Self::PropertiesWrite,
            ScopeView::LogsWrite => Self::LogsWrite,
            ScopeView::EventsRead => Self::EventsRead,
        }
    }
}

impl From<KeyScope> for ScopeView {
    fn from(scope: KeyScope) -> Self {
        match scope {
            KeyScope::JobsRun => Self::JobsRun,
            KeyScope::PropertiesWrite => Self::PropertiesWrite,
            KeyScope::LogsWrite => Self::LogsWrite,
            KeyScope::EventsRead => Self::EventsRead,
        }
    }
}

/// A sign-in; `current` is that of the caller.
pub(super) fn session(row: SessionRow, current: Option<SessionId>) -> SessionView {
    SessionView {
        id: row.id,
        current: current == Some(SessionId(row.id)),
        user_agent: row.user_agent,
        address: row.address,
        created_at: rfc3339(time(row.created_at)),
        last_used_at: rfc3339(time(row.last_used_at)),
        expires_at: rfc3339(time(row.expires_at)),
    }
}

pub(super) fn audit_entry(row: AuditRow) -> AuditEntry {
    AuditEntry {
        id: row.id,
        at: rfc3339(time(row.at)),
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        action: row.action,
        target_kind: row.target_kind,
        target_id: row.target_id,
        // The detail was written by us as JSON.
        detail: row.detail.and_then(|text| serde_json::from_str(&text).ok()),
        address: row.address,
        request_id: row.request_id,
    }
}
