//! Folding SQLite's write-ahead log into the file, beside the writers. Left to itself SQLite lets the commit that makes the
//! log long do it, so that now and then a caller waits for the changes of many others to reach the file: under another
//! tenant's flood that is every second.

use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::Notify;

/// Commits after which the log is folded.
const COMMITS: u64 = 256;

/// Pages at which the commit that makes the log longer folds it all the same: it bounds the log, 64 MiB of it, where large
/// commits outrun the folding. Also, the log begins anew only at a moment at which all of it is folded, and under steady
/// load that is after such a commit.
pub(super) const MOST_PAGES: u32 = 16_384;

pub(super) struct Folding {
    connection: DatabaseConnection,
    commits: AtomicU64,
    due: Notify,
}

impl Folding {
    /// `connection` is for nothing else.
    pub(super) fn new(connection: DatabaseConnection) -> Self {
        Self { connection, commits: AtomicU64::new(0), due: Notify::new() }
    }

    /// Counts a commit that may have written.
    pub(super) fn committed(&self) {
        if self.commits.fetch_add(1, Ordering::Relaxed) + 1 >= COMMITS {
            self.due.notify_one();
        }
    }

    /// Waits until the log is worth folding.
    pub(super) async fn due(&self) {
        self.due.notified().await;
    }

    /// Folds what no reader needs apart any more. PASSIVE: it waits for nobody, and nobody waits for it.
    pub(super) async fn fold(&self) {
        self.commits.store(0, Ordering::Relaxed);
        if let Err(error) = self.connection.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await {
            // The log is whole and goes on growing; a later turn, or the commit at its bound, tries again.
            tracing::warn!(%error, "the write-ahead log could not be folded into the file");
        }
    }

    pub(super) async fn close(&self) -> Result<(), sea_orm::DbErr> {
        self.connection.close_by_ref().await
    }
}
