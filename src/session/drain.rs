//! Closes all clients over a period: each is notified immediately and closed at a time of its own, so that the next
//! node gets a steady rate of clients and no storm. A few clients are no storm: they are closed without delay.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::connection::Connection;
use super::registry::ConnectionRegistry;
use crate::protocol::message::{GoingAway, ServerMessage};
use crate::protocol::problem::CloseCode;

/// Clients a second that may reconnect without being a storm: the period is no longer than they need at this rate.
const RECONNECTS_PER_SECOND: u32 = 20;

/// The scheduled close of one client.
struct ScheduledClose {
    connection: Arc<Connection>,
    at: DateTime<Utc>,
    /// How long after its close the client is to wait before it reconnects.
    retry_after_ms: u64,
}

impl ConnectionRegistry {
    /// Refuses new clients, notifies all others, and closes them over `window` at most. Returns when the last close
    /// was requested, or earlier when no connection is left.
    pub async fn drain(&self, window: Duration) {
        self.stopping().cancel();
        for end in self.schedule_closes(window) {
            tokio::select! {
                biased;
                () = self.wait_until_empty() => return,
                () = self.services.clock.sleep_until(end.at) => {}
            }
            let seconds = end.retry_after_ms.div_ceil(1000).max(1);
            end.connection.close(CloseCode::Restart, &format!("restart;retry_after={seconds}"));
        }
    }

    /// Notifies all clients and schedules their closes: one in each part of the window, in random order.
    fn schedule_closes(&self, window: Duration) -> Vec<ScheduledClose> {
        let entropy = self.services.entropy;
        let mut connections = self.all();
        for last in (1..connections.len()).rev() {
            connections.swap(last, entropy.below(last as u64 + 1) as usize);
        }
        let (now, count) = (self.services.clock.now(), connections.len().max(1) as u64);
        let part = close_window(connections.len(), window).as_micros() as u64 / count;
        let spread = self.settings.reconnect_spread.as_millis() as u64;
        let ends = (0..).zip(connections).map(|(nth, connection)| {
            let after = Duration::from_micros(part * nth + entropy.below(part));
            let away_ms = 1 + entropy.below(spread.max(1));
            // The same time for clients that leave on this message and for those that wait for the close.
            let reconnect_after_ms = after.as_millis() as u64 + away_ms;
            connection.set_retry_after(away_ms);
            connection.offer(&ServerMessage::GoingAway(GoingAway { reconnect_after_ms }));
            ScheduledClose { connection, at: now + after, retry_after_ms: away_ms }
        });
        ends.collect()
    }
}

/// The time over which this number of clients is closed.
fn close_window(count: usize, window: Duration) -> Duration {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    window.min(Duration::from_secs(1).saturating_mul(count) / RECONNECTS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_clients_are_closed_at_once_and_many_over_the_whole_window() {
        let window = Duration::from_secs(15);

        let spans: Vec<_> = [0, 1, 20, 299, 300, 100_000].map(|count| close_window(count, window)).into();

        let wanted = [0, 50, 1_000, 14_950, 15_000, 15_000].map(Duration::from_millis);
        assert_eq!(spans, wanted);
        assert_eq!(close_window(usize::MAX, window), window);
        assert_eq!(close_window(10, Duration::ZERO), Duration::ZERO);
    }
}
