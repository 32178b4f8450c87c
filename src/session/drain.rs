//! Sending everybody away, not all at once: each client is told at once, and is closed at a moment of its own, so that
//! the next node meets a stream of clients and no storm.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::connection::Connection;
use super::supervisor::Sessions;
use crate::protocol::message::{GoingAway, ServerMessage};
use crate::protocol::problem::CloseCode;

/// A client's own end.
struct End {
    connection: Arc<Connection>,
    at: DateTime<Utc>,
    /// How long after its end the client is to stay away.
    away_ms: u64,
}

impl Sessions {
    /// Refuses newcomers, tells everybody, and closes them over `window`. Returns when the last one was told to end, or
    /// earlier when all have gone.
    pub async fn send_away(&self, window: Duration) {
        self.stopping().cancel();
        for end in self.ends(window) {
            tokio::select! {
                biased;
                () = self.all_gone() => return,
                () = self.kernel.clock.sleep_until(end.at) => {}
            }
            let seconds = end.away_ms.div_ceil(1000).max(1);
            end.connection.close(CloseCode::Restart, &format!("restart;retry_after={seconds}"));
        }
    }

    /// Tells everybody, and decides when each is to end: one in each part of the window, in an order of chance.
    fn ends(&self, window: Duration) -> Vec<End> {
        let entropy = self.kernel.entropy;
        let mut connections = self.all();
        for last in (1..connections.len()).rev() {
            connections.swap(last, entropy.below(last as u64 + 1) as usize);
        }
        let (now, count) = (self.kernel.clock.now(), connections.len().max(1) as u64);
        let part = window.as_micros() as u64 / count;
        let spread = self.settings.reconnect_spread.as_millis() as u64;
        let ends = (0..).zip(connections).map(|(nth, connection)| {
            let after = Duration::from_micros(part * nth + entropy.below(part));
            let away_ms = 1 + entropy.below(spread.max(1));
            // Who goes by itself on hearing this is as well off as who waits for its end.
            let reconnect_after_ms = after.as_millis() as u64 + away_ms;
            connection.advise(away_ms);
            connection.offer(&ServerMessage::GoingAway(GoingAway { reconnect_after_ms }));
            End { connection, at: now + after, away_ms }
        });
        ends.collect()
    }
}
