//! Detects a stalled runtime: a separate thread sends a ping each second, and a task on the runtime responds. It only
//! reports; a supervisor that polls `/livez` may end the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use super::open_transactions::OpenTransactions;
use crate::base::clock::Stopwatch;

/// Between two pings.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// After this many limits without a response the process counts as dead.
const DEAD_AFTER: u32 = 3;

/// State that the thread and the task share.
#[derive(Debug, Default)]
pub struct Probe {
    pings: AtomicU64,
    pongs: AtomicU64,
    silent_ms: AtomicU64,
    limit_ms: AtomicU64,
    notify: Notify,
}

impl Probe {
    /// Responds until `stop`; this task shows that the runtime runs.
    pub async fn respond(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.notify.notified() => self.pongs.store(self.pings.load(Ordering::Acquire), Ordering::Release),
            }
        }
    }

    fn ping(&self) {
        self.pings.fetch_add(1, Ordering::AcqRel);
        self.notify.notify_one();
    }

    /// Whether every ping was answered.
    pub fn has_answered(&self) -> bool {
        self.pongs.load(Ordering::Acquire) >= self.pings.load(Ordering::Acquire)
    }

    /// How long the oldest open ping has been waiting, as of the last check.
    pub fn silent_for(&self) -> Duration {
        Duration::from_millis(self.silent_ms.load(Ordering::Relaxed))
    }

    /// Whether the runtime has been silent for long enough that the process should be ended from outside.
    pub fn is_dead(&self) -> bool {
        let limit = Duration::from_millis(self.limit_ms.load(Ordering::Relaxed));
        !limit.is_zero() && self.silent_for() >= limit * DEAD_AFTER
    }
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StallEvent {
    /// The runtime has not responded for this long; reported once per stall.
    Stalled(Duration),
    /// It responds again, after this long.
    Recovered(Duration),
}

/// The watchdog's logic, separate from its thread and its clock.
pub struct Watchdog {
    probe: Arc<Probe>,
    limit: Duration,
    /// When the open ping was sent.
    open_since: Option<Duration>,
    reported: bool,
}

impl Watchdog {
    pub fn new(probe: Arc<Probe>, limit: Duration) -> Self {
        probe.limit_ms.store(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Self { probe, limit, open_since: None, reported: false }
    }

    /// Checks once; `now` is any time that only increases.
    pub fn check(&mut self, now: Duration) -> Option<StallEvent> {
        let silent = self.open_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        if self.probe.has_answered() {
            self.record_silence(Duration::ZERO);
            self.open_since = Some(now);
            self.probe.ping();
            return std::mem::take(&mut self.reported).then_some(StallEvent::Recovered(silent));
        }
        self.record_silence(silent);
        if silent < self.limit || std::mem::replace(&mut self.reported, true) {
            return None;
        }
        Some(StallEvent::Stalled(silent))
    }

    fn record_silence(&self, silent: Duration) {
        let ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        self.probe.silent_ms.store(ms, Ordering::Relaxed);
    }
}

/// The thread, until it is stopped.
pub struct WatchdogThread {
    stop_signal: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl WatchdogThread {
    /// Starts the thread. `limit` applies to the runtime and to write transactions alike.
    pub fn start(
        probe: Arc<Probe>,
        limit: Duration,
        metrics: Arc<Metrics>,
        transactions: Arc<OpenTransactions>,
    ) -> std::io::Result<Self> {
        let ending = Arc::new((Mutex::new(false), Condvar::new()));
        let own = Arc::clone(&ending);
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            let watch = Stopwatch::start();
            let mut watchdog = Watchdog::new(probe, limit);
            let (ended, end) = &*own;
            let mut is_over = ended.lock();
            while !*is_over {
                report(watchdog.check(watch.elapsed()), &metrics);
                transactions.log_overdue(limit);
                end.wait_for(&mut is_over, PING_INTERVAL.min(limit));
            }
        })?;
        Ok(Self { stop_signal: ending, thread })
    }

    /// Ends the thread, which never blocks for long.
    pub fn stop(self) {
        let (ended, end) = &*self.stop_signal;
        *ended.lock() = true;
        end.notify_all();
        if self.thread.join().is_err() {
            tracing::error!("the watchdog's thread has panicked");
        }
    }
}

fn report(finding: Option<StallEvent>, metrics: &Metrics) {
    match finding {
        Some(StallEvent::Stalled(silent)) => {
            metrics.stalls.inc();
            tracing::error!(
                stalled_ms = silent.as_millis(),
                "the runtime is stalled: a task blocks its threads"
            );
        }
        Some(StallEvent::Recovered(silent)) => {
            tracing::error!(stalled_ms = silent.as_millis(), "the runtime has recovered from a stall");
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
    fn a_blocked_runtime_is_reported_once_and_so_is_its_recovery() {
        let heart = Arc::new(Probe::default());
        let mut watchdog = Watchdog::new(Arc::clone(&heart), LIMIT);
        let (blocked, is_blocked) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let own = Arc::clone(&heart);
        let runtime = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let beating = own.clone().respond(CancellationToken::new());
                let mut beating = std::pin::pin!(beating);
                blocked.send(()).unwrap();
                // What no task may do: block the only thread.
                released.recv().unwrap();
                std::future::poll_fn(|cx| {
                    let _ = beating.as_mut().poll(cx);
                    if own.has_answered() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                })
                .await;
            });
        });
        is_blocked.recv().unwrap();

        assert_eq!(watchdog.check(at(0)), None);
        assert_eq!(watchdog.check(at(9)), None);
        assert_eq!(watchdog.check(at(11)), Some(StallEvent::Stalled(at(11))));
        assert_eq!(watchdog.check(at(12)), None);
        assert!(!heart.is_dead());
        assert_eq!(watchdog.check(at(31)), None);
        assert!(heart.is_dead());
        release.send(()).unwrap();
        runtime.join().unwrap();

        assert_eq!(watchdog.check(at(33)), Some(StallEvent::Recovered(at(33))));
        assert!(!heart.is_dead());
    }

    #[tokio::test]
    async fn a_running_runtime_is_never_reported() {
        let (heart, stop) = (Arc::new(Probe::default()), CancellationToken::new());
        let mut watchdog = Watchdog::new(Arc::clone(&heart), LIMIT);
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.spawn(Arc::clone(&heart).respond(stop.clone()));

        for second in 0..100 {
            assert_eq!(watchdog.check(at(second)), None);
            while !heart.has_answered() {
                tokio::task::yield_now().await;
            }
        }

        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    #[test]
    fn the_thread_ends_when_stopped() {
        let metrics = Arc::new(Metrics::default());
        let watching = WatchdogThread::start(Arc::default(), LIMIT, metrics, Arc::default()).unwrap();

        watching.stop();
    }
}
