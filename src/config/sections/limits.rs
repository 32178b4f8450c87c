//! `[limits]`: limits of one user, tenant, address, socket, request or worker.

use std::time::Duration;

use super::rules::zero_is_unlimited;
use crate::config::reader::ConfigReader;

#[derive(Clone, Debug)]
pub struct LimitSettings {
    pub sockets_per_user: u32,
    pub upload_sockets_per_user: u32,
    pub streams_per_user: u32,
    pub sessions_per_user: u32,
    /// Per minute; `None`: no limit.
    pub sign_ins_per_user: Option<u64>,
    /// Per minute; `None`: no limit.
    pub sign_ins_per_tenant: Option<u64>,
    /// `None`: no limit.
    pub connections_per_tenant: Option<u32>,
    /// `None`: no limit.
    pub connections_per_address: Option<u32>,
    pub connects_in_flight: usize,
    pub joins_in_flight: usize,
    pub connects_waiting: usize,
    /// `None`: no limit.
    pub requests_per_user: Option<u64>,
    /// `None`: no limit.
    pub requests_per_tenant: Option<u64>,
    /// `None`: no limit.
    pub requests_per_address: Option<u64>,
    /// `None`: no limit.
    pub connects_per_tenant: Option<u64>,
    /// `None`: no limit.
    pub messages_per_tenant: Option<u64>,
    /// `None`: no limit.
    pub bytes_out_per_tenant: Option<u64>,
    /// `None`: no limit.
    pub pending_jobs_per_tenant: Option<u64>,
    pub subscriptions_per_socket: usize,
    pub message_bytes: usize,
    pub messages_per_second: u32,
    pub heartbeat_seconds: u64,
    pub queue_bytes: usize,
    pub body_bytes: usize,
    pub batch_bytes: usize,
    pub bodies_in_flight_bytes: usize,
    pub lease_seconds: u64,
    pub retake_seconds: u64,
    pub waiting_claims_per_key: usize,
    pub waiting_claims_per_tenant: usize,
}

impl LimitSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        Self {
            sockets_per_user: reader.integer("limits.sockets_per_user", 1..=100_000),
            upload_sockets_per_user: reader.integer("limits.upload_sockets_per_user", 1..=100),
            streams_per_user: reader.integer("limits.streams_per_user", 1..=1_000),
            sessions_per_user: reader.integer("limits.sessions_per_user", 1..=100_000),
            sign_ins_per_user: zero_is_unlimited(reader.integer("limits.sign_ins_per_user", 0..=1_000_000)),
            sign_ins_per_tenant: zero_is_unlimited(
                reader.integer("limits.sign_ins_per_tenant", 0..=10_000_000),
            ),
            connections_per_tenant: zero_is_unlimited(
                reader.integer("limits.connections_per_tenant", 0..=1_000_000),
            ),
            connections_per_address: zero_is_unlimited(
                reader.integer("limits.connections_per_address", 0..=1_000_000),
            ),
            connects_in_flight: reader.integer("limits.connects_in_flight", 1..=100_000),
            joins_in_flight: reader.integer("limits.joins_in_flight", 1..=100_000),
            connects_waiting: reader.integer("limits.connects_waiting", 0..=1_000_000),
            requests_per_user: zero_is_unlimited(reader.integer("limits.requests_per_user", 0..=1_000_000)),
            requests_per_tenant: zero_is_unlimited(
                reader.integer("limits.requests_per_tenant", 0..=1_000_000),
            ),
            requests_per_address: zero_is_unlimited(
                reader.integer("limits.requests_per_address", 0..=1_000_000),
            ),
            connects_per_tenant: zero_is_unlimited(
                reader.integer("limits.connects_per_tenant", 0..=1_000_000),
            ),
            messages_per_tenant: zero_is_unlimited(
                reader.integer("limits.messages_per_tenant", 0..=10_000_000),
            ),
            bytes_out_per_tenant: zero_is_unlimited(
                reader.integer("limits.bytes_out_per_tenant", 0..=1_000_000_000_000),
            ),
            pending_jobs_per_tenant: zero_is_unlimited(
                reader.integer("limits.pending_jobs_per_tenant", 0..=1_000_000_000),
            ),
            subscriptions_per_socket: reader.integer("limits.subscriptions_per_socket", 1..=10_000),
            message_bytes: reader.integer("limits.message_bytes", 1_024..=67_108_864),
            messages_per_second: reader.integer("limits.messages_per_second", 1..=100_000),
            heartbeat_seconds: reader.integer("limits.heartbeat_seconds", 1..=60),
            // Twice the largest event, so that one can be queued while another is written.
            queue_bytes: reader.integer("limits.queue_bytes", 131_072..=67_108_864),
            body_bytes: reader.integer("limits.body_bytes", 1_024..=67_108_864),
            batch_bytes: reader.integer("limits.batch_bytes", 1_024..=268_435_456),
            bodies_in_flight_bytes: reader
                .integer("limits.bodies_in_flight_bytes", 65_536..=1_099_511_627_776),
            lease_seconds: reader.integer("limits.lease_seconds", 1..=3_600),
            retake_seconds: reader.integer("limits.retake_seconds", 0..=3_600),
            waiting_claims_per_key: reader.integer("limits.waiting_claims_per_key", 1..=100_000),
            waiting_claims_per_tenant: reader.integer("limits.waiting_claims_per_tenant", 1..=100_000),
        }
    }

    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds)
    }

    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    pub fn retake_delay(&self) -> Duration {
        Duration::from_secs(self.retake_seconds)
    }
}
