//! The way down, in a stated order and within a stated time: not ready any more, a wait for load balancers, clients
//! sent away one after the other, no newcomers, running requests finished, what is left is cut. A thread that does not
//! yield changes nothing about the time.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::config::ServerSettings;
use crate::session::Sessions;

/// The part of the grace over which clients are sent away; the rest is for farewells and running requests.
const SENDING_AWAY: (u32, u32) = (3, 4);
/// The parts at the end of the grace that background work, the store and the runtime's threads get, each the same. They
/// need moments; a store that is gone must not hold us.
const LAST_PARTS: u32 = 3;
const LAST_SHARE: u32 = 16;
const LEAST_LAST: Duration = Duration::from_millis(100);
const MOST_LAST: Duration = Duration::from_secs(2);

/// How long each part may take.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    delay: Duration,
    grace: Duration,
}

/// The steps, as the parts of the node hear of them.
#[derive(Clone, Debug, Default)]
pub struct Steps {
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
    pub fn last(&self) -> Duration {
        (self.grace / LAST_SHARE).clamp(LEAST_LAST, MOST_LAST)
    }

    /// How long all of it takes at most.
    pub fn longest(&self) -> Duration {
        self.delay + self.grace.max(self.last() * LAST_PARTS)
    }

    /// Waits for `stop` and takes the steps. A node that nobody is connected to closes at once.
    pub async fn lead(self, sessions: Arc<Sessions>, stop: CancellationToken, steps: Steps) {
        let clock = sessions.clock().clone();
        stop.cancelled().await;
        sessions.leave();
        if !self.delay.is_zero() {
            clock.sleep(self.delay).await;
        }
        let deadline = clock.now() + self.grace.saturating_sub(self.last() * LAST_PARTS);
        sessions.send_away(self.grace * SENDING_AWAY.0 / SENDING_AWAY.1).await;
        steps.closing.cancel();
        tokio::select! {
            () = clock.sleep_until(deadline) => steps.cut.cancel(),
            () = steps.background.cancelled() => {}
        }
    }
}

/// Waits for what should take a moment; says so when it took too long and goes on.
pub async fn at_last(clock: &Clock, last: Duration, what: &'static str, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = clock.sleep(last) => tracing::warn!("{what} did not end in time; going down without waiting for it"),
    }
}

/// Ends the process when this time has passed, whatever its threads do. For a process that is going down.
pub fn end_after(longest: Duration) {
    let waiting = thread::Builder::new().name("shutdown-deadline".to_owned()).spawn(move || {
        // Nothing is ever sent: this is a wait that needs no runtime.
        let (_sender, receiver) = mpsc::channel::<()>();
        let _ = receiver.recv_timeout(longest);
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
    fn every_part_has_its_time_within_the_grace() {
        let of = |seconds| Shutdown { delay: Duration::from_secs(3), grace: Duration::from_secs(seconds) };

        for seconds in [1, 2, 8, 20, 600] {
            let shutdown = of(seconds);
            assert_eq!(shutdown.longest(), Duration::from_secs(3 + seconds));
            assert!(shutdown.last() >= LEAST_LAST && shutdown.last() * LAST_PARTS < shutdown.grace);
        }
        assert_eq!(of(0).longest(), Duration::from_millis(3_300));
    }
}
