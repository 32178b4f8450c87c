//! The settings of connections.

use std::time::Duration;

use super::admission::AdmissionSettings;
use super::connection_limits::ConnectionLimits;

/// The configured settings of connections.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    pub connection_limits: ConnectionLimits,
    /// Maximum number of sockets and streams of the node.
    pub max_connections: usize,
    /// Maximum connections from one client address, when there is a limit.
    pub max_per_address: Option<usize>,
    /// Maximum subscriptions of one socket.
    pub max_subscriptions: usize,
    /// Bytes that may wait for a reader.
    pub queue_bytes: usize,
    /// Largest message of a client.
    pub message_bytes: usize,
    /// Largest message on the echo socket.
    pub echo_message_bytes: usize,
    /// Messages a second that a client may send.
    pub messages_per_second: u32,
    /// Interval between two pings; a peer that is silent for two of them is disconnected.
    pub heartbeat: Duration,
    /// Interval between two keep-alives on a stream.
    pub stream_heartbeat: Duration,
    /// The period over which a restart spreads the reconnects of its clients.
    pub reconnect_spread: Duration,
    /// Limits on concurrent connects.
    pub admission: AdmissionSettings,
}
