//! The metrics of the store, and the writes that are open.

use std::sync::Arc;

use sea_orm::AccessMode;

use super::error::{Error, Result};
use crate::base::clock::Stopwatch;
use crate::telemetry::metrics::{Metrics, TransactionMode};
use crate::telemetry::open_transactions::OpenTransactions;

/// Where transactions are counted. The store is the first part of a node to be opened, so it creates the metrics.
#[derive(Clone, Default)]
pub(super) struct StoreTelemetry {
    pub(super) metrics: Arc<Metrics>,
    pub(super) writes: Arc<OpenTransactions>,
}

impl StoreTelemetry {
    /// Records how long a transaction waited for its beginning.
    pub(super) fn record_wait(&self, mode: AccessMode, since: Stopwatch) {
        let direction = match mode {
            AccessMode::ReadWrite => TransactionMode::Write,
            AccessMode::ReadOnly => TransactionMode::Read,
        };
        self.metrics.begin_seconds.of(direction).observe(since.elapsed());
    }

    /// Records a write that failed because the disk is full, and returns the outcome.
    pub(super) fn record_outcome<T>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(Error::Full(_)) = &outcome {
            self.metrics.disk_full.inc();
            self.writes.set_disk_full();
        }
        outcome
    }
}
