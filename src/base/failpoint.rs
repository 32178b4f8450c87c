//! Points at which a test ends the process, as `kill -9` or a power cut would. They exist only with the feature
//! `failpoints`, which only the test build enables; without it a point compiles to nothing.
//!
//! `LOTLINE_FAILPOINT=commit.before:3` ends the process when that point is reached for the third time; with `:stop`
//! appended, the process is stopped there instead, until SIGCONT. `LOTLINE_FAILPOINT_UNSYNCED=1` lets SQLite
//! acknowledge before the disk does, to show that a power cut is then noticed.

/// A point that tests name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// All rows are written and nothing is committed.
    CommitBefore,
    /// Committed, and no reader is notified yet.
    CommitAfter,
    /// A page of the log was read for a reader and none of it is sent.
    ReplayPage,
    /// A part of a log is deleted, but not committed.
    Trim,
    /// A broadcast to all tenants is written to one of them, and the progress is not recorded.
    PlatformBroadcast,
    /// Some rows of a tenant under removal are deleted, but not committed.
    TenantRemoval,
    /// A copy is ready to become the store, under a hidden name.
    RestoreReady,
    /// The old store is locked and its write-ahead log is merged into the main file.
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
        /// Every point.
        pub const ALL: &[Self] = &[
            Self::CommitBefore,
            Self::CommitAfter,
            Self::ReplayPage,
            Self::Trim,
            Self::PlatformBroadcast,
            Self::TenantRemoval,
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
                Self::TenantRemoval => "tenant.removal",
                Self::RestoreReady => "restore.ready",
                Self::RestoreLocked => "restore.locked",
                Self::RestoreKept => "restore.kept",
                Self::RestorePlaced => "restore.placed",
            }
        }
    }

    /// At which point the process ends or stops, and after how many passes.
    struct Armed {
        at: Failpoint,
        signal: Signal,
        left: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| parse(&std::env::var(VARIABLE).ok()?));

    /// `name:pass` or `name:pass:stop`. An invalid text arms nothing; the test that set it then times out.
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
            // A signal to oneself is delivered before the call returns; the loop is for a system that does not
            // guarantee it.
            while kill_process(getpid(), armed.signal).is_ok() && armed.signal == Signal::KILL {}
        }
    }
}
