//! Why a page could not be read.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::telemetry::metrics::ReaderExit;

/// A page that was fetched and not read. The text is fit for a job's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFailure {
    #[error("reading the page takes more memory than a page may take")]
    OverMemory,
    #[error("reading the page takes longer than a page may take")]
    OverTime,
    #[error("reading the page broke its reader")]
    Broke,
    #[error("the page could not be read: no reader could be started")]
    NoReader,
    #[error("the page could not be read: the rules of the spider are not valid")]
    InvalidRules,
}

impl ReadFailure {
    /// What a reader died of by itself.
    pub(super) fn from_exit_status(status: ExitStatus) -> Self {
        match status.signal() {
            // An allocation beyond the limit aborts; the system's own killer takes readers first.
            Some(signal) if signal == Signal::ABORT.as_raw() || signal == Signal::KILL.as_raw() => {
                Self::OverMemory
            }
            Some(signal) if signal == Signal::XCPU.as_raw() => Self::OverTime,
            _ => Self::Broke,
        }
    }

    /// How the reader's end is counted.
    pub(super) fn reader_exit(self) -> ReaderExit {
        match self {
            Self::OverMemory => ReaderExit::OverMemory,
            Self::OverTime => ReaderExit::OverTime,
            // No page has broken it; the next one has a new process all the same.
            Self::Broke | Self::InvalidRules => ReaderExit::Broke,
            Self::NoReader => ReaderExit::NotStarted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_of_a_reader_gives_the_failure() {
        let of = |signal: Signal| ReadFailure::from_exit_status(ExitStatus::from_raw(signal.as_raw()));

        assert_eq!(of(Signal::ABORT), ReadFailure::OverMemory);
        assert_eq!(of(Signal::KILL), ReadFailure::OverMemory);
        assert_eq!(of(Signal::XCPU), ReadFailure::OverTime);
        assert_eq!(of(Signal::SYS), ReadFailure::Broke);
        assert_eq!(of(Signal::SEGV), ReadFailure::Broke);
        assert_eq!(ReadFailure::from_exit_status(ExitStatus::from_raw(0)), ReadFailure::Broke);
    }
}
