//! Waiting with an end: for a future, or for a fact that nothing announces.

use std::time::Duration;

use lotline::base::clock::Clock;

/// How long a test waits for what must happen. Far more than it takes, so that a busy machine fails no test.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// The future's value, or the end of the test in words.
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

/// Waits until the fact holds, looking every few milliseconds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    within(what, async move {
        while !holds().await {
            sleep_briefly().await;
        }
    })
}

/// A few milliseconds of the machine's time: how often is looked, never how long something may take.
pub async fn sleep_briefly() {
    Clock::system().sleep(Duration::from_millis(3)).await;
}
