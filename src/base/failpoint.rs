//! Places at which a test ends the process, as `kill -9` or a power cut would. They exist only with the feature
//! `failpoints`, which the tests' own build turns on and no other: without it a place compiles to nothing.
//!
//! `LOTLINE_FAILPOINT=commit.before:3` ends the process when it comes to that place for the third time; with `:stop`
//! behind it the process is stopped there instead, until it is sent SIGCONT. `LOTLINE_FAILPOINT_UNSYNCED=1` lets SQLite
//! acknowledge before the disk does, to show that a power cut is then noticed.

/// A place that tests know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// Everything is written and nothing committed.
    CommitBefore,
    /// Committed, and no reader told.
    CommitAfter,
    /// A page of the log was read for a reader and nothing of it sent.
    ReplayPage,
    /// A part of a log is taken away and that is not committed.
    Trim,
    /// A broadcast to all tenants is written to one of them, and that is not noted.
    PlatformBroadcast,
    /// A copy is ready to become the store, under a hidden name.
    RestoreReady,
    /// The old store is locked, and folded into one file.
    RestoreLocked,
    /// The old store has a second name.
    RestoreKept,
    /// The copy has the store's name.
    RestorePlaced,
}

/// Ends the process here when the environment asks for it.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach(_: Failpoint) {}

/// Whether commits are not to wait for the disk.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn leaves_unsynced() -> bool {
    false
}

#[cfg(feature = "failpoints")]
pub use armed::{leaves_unsynced, reach};

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Failpoint;

    const VARIABLE: &str = "LOTLINE_FAILPOINT";
    const UNSYNCED: &str = "LOTLINE_FAILPOINT_UNSYNCED";

    impl Failpoint {
        /// Every place.
        pub const ALL: &[Self] = &[
            Self::CommitBefore,
            Self::CommitAfter,
            Self::ReplayPage,
            Self::Trim,
            Self::PlatformBroadcast,
            Self::RestoreReady,
            Self::RestoreLocked,
            Self::RestoreKept,
            Self::RestorePlaced,
        ];

        pub fn name(self) -> &'static str {
            match self {
                Self::CommitBefore => "commit.before",
                Self::CommitAfter => "commit.after",
                Self::ReplayPage => "replay.page",
                Self::Trim => "trim",
                Self::PlatformBroadcast => "broadcast.between_tenants",
                Self::RestoreReady => "restore.ready",
                Self::RestoreLocked => "restore.locked",
                Self::RestoreKept => "restore.kept",
                Self::RestorePlaced => "restore.placed",
            }
        }
    }

    /// Where the process is to end or to stop, and after how many passes.
    struct Armed {
        at: Failpoint,
        signal: Signal,
        left: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| parse(&std::env::var(VARIABLE).ok()?));

    /// `name:pass` or `name:pass:stop`. Words that mean nothing arm nothing; the test that wrote them then waits in vain and says so.
    fn parse(words: &str) -> Option<Armed> {
        let (name, pass) = words.split_once(':')?;
        let (pass, signal) = match pass.strip_suffix(":stop") {
            Some(pass) => (pass, Signal::STOP),
            None => (pass, Signal::KILL),
        };
        let at = Failpoint::ALL.iter().copied().find(|point| point.name() == name)?;
        Some(Armed { at, signal, left: AtomicU64::new(pass.parse().ok()?) })
    }

    /// Whether the environment asks for commits that do not wait for the disk.
    pub fn leaves_unsynced() -> bool {
        std::env::var_os(UNSYNCED).is_some()
    }

    /// Ends or stops the process here when the environment asks for it: no destructor runs, nothing is flushed.
    pub fn reach(point: Failpoint) {
        let Some(armed) = ARMED.as_ref().filter(|armed| armed.at == point) else { return };
        if armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // A signal to oneself is delivered before the call returns; the loop is for a system that is not so sure.
            while kill_process(getpid(), armed.signal).is_ok() && armed.signal == Signal::KILL {}
        }
    }
}
