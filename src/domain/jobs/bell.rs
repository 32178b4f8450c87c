//! A bell that rings on this node when a job begins to wait. A hint only: jobs made on other nodes are found by
//! looking again every second.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Clones are the same bell.
#[derive(Clone, Default)]
pub struct JobBell(Arc<Notify>);

impl JobBell {
    /// Wakes everybody who listens now.
    pub fn ring(&self) {
        self.0.notify_waiters();
    }

    /// Hears every ring from this call on, even before the first poll.
    pub fn listen(&self) -> Notified<'_> {
        self.0.notified()
    }
}
