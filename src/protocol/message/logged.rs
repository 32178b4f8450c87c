//! What an event gets when it enters the log.

use poem_openapi::Object;
use serde::Serialize;

/// Where an event is in the log; empty until it is there.
#[derive(Clone, Debug, Default, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct Logged {
    /// Added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// RFC 3339; added when the event enters the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<String>,
}
