//! Waiting with a timeout: for a future, or for a condition that nothing announces.

use std::time::Duration;

use lotline::base::clock::Clock;

/// How long a test waits for what must happen. Far more than it takes, so that a busy machine fails no test.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The future's value; after the deadline the test fails and names what it waited for.
#[track_caller]
pub fn within<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(DEADLINE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{caller}: waited {DEADLINE:?} for {what}"),
        }
    }
}

/// Waits until the condition holds, by polling every few milliseconds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    within(what, async move {
        while !holds().await {
            sleep_briefly().await;
        }
    })
}

/// A few milliseconds of real time: an interval for polling, never a limit of anything.
pub async fn sleep_briefly() {
    Clock::system().sleep(Duration::from_millis(3)).await;
}
