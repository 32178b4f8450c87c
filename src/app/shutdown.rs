//! The way down, in a stated order and within a stated time: not ready any more, a wait for load balancers, clients
//! sent away one after the other, no newcomers, running requests finished, what is left is cut. A thread that does not
//! yield changes nothing about the time.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::config::ServerSettings;
use crate::session::ConnectionRegistry;

/// The part of the grace over which clients are sent away; the rest is for farewells and running requests.
const DISCONNECT_SHARE: (u32, u32) = (3, 4);
/// The parts at the end of the grace that background work, the store and the runtime's threads get, each the same. They
/// need moments; a store that is gone must not hold us.
const CLEANUP_PHASES: u32 = 3;
const CLEANUP_DIVISOR: u32 = 16;
const MIN_CLEANUP: Duration = Duration::from_millis(100);
const MAX_CLEANUP: Duration = Duration::from_secs(2);

/// How long each part may take.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    delay: Duration,
    grace: Duration,
}

/// The steps, as the parts of the node hear of them.
#[derive(Clone, Debug, Default)]
pub struct ShutdownTokens {
    /// The listener closes and requests finish.
    pub closing: CancellationToken,
    /// What still runs is cut.
    pub cut: CancellationToken,
    /// Background work ends.
    pub background: CancellationToken,
}

impl Shutdown {
    pub fn new(server: &ServerSettings) -> Self {
        Self { delay: server.drain_delay(), grace: server.shutdown_grace() }
    }

    /// How long background work may take after everything else, and the store after that.
    pub fn cleanup_timeout(&self) -> Duration {
        (self.grace / CLEANUP_DIVISOR).clamp(MIN_CLEANUP, MAX_CLEANUP)
    }

    /// How long all of it takes at most.
    pub fn total_timeout(&self) -> Duration {
        self.delay + self.grace.max(self.cleanup_timeout() * CLEANUP_PHASES)
    }

    /// Waits for `stop` and takes the steps. A node that nobody is connected to closes at once.
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

/// Waits for what should take a moment; says so when it took too long and goes on.
pub async fn with_timeout(
    clock: &Clock,
    timeout: Duration,
    what: &'static str,
    work: impl Future<Output = ()>,
) {
    tokio::select! {
        () = work => {}
        () = clock.sleep(timeout) => tracing::warn!("{what} did not end in time; going down without waiting for it"),
    }
}

/// Ends the process when this time has passed, whatever its threads do. For a process that is going down.
pub fn exit_after(timeout: Duration) {
    let waiting = thread::Builder::new().name("shutdown-deadline".to_owned()).spawn(move || {
        // Nothing is ever sent: this is a wait that needs no runtime.
        let (_sender, receiver) = mpsc::channel::<()>();
        let _ = receiver.recv_timeout(timeout);
        tracing::error!("the node did not go down in time; the process ends as it is");
        std::process::exit(1);
    });
    if let Err(error) = waiting {
        tracing::warn!(%error, "the deadline of the way down has no thread; a thread that hangs would hold the process");
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
