//! The way down, in a stated order and within a stated time: not ready any more, a wait for load balancers, clients
//! sent away one after the other, no newcomers, running requests finished, what is left is cut.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::clock::Clock;
use crate::config::ServerSettings;
use crate::session::Sessions;

/// The part of the grace over which clients are sent away; the rest is for farewells and running requests.
const SENDING_AWAY: (u32, u32) = (3, 4);
/// What background work and the store get after the grace. They need moments; a store that is gone must not hold us.
const LAST: Duration = Duration::from_secs(2);

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

    /// Waits for `stop` and takes the steps. A node that nobody is connected to closes at once.
    pub async fn lead(self, sessions: Arc<Sessions>, stop: CancellationToken, steps: Steps) {
        let clock = sessions.clock().clone();
        stop.cancelled().await;
        sessions.leave();
        if !self.delay.is_zero() {
            clock.sleep(self.delay).await;
        }
        let deadline = clock.now() + self.grace;
        sessions.send_away(self.grace * SENDING_AWAY.0 / SENDING_AWAY.1).await;
        steps.closing.cancel();
        tokio::select! {
            () = clock.sleep_until(deadline) => steps.cut.cancel(),
            () = steps.background.cancelled() => {}
        }
    }
}

/// Waits for what should take a moment; says so when it took too long and goes on.
pub async fn at_last(clock: &Clock, what: &'static str, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = clock.sleep(LAST) => tracing::warn!("{what} did not end in time; going down without waiting for it"),
    }
}
