//! Why a page could not be read.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::telemetry::metrics::ReaderEnd;

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
}

impl ReadFailure {
    /// What a reader died of by itself.
    pub(super) fn of(status: ExitStatus) -> Self {
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
    pub(super) fn end(self) -> ReaderEnd {
        match self {
            Self::OverMemory => ReaderEnd::OverMemory,
            Self::OverTime => ReaderEnd::OverTime,
            Self::Broke => ReaderEnd::Broke,
            Self::NoReader => ReaderEnd::NotStarted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_says_by_its_end_what_the_page_did() {
        let of = |signal: Signal| ReadFailure::of(ExitStatus::from_raw(signal.as_raw()));

        assert_eq!(of(Signal::ABORT), ReadFailure::OverMemory);
        assert_eq!(of(Signal::KILL), ReadFailure::OverMemory);
        assert_eq!(of(Signal::XCPU), ReadFailure::OverTime);
        assert_eq!(of(Signal::SYS), ReadFailure::Broke);
        assert_eq!(of(Signal::SEGV), ReadFailure::Broke);
        assert_eq!(ReadFailure::of(ExitStatus::from_raw(0)), ReadFailure::Broke);
    }
}
