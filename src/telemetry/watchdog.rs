//! Notices that the runtime does not run: a thread of its own asks once a second, and a task on the runtime answers. It
//! only tells; to end the process is for whoever watches `/livez`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use super::writes::Writes;
use crate::base::clock::Stopwatch;

/// Between two questions.
const EVERY: Duration = Duration::from_secs(1);
/// After so many limits without an answer the process is said to be dead.
const DEAD_AFTER: u32 = 3;

/// What the thread asks and the task answers.
#[derive(Debug, Default)]
pub struct Heart {
    asked: AtomicU64,
    answered: AtomicU64,
    silent_ms: AtomicU64,
    limit_ms: AtomicU64,
    knock: Notify,
}

impl Heart {
    /// Answers until `stop`; the task that shows that the runtime runs.
    pub async fn beat(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.knock.notified() => self.answered.store(self.asked.load(Ordering::Acquire), Ordering::Release),
            }
        }
    }

    fn ask(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        self.knock.notify_one();
    }

    /// Whether every question has been answered.
    pub fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire) >= self.asked.load(Ordering::Acquire)
    }

    /// How long the oldest open question has been waiting, as of the last look.
    pub fn silent_for(&self) -> Duration {
        Duration::from_millis(self.silent_ms.load(Ordering::Relaxed))
    }

    /// Whether there was no answer for so long that the process should be ended from outside.
    pub fn is_dead(&self) -> bool {
        let limit = Duration::from_millis(self.limit_ms.load(Ordering::Relaxed));
        !limit.is_zero() && self.silent_for() >= limit * DEAD_AFTER
    }
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The runtime has not answered for this long; told once a stall.
    Stalled(Duration),
    /// It answers again, after this long.
    Recovered(Duration),
}

/// The watchdog's rule, apart from its thread and its clock.
pub struct Watchdog {
    heart: Arc<Heart>,
    limit: Duration,
    /// When the open question was asked.
    open_since: Option<Duration>,
    told: bool,
}

impl Watchdog {
    pub fn new(heart: Arc<Heart>, limit: Duration) -> Self {
        heart.limit_ms.store(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Self { heart, limit, open_since: None, told: false }
    }

    /// Looks once; `now` is any time that only goes forward.
    pub fn look(&mut self, now: Duration) -> Option<Finding> {
        let silent = self.open_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        if self.heart.has_answered() {
            self.note(Duration::ZERO);
            self.open_since = Some(now);
            self.heart.ask();
            return std::mem::take(&mut self.told).then_some(Finding::Recovered(silent));
        }
        self.note(silent);
        if silent < self.limit || std::mem::replace(&mut self.told, true) {
            return None;
        }
        Some(Finding::Stalled(silent))
    }

    fn note(&self, silent: Duration) {
        let ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        self.heart.silent_ms.store(ms, Ordering::Relaxed);
    }
}

/// The thread, until it is told to end.
pub struct Watching {
    ending: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Watching {
    /// Starts the thread. `limit` is for the runtime and for a writing transaction alike.
    pub fn start(
        heart: Arc<Heart>,
        limit: Duration,
        metrics: Arc<Metrics>,
        writes: Arc<Writes>,
    ) -> std::io::Result<Self> {
        let ending = Arc::new((Mutex::new(false), Condvar::new()));
        let own = Arc::clone(&ending);
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            let watch = Stopwatch::start();
            let mut watchdog = Watchdog::new(heart, limit);
            let (ended, end) = &*own;
            let mut is_over = ended.lock();
            while !*is_over {
                tell(watchdog.look(watch.elapsed()), &metrics);
                writes.tell_overdue(limit);
                end.wait_for(&mut is_over, EVERY.min(limit));
            }
        })?;
        Ok(Self { ending, thread })
    }

    /// Ends the thread, which is never in the middle of anything long.
    pub fn end(self) {
        let (ended, end) = &*self.ending;
        *ended.lock() = true;
        end.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the watchdog's thread had panicked");
        }
    }
}

fn tell(finding: Option<Finding>, metrics: &Metrics) {
    match finding {
        Some(Finding::Stalled(silent)) => {
            metrics.stalls.one();
            tracing::error!(
                stalled_ms = silent.as_millis(),
                "the runtime does not run: a task blocks its threads"
            );
        }
        Some(Finding::Recovered(silent)) => {
            tracing::error!(stalled_ms = silent.as_millis(), "the runtime runs again after a stall");
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_blocked_runtime_is_told_once_and_so_is_its_recovery() {
        let heart = Arc::new(Heart::default());
        let mut watchdog = Watchdog::new(Arc::clone(&heart), LIMIT);
        let (blocked, is_blocked) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let own = Arc::clone(&heart);
        let runtime = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let beating = own.clone().beat(CancellationToken::new());
                let mut beating = std::pin::pin!(beating);
                blocked.send(()).unwrap();
                // What no task may do: it holds the only thread.
                released.recv().unwrap();
                std::future::poll_fn(|cx| {
                    let _ = beating.as_mut().poll(cx);
                    if own.has_answered() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                })
                .await;
            });
        });
        is_blocked.recv().unwrap();

        assert_eq!(watchdog.look(at(0)), None);
        assert_eq!(watchdog.look(at(9)), None);
        assert_eq!(watchdog.look(at(11)), Some(Finding::Stalled(at(11))));
        assert_eq!(watchdog.look(at(12)), None);
        assert!(!heart.is_dead());
        assert_eq!(watchdog.look(at(31)), None);
        assert!(heart.is_dead());
        release.send(()).unwrap();
        runtime.join().unwrap();

        assert_eq!(watchdog.look(at(33)), Some(Finding::Recovered(at(33))));
        assert!(!heart.is_dead());
    }

    #[tokio::test]
    async fn a_runtime_that_runs_is_never_told() {
        let (heart, stop) = (Arc::new(Heart::default()), CancellationToken::new());
        let mut watchdog = Watchdog::new(Arc::clone(&heart), LIMIT);
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.spawn(Arc::clone(&heart).beat(stop.clone()));

        for second in 0..100 {
            assert_eq!(watchdog.look(at(second)), None);
            while !heart.has_answered() {
                tokio::task::yield_now().await;
            }
        }

        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    #[test]
    fn the_thread_ends_when_it_is_told_to() {
        let metrics = Arc::new(Metrics::default());
        let watching = Watching::start(Arc::default(), LIMIT, metrics, Arc::default()).unwrap();

        watching.end();
    }
}
