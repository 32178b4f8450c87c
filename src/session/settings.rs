//! What the configuration says of connections.

use std::time::Duration;

use super::admission::AdmissionSettings;
use super::connection_limits::ConnectionLimits;

/// What the configuration says of connections.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    pub connection_limits: ConnectionLimits,
    /// Sockets and streams that the server has places for.
    pub max_connections: usize,
    /// Connections from one client address at most, when there is a limit.
    pub max_per_address: Option<usize>,
    /// Subscriptions of one socket at most.
    pub max_subscriptions: usize,
    /// Bytes that may wait for a reader.
    pub queue_bytes: usize,
    /// Largest message of a client.
    pub message_bytes: usize,
    /// Largest message on the echo socket.
    pub echo_message_bytes: usize,
    /// Messages a second that a client may send.
    pub messages_per_second: u32,
    /// Between two pings; a peer silent for two of these is dropped.
    pub heartbeat: Duration,
    /// Between two signs of life on a stream.
    pub stream_heartbeat: Duration,
    /// Over how long a restart spreads its clients' return.
    pub reconnect_spread: Duration,
    /// How many may begin at once.
    pub admission: AdmissionSettings,
}
