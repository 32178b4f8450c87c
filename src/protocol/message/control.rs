//! Messages about the connection itself. They are ephemeral: none is kept in the log.

use poem_openapi::Object;
use serde::Serialize;
use serde_json::Value;

use crate::protocol::role::Role;

/// The first message of every connection.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct ConnectionEstablished {
    /// Absent for an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    /// Present for an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// `Connected to real-time updates`.
    pub message: String,
    pub connection_id: String,
    pub tenant_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    pub position: String,
    pub heartbeat_seconds: u64,
    /// Float seconds since the epoch.
    pub server_time: f64,
    /// Version of the wire protocol.
    pub protocol: u32,
}

/// The answer to `ping`.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct Pong {
    /// Float seconds since the epoch.
    pub timestamp: f64,
    pub payload: PongPayload,
    /// The last durable event before this message; safe to resume from.
    pub position: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

#[derive(Clone, Debug, Object, Serialize)]
pub struct PongPayload {
    /// RFC 3339.
    pub timestamp: String,
}

/// A subscription is active. With `since` its replay follows, up to `subscription_live`.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SubscriptionConfirmed {
    pub subscription: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub position: String,
    /// The requested position, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// False: the log does not reach back to `since`; read `resync_url`, then continue from here.
    pub recovered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resync_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

/// The replay of a subscription is over: from here on its events are live.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SubscriptionLive {
    pub subscription: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub position: String,
    pub recovered: bool,
}

/// A subscription has ended.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SubscriptionRemoved {
    pub subscription: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    pub position: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

/// A subscription was refused.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SubscriptionError {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Invalid subscription: NAME`, or what is wrong with the key or the filter.
    pub message: String,
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

/// A message of the client could not be processed; the socket stays open.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct ErrorMessage {
    pub message: String,
    pub payload: MessagePayload,
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

#[derive(Clone, Debug, Object, Serialize)]
pub struct MessagePayload {
    pub message: String,
}

/// A message of the client was stored.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct Ack {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
    pub message_id: String,
    pub position: String,
    /// What was stored.
    pub payload: Value,
}

/// Live statistics; counts may be a second old.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct StatusUpdate {
    /// Pending and running.
    pub active_jobs: u64,
    pub total_properties: u64,
    /// Float seconds since the epoch.
    pub server_time: f64,
    /// The caller's own.
    pub user_connections: u64,
    pub tenant_connections: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

/// Events are missing here: read `resync_url`, then continue from `to`.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct Gap {
    /// A feed's name, `inbox`, or `logs` on the stream of a job's log.
    pub subscription: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The requested position, as it was sent.
    pub from: String,
    pub to: String,
    pub reason: GapReason,
    /// The list to read after `to`, removed rows included.
    pub resync_url: String,
    /// For the inbox: the list of the reader's own jobs, which the inbox also covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_jobs_url: Option<String>,
}

/// Why a replay is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Not a position of this server.
    Malformed,
    /// A position of another log, or of this one before it was restored.
    OtherLog,
    /// A position that this log has not reached.
    Future,
    /// Retention has removed those events, or the filter compares facts that they were written without.
    Trimmed,
}

/// The token expires soon: send `refresh_token`.
#[derive(Clone, Debug, Object, Serialize)]
pub struct TokenExpiring {
    /// Seconds.
    pub expires_in: i64,
}

/// The connection continues with the new token.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct TokenRefreshed {
    /// RFC 3339.
    pub expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

/// This node will close the connection: reconnect after the stated time.
#[derive(Clone, Debug, Object, Serialize)]
pub struct GoingAway {
    pub reconnect_after_ms: u64,
}
