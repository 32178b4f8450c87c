//! What the endpoints of sockets and streams share.

use std::sync::Arc;

use crate::http::web_origin::OriginPolicy;
use crate::session::ConnectionRegistry;

/// What the endpoints of sockets and streams share.
pub struct LiveContext {
    pub registry: Arc<ConnectionRegistry>,
    pub origins: OriginPolicy,
    /// Refused sockets that may be open at once only to send the reason (`reject=close`).
    pub rejects: tokio::sync::Semaphore,
}

/// At most this many refused sockets are open at once; beyond it the refusal is plain HTTP.
pub const MOST_REJECTS: usize = 256;
