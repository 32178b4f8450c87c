//! Checks heartbeats, unfinished messages and expiry of all connections. One tick a second over all of them replaces
//! three timers for each.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::connection_limits::Carrier;
use super::registry::ConnectionRegistry;
use super::revalidation;
use crate::auth::revocation::Revocation;
use crate::protocol::message::{ServerMessage, TokenExpiring};
use crate::protocol::problem::CloseCode;

/// Interval of the checks of all connections.
const TICK: Duration = Duration::from_secs(1);
/// How long before its token expires a client is notified.
const EXPIRY_NOTICE: TimeDelta = TimeDelta::seconds(60);

impl ConnectionRegistry {
    /// Checks all connections once a second until `stop`, and revalidates them after revocations were missed.
    pub async fn supervise(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.run_ticks(&stop), revalidation::run(Arc::clone(&self), stop.clone()));
    }

    async fn run_ticks(&self, stop: &CancellationToken) {
        let mut revocations = self.services.publisher.revocations();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.services.clock.sleep(TICK) => self.tick(),
                heard = revocations.recv() => if self.handle_revocation(heard).is_break() { return },
            }
        }
    }

    /// This node's own revocations were enforced before they were sent here; those of others are enforced now.
    fn handle_revocation(&self, heard: Result<Revocation, RecvError>) -> ControlFlow<()> {
        match heard {
            Ok(revocation) => self.revoke(&revocation),
            Err(RecvError::Lagged(_)) => self.revalidate_all(),
            Err(RecvError::Closed) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// After a restore or a change of server earlier positions are invalid: all clients resume, and receive a gap.
    fn check_database_identity(&self) {
        let found = self.services.db.identity_hash();
        if self.database_identity.swap(found, Ordering::Relaxed) != found {
            tracing::warn!("the database was restored or replaced; all connections have to resume");
            // Closed first, so that no open mailbox takes an event of the new log; and once more, because a
            // connection that joined in between may have begun at a cursor of the old one.
            self.close_all_to_resume();
            self.services.hub.reset_cursors();
            self.close_all_to_resume();
        }
    }

    fn tick(&self) {
        self.check_database_identity();
        self.identity.drain_revocations();
        let (now, steady) = (self.micros(), self.steady_micros());
        let heartbeat = self.settings.heartbeat.as_micros() as i64;
        // Filtered under the lock, so that a tick clones and touches only the few connections that are due.
        for one in self.connections(|one| self.is_due(one, now, steady)) {
            let expires_at = one.expires_at.load(Ordering::Relaxed);
            if now >= expires_at {
                one.close(CloseCode::Unauthenticated, "token expired");
            } else if now >= expires_at - EXPIRY_NOTICE.num_microseconds().unwrap_or(0)
                && !one.expiry_warned.swap(true, Ordering::Relaxed)
            {
                let expires_in = (expires_at - now) / 1_000_000;
                one.offer(&ServerMessage::TokenExpiring(TokenExpiring { expires_in }));
            }
            let every = self.heartbeat_micros(one.carrier);
            if is_unfinished(&one, steady - 2 * heartbeat) {
                one.close(CloseCode::Idle, "a message was not finished within two heartbeats");
            } else if one.carrier != Carrier::Stream
                && steady - one.last_activity_at.load(Ordering::Relaxed) > 2 * heartbeat
            {
                one.close(CloseCode::Idle, "no sign of life for two heartbeats");
            } else if steady - one.last_heartbeat_at.load(Ordering::Relaxed) >= every {
                self.send_heartbeat(&one);
            }
        }
    }

    /// Whether a tick has something to do for the connection.
    fn is_due(&self, one: &Connection, now: i64, steady: i64) -> bool {
        let silent = one.carrier != Carrier::Stream
            && steady - one.last_activity_at.load(Ordering::Relaxed)
                > 2 * self.heartbeat_micros(Carrier::Socket);
        let notice = one.expires_at.load(Ordering::Relaxed) - EXPIRY_NOTICE.num_microseconds().unwrap_or(0);
        silent
            || is_unfinished(one, steady - 2 * self.heartbeat_micros(Carrier::Socket))
            || now >= notice
            || steady - one.last_heartbeat_at.load(Ordering::Relaxed) >= self.heartbeat_micros(one.carrier)
    }

    /// Microseconds between two heartbeats.
    fn heartbeat_micros(&self, carrier: Carrier) -> i64 {
        match carrier {
            Carrier::Stream => self.settings.stream_heartbeat.as_micros() as i64,
            Carrier::Socket | Carrier::Upload => self.settings.heartbeat.as_micros() as i64,
        }
    }

    /// Closes every connection: the log that it follows was replaced.
    fn close_all_to_resume(&self) {
        for one in self.connections(|_| true) {
            one.close(CloseCode::Restart, "restart;retry_after=1");
        }
    }

    fn micros(&self) -> i64 {
        self.services.clock.now().timestamp_micros()
    }
}

/// Whether the client has begun a message before `since`, in microseconds, and not ended it: whatever passes between
/// its parts, it holds memory without use.
fn is_unfinished(one: &Connection, since: i64) -> bool {
    let begun = i64::from(one.unfinished_since.load(Ordering::Relaxed));
    begun != 0 && begun < since / 1_000_000
}
