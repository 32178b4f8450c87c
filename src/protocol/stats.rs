//! Live statistics: a tenant's for its admins, a node's for operators.

use std::collections::BTreeMap;

use poem_openapi::{Object, Union};
use serde::Serialize;

/// Open connections by carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Object, Serialize)]
pub struct ConnectionCounts {
    pub sockets: u64,
    pub uploads: u64,
    pub streams: u64,
}

/// Statistics of a tenant's connections and events on this node. Counts of deliveries run since the node started;
/// those of the store may be a second old.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct TenantStats {
    pub connections: ConnectionCounts,
    /// Users with a connection.
    pub users_online: u64,
    /// Events a second, over the last minute.
    pub events_per_second: f64,
    pub frames_delivered: u64,
    pub bytes_delivered: u64,
    pub messages_received: u64,
    /// Ephemeral messages that were dropped because a reader was slow.
    pub passing_dropped: u64,
    /// Bytes that are queued for readers now.
    pub queued_bytes: u64,
    /// How many events the slowest reader is behind the log's head.
    pub lag: u64,
    /// Jobs by status.
    pub jobs: BTreeMap<String, u64>,
    /// Properties that are not removed, by `standard_status`.
    pub properties: BTreeMap<String, u64>,
    /// Float epoch seconds.
    pub server_time: f64,
}

/// The state of the node that answers. It contains nothing about the tenants' data.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct NodeStats {
    pub version: String,
    /// `sqlite` or `postgresql`.
    pub database: String,
    pub started_at: String,
    /// Whether the node is shutting down.
    pub leaving: bool,
    pub connections: ConnectionCounts,
    /// Tenants with an open connection.
    pub active_tenants: u64,
    pub queued_bytes: u64,
    /// How many events the slowest reader of any tenant is behind.
    pub lag: u64,
    pub resident_bytes: u64,
    pub open_fds: u64,
    pub max_fds: u64,
    pub cpu_seconds: f64,
    /// Tasks that are alive on the runtime.
    pub tasks: u64,
    /// How long the runtime has not answered its watchdog; 0 while it does.
    pub stalled_seconds: f64,
    /// Seconds since the heads of the logs were last compared.
    pub head_poll_age_seconds: f64,
    pub open_writes: u64,
    /// How long the oldest open writing transaction has been open.
    pub oldest_write_seconds: f64,
    /// Whether the last write failed because the disk is full.
    pub disk_full: bool,
    /// Float epoch seconds.
    pub server_time: f64,
}

/// Statistics: the tenant's for its admin, the node's for an operator; `of` says which.
#[derive(Clone, Debug, Union)]
#[oai(discriminator_name = "of", one_of)]
pub enum Stats {
    #[oai(mapping = "tenant")]
    Tenant(TenantStats),
    #[oai(mapping = "node")]
    Node(NodeStats),
}

impl Stats {
    /// The statistics as one JSON object.
    pub fn to_json(&self) -> String {
        use poem_openapi::types::ToJSON;
        ToJSON::to_json_string(self)
    }
}
