//! How pages are read: by which program, how many at once, with how much memory and time each.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// What a reader runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReaderProgram {
    /// The file that this process was started from, also after an upgrade has replaced it.
    OwnExecutable,
    /// Another build of it. For tests: a test's own executable is no reader.
    Path(PathBuf),
    /// None: pages are read on threads of this process.
    #[default]
    Threads,
}

impl ReaderProgram {
    /// The file to start; `None`: threads.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            // Resolved by the kernel to the running file itself. A path by name may be another version by now.
            Self::OwnExecutable => Some(Path::new("/proc/self/exe")),
            Self::Path(path) => Some(path),
            Self::Threads => None,
        }
    }
}

/// Settings of the readers, from the section `crawler`.
#[derive(Clone, Debug)]
pub struct ReaderSettings {
    pub program: ReaderProgram,
    /// Readers at the same time; `None`: one for each core.
    pub readers: Option<NonZeroUsize>,
    /// What a reader may take beyond what it has when it starts.
    pub memory_bytes: u64,
    /// How long one page may take.
    pub page_time: Duration,
    /// Bytes of all pages that are being received, wait for a reader or are read.
    pub pages_bytes: u64,
    /// How long threads replace processes that could not be started, until a start is retried.
    pub start_retry: Duration,
}

impl Default for ReaderSettings {
    fn default() -> Self {
        Self {
            program: ReaderProgram::default(),
            readers: None,
            memory_bytes: 256 * MIB,
            page_time: Duration::from_secs(10),
            pages_bytes: 128 * MIB,
            start_retry: Duration::from_secs(60),
        }
    }
}

impl ReaderSettings {
    /// How many processes read at once.
    pub(super) fn processes(&self) -> usize {
        self.readers.map_or_else(cores, NonZeroUsize::get)
    }

    /// How many threads read at once where there are no processes. One core is left for everything else.
    pub(super) fn threads(&self) -> usize {
        self.processes().min(cores() - 1).max(1)
    }
}

/// What a reader may take, as it is told when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Beyond what it has when it starts.
    pub memory_bytes: u64,
    /// Processor time of one page.
    pub page_seconds: u64,
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}
