//! An API key without its secret.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use uuid::Uuid;

use crate::auth::key_scope::{KeyScope, KeyScopes};
use crate::base::clock::rfc3339;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::storage::api_keys::ApiKeyRow;
use crate::storage::time;

/// A scope of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ApiKeyScope")]
pub enum ScopeView {
    /// Claim jobs and report on them.
    #[oai(rename = "jobs:run")]
    JobsRun,
    #[oai(rename = "properties:write")]
    PropertiesWrite,
    #[oai(rename = "logs:write")]
    LogsWrite,
    /// Feeds over REST, stream and socket.
    #[oai(rename = "events:read")]
    EventsRead,
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

/// An API key.
#[derive(Debug, Object)]
#[oai(rename = "ApiKey", skip_serializing_if_is_none, example)]
pub struct KeyView {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) scopes: Vec<ScopeView>,
    /// The id of the user that created the key.
    pub(super) made_by: i64,
    pub(super) created_at: String,
    pub(super) expires_at: Option<String>,
    /// Accurate to five minutes.
    pub(super) last_used_at: Option<String>,
}

pub(in crate::http) fn view(row: ApiKeyRow) -> Result<KeyView, Problem> {
    let scopes: KeyScopes = row.scopes.parse().map_err(|_| unreadable(row.id))?;
    Ok(KeyView {
        id: row.id,
        name: row.name,
        scopes: scopes.iter().map(ScopeView::from).collect(),
        made_by: row.made_by,
        created_at: rfc3339(time(row.created_at)),
        expires_at: row.expires_at.map(|at| rfc3339(time(at))),
        last_used_at: row.last_used_at.map(|at| rfc3339(time(at))),
    })
}

fn unreadable(id: Uuid) -> Problem {
    tracing::error!(key.id = %id, "the scopes of an API key in the store are not readable");
    Problem::internal()
}

impl Example for KeyView {
    fn example() -> Self {
        Self {
            id: examples::uuid(),
            name: "crawler in the cellar".to_owned(),
            scopes: vec![ScopeView::JobsRun, ScopeView::PropertiesWrite],
            made_by: examples::USER,
            created_at: examples::after(0),
            expires_at: Some(rfc3339(examples::far_future())),
            last_used_at: Some(examples::after(5)),
        }
    }
}
