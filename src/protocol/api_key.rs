//! API keys as the REST routes show them: the secret only once.

use poem_openapi::{Enum, Object};
use uuid::Uuid;

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

/// What an explicit `null` does in the properties that a key writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum NullSemantics {
    /// Nothing, as if the field were absent: of keys from before `empty`, until it is set.
    Ignore,
    /// It empties the field.
    Empty,
}

impl NullSemantics {
    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Empty => "empty",
        }
    }

    /// Parses the name; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ignore, Self::Empty].into_iter().find(|one| one.name() == text)
    }
}

/// An API key.
#[derive(Debug, Object)]
#[oai(rename = "ApiKey", skip_serializing_if_is_none, example)]
pub struct KeyView {
    pub id: Uuid,
    pub name: String,
    pub scopes: Vec<ScopeView>,
    /// The id of the user that created the key.
    pub made_by: i64,
    pub created_at: String,
    pub expires_at: Option<String>,
    /// Accurate to five minutes.
    pub last_used_at: Option<String>,
    pub null_semantics: NullSemantics,
}

/// A new API key with its secret, which is shown only once.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct ApiKeyCreated {
    pub id: Uuid,
    /// `llk_…`, for `Authorization: Bearer`.
    pub key: String,
    pub name: String,
    pub scopes: Vec<ScopeView>,
    pub made_by: i64,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub null_semantics: NullSemantics,
}
