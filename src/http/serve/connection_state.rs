//! The state of a connection: its stream and its requests update it, its timers read it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::clock::Clock;

/// The phase of a connection between requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Accepted, no byte read yet.
    Fresh,
    /// A head has begun and is not complete.
    Head,
    /// A request is being answered.
    Busy,
    /// An answer is complete and the next request has not begun.
    Idle,
}

/// The state of one connection. All writers run in the connection's own task, except for the end of an answer that is
/// dropped elsewhere; so plain atomics are enough, and a late update only makes a timer less precise.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    /// The phase in the two lowest bits, the count of changes above, so that two idle times differ.
    phase: AtomicU64,
    /// Whether a write is blocked in the lowest bit, the count of successful writes above.
    write: AtomicU64,
    /// Whether the last request was answered before all of its body was read.
    unread: AtomicBool,
}

impl ConnectionState {
    pub(super) fn enter(&self, phase: Phase) {
        let changes = (self.phase.load(Ordering::Relaxed) >> 2) + 1;
        self.phase.store((changes << 2) | phase as u64, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) & 3 {
            0 => Phase::Fresh,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Idle,
        }
    }

    /// The phase together with the count of changes: a new value for each new phase.
    pub(super) fn phase_version(&self) -> u64 {
        self.phase.load(Ordering::Relaxed)
    }

    /// Bytes were read. While a request is answered they belong to its body, or to a pipelined request.
    pub(super) fn record_read(&self) {
        if matches!(self.phase(), Phase::Fresh | Phase::Idle) {
            self.enter(Phase::Head);
        }
    }

    /// Records whether an answer leaves part of its request's body unread.
    pub(super) fn set_body_unread(&self, unread: bool) {
        self.unread.store(unread, Ordering::Relaxed);
    }

    pub(super) fn is_body_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    pub(super) fn record_write(&self) {
        self.write.store((self.write_version() & !1) + 2, Ordering::Relaxed);
    }

    pub(super) fn record_write_blocked(&self) {
        self.write.store(self.write_version() | 1, Ordering::Relaxed);
    }

    pub(super) fn write_version(&self) -> u64 {
        self.write.load(Ordering::Relaxed)
    }

    pub(super) fn is_write_blocked(&self) -> bool {
        self.write_version() & 1 == 1
    }
}

/// A timer that restarts whenever the watched value has changed.
pub(super) struct IdleTimer {
    clock: Clock,
    watched: Option<u64>,
    sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl IdleTimer {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, watched: None, sleep: None }
    }

    /// Ready once `watched` has stayed the same for `span`; never while `span` is `None`.
    pub(super) fn poll(&mut self, watched: u64, span: Option<Duration>, cx: &mut Context<'_>) -> Poll<()> {
        if self.watched != Some(watched) {
            self.watched = Some(watched);
            self.sleep = span.map(|span| {
                let clock = self.clock.clone();
                let sleep: Pin<Box<dyn Future<Output = ()> + Send>> =
                    Box::pin(async move { clock.sleep(span).await });
                sleep
            });
        }
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_idle_period_has_its_own_phase_version() {
        let exchange = ConnectionState::default();
        assert_eq!(exchange.phase(), Phase::Fresh);

        exchange.record_read();
        assert_eq!(exchange.phase(), Phase::Head);
        exchange.enter(Phase::Busy);
        exchange.record_read();
        assert_eq!(exchange.phase(), Phase::Busy);
        exchange.enter(Phase::Idle);
        let first = exchange.phase_version();
        exchange.enter(Phase::Busy);
        exchange.enter(Phase::Idle);

        assert_ne!(exchange.phase_version(), first);
    }

    #[test]
    fn a_write_that_moves_is_not_blocked_any_more() {
        let exchange = ConnectionState::default();

        exchange.record_write_blocked();
        let stalled = exchange.write_version();
        assert!(exchange.is_write_blocked());
        exchange.record_write();

        assert!(!exchange.is_write_blocked());
        exchange.record_write_blocked();
        assert_ne!(exchange.write_version(), stalled);
    }
}
