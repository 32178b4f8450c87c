//! The open write transactions, so that one that blocks all others is detected and named; and whether the disk is
//! full.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::base::clock::Stopwatch;

/// The open transactions. At most as many as there are connections to the database.
#[derive(Debug, Default)]
pub struct OpenTransactions {
    open: Mutex<OpenSet>,
    disk_full: AtomicBool,
}

#[derive(Debug, Default)]
struct OpenSet {
    next: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    watch: Stopwatch,
    /// The source line that began it.
    location: &'static Location<'static>,
    /// The request or connection that it belongs to.
    span: tracing::Span,
    reported: bool,
}

/// An open transaction; it counts as closed when this is dropped.
#[derive(Debug)]
pub struct OpenTransactionGuard {
    transactions: Arc<OpenTransactions>,
    id: u64,
}

impl OpenTransactions {
    /// Registers a transaction that began at this line.
    pub fn register(self: &Arc<Self>, location: &'static Location<'static>) -> OpenTransactionGuard {
        let entry =
            Entry { watch: Stopwatch::start(), location, span: tracing::Span::current(), reported: false };
        let mut open = self.open.lock();
        open.next += 1;
        let id = open.next;
        open.entries.insert(id, entry);
        OpenTransactionGuard { transactions: Arc::clone(self), id }
    }

    /// The number of open transactions, and the age of the oldest.
    pub fn count_and_oldest(&self) -> (usize, Duration) {
        let open = self.open.lock();
        let oldest = open.entries.values().map(|entry| entry.watch.elapsed()).max();
        (open.entries.len(), oldest.unwrap_or_default())
    }

    /// Logs, once each, those that have been open for `limit`; returns their number.
    pub fn log_overdue(&self, limit: Duration) -> usize {
        let mut open = self.open.lock();
        let overdue =
            open.entries.values_mut().filter(|entry| !entry.reported && entry.watch.elapsed() >= limit);
        let mut reported = 0;
        for entry in overdue {
            entry.reported = true;
            reported += 1;
            entry.span.in_scope(|| {
                tracing::error!(
                    operation = %entry.location,
                    open_seconds = entry.watch.elapsed().as_secs(),
                    "a write transaction has been open for a long time; others may wait for it"
                );
            });
        }
        reported
    }

    /// A write has failed because the disk is full.
    pub fn set_disk_full(&self) {
        self.disk_full.store(true, Ordering::Relaxed);
    }

    /// A write has succeeded, so there is space again.
    pub fn clear_disk_full(&self) {
        self.disk_full.store(false, Ordering::Relaxed);
    }

    /// Whether a write has failed because the disk is full, and none has succeeded since.
    pub fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }
}

impl Drop for OpenTransactionGuard {
    fn drop(&mut self) {
        self.transactions.open.lock().entries.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_stays_open_is_reported_once_and_removed_at_its_end() {
        let writes = Arc::new(OpenTransactions::default());
        let first = writes.register(Location::caller());
        let second = writes.register(Location::caller());

        assert_eq!(writes.count_and_oldest().0, 2);
        assert_eq!(writes.log_overdue(Duration::from_secs(3_600)), 0);
        assert_eq!(writes.log_overdue(Duration::ZERO), 2);
        assert_eq!(writes.log_overdue(Duration::ZERO), 0);
        drop((first, second));

        assert_eq!(writes.count_and_oldest(), (0, Duration::ZERO));
    }
}
