//! Shuts down in a defined order and within a defined time: fail readiness, wait for load balancers, close clients
//! one after the other, stop accepting, finish running requests, cut what is left. A thread that does not yield
//! cannot extend the time.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::config::ServerSettings;
use crate::session::ConnectionRegistry;

/// The share of the grace period in which clients are disconnected; the rest is for their closing handshakes and
/// running requests.
const DISCONNECT_SHARE: (u32, u32) = (3, 4);
/// The shares at the end of the grace period for background work, the store and the runtime's threads, each the same.
/// They usually need moments; an unreachable store must not block the end.
const CLEANUP_PHASES: u32 = 3;
const CLEANUP_DIVISOR: u32 = 16;
const MIN_CLEANUP: Duration = Duration::from_millis(100);
const MAX_CLEANUP: Duration = Duration::from_secs(2);

/// The time limits of the phases.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    delay: Duration,
    grace: Duration,
}

/// The phases, as signals to the parts of the node.
#[derive(Clone, Debug, Default)]
pub struct ShutdownTokens {
    /// The listener closes and requests finish.
    pub closing: CancellationToken,
    /// Whatever still runs is cut.
    pub cut: CancellationToken,
    /// Background work ends.
    pub background: CancellationToken,
}

impl Shutdown {
    pub fn new(server: &ServerSettings) -> Self {
        Self { delay: server.drain_delay(), grace: server.shutdown_grace() }
    }

    /// The timeout of background work after everything else, and of the store after that.
    pub fn cleanup_timeout(&self) -> Duration {
        (self.grace / CLEANUP_DIVISOR).clamp(MIN_CLEANUP, MAX_CLEANUP)
    }

    /// The most that all phases take together.
    pub fn total_timeout(&self) -> Duration {
        self.delay + self.grace.max(self.cleanup_timeout() * CLEANUP_PHASES)
    }

    /// Waits for `stop` and runs the phases. A node without connections closes at once.
    pub async fn run(
        self,
        sessions: Arc<ConnectionRegistry>,
        stop: CancellationToken,
        tokens: ShutdownTokens,
    ) {
        let clock = sessions.clock().clone();
        stop.cancelled().await;
        sessions.start_leaving();
        if !self.delay.is_zero() {
            clock.sleep(self.delay).await;
        }
        let deadline = clock.now() + self.grace.saturating_sub(self.cleanup_timeout() * CLEANUP_PHASES);
        sessions.drain(self.grace * DISCONNECT_SHARE.0 / DISCONNECT_SHARE.1).await;
        tokens.closing.cancel();
        tokio::select! {
            () = clock.sleep_until(deadline) => tokens.cut.cancel(),
            () = tokens.background.cancelled() => {}
        }
    }
}

/// Waits for work that should take a moment; after the timeout it logs a warning and returns.
pub async fn with_timeout(
    clock: &Clock,
    timeout: Duration,
    what: &'static str,
    work: impl Future<Output = ()>,
) {
    tokio::select! {
        () = work => {}
        () = clock.sleep(timeout) => tracing::warn!("{what} did not end in time; shutting down without waiting for it"),
    }
}

/// Ends the process when this time has passed, whatever its threads do. For a process that is shutting down.
pub fn exit_after(timeout: Duration) {
    let waiting = thread::Builder::new().name("shutdown-deadline".to_owned()).spawn(move || {
        // Nothing is ever sent: this is a wait without a runtime.
        let (_sender, receiver) = mpsc::channel::<()>();
        let _ = receiver.recv_timeout(timeout);
        tracing::error!("the node did not shut down in time; the process is ended");
        std::process::exit(1);
    });
    if let Err(error) = waiting {
        tracing::warn!(%error, "the shutdown deadline has no thread; a hanging thread would keep the process alive");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_fits_within_the_grace() {
        let of = |seconds| Shutdown { delay: Duration::from_secs(3), grace: Duration::from_secs(seconds) };

        for seconds in [1, 2, 8, 20, 600] {
            let shutdown = of(seconds);
            assert_eq!(shutdown.total_timeout(), Duration::from_secs(3 + seconds));
            assert!(
                shutdown.cleanup_timeout() >= MIN_CLEANUP
                    && shutdown.cleanup_timeout() * CLEANUP_PHASES < shutdown.grace
            );
        }
        assert_eq!(of(0).total_timeout(), Duration::from_millis(3_300));
    }
}
