//! The traffic of one connection, counted for itself, for its tenant and for the node.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use crate::hub::{Item, Mailbox};
use crate::telemetry::metrics::{Carrier, Metrics, TenantMeter};

/// A connection's counts.
pub struct Traffic {
    metrics: Arc<Metrics>,
    tenant: Arc<TenantMeter>,
    carrier: Carrier,
    messages_in: AtomicU64,
    frames_out: AtomicU64,
    bytes_out: AtomicU64,
    /// Bytes that were taken from the mailbox and not yet written to the system.
    unwritten: AtomicUsize,
    /// While some are unwritten: the last event before their batch.
    written_up_to: AtomicI64,
}

impl Traffic {
    pub(super) fn new(metrics: Arc<Metrics>, tenant: Arc<TenantMeter>, carrier: Carrier) -> Self {
        Self {
            metrics,
            tenant,
            carrier,
            messages_in: AtomicU64::new(0),
            frames_out: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            unwritten: AtomicUsize::new(0),
            written_up_to: AtomicI64::new(0),
        }
    }

    /// Counts messages of the client.
    pub(super) fn record_received(&self, messages: u64) {
        self.messages_in.fetch_add(messages, Ordering::Relaxed);
        self.tenant.messages_in.add(messages);
        self.metrics.messages_in.add(messages);
    }

    /// Counts what is handed to the carrier.
    pub(super) fn record_sent(&self, frames: u64, bytes: u64) {
        self.frames_out.fetch_add(frames, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        self.tenant.frames_out.add(frames);
        self.tenant.bytes_out.add(bytes);
        self.metrics.frames_out.of(self.carrier).add(frames);
        self.metrics.bytes_out.of(self.carrier).add(bytes);
    }

    /// Records the start of a batch: its first event is not written yet.
    pub(super) fn record_batch_start(&self, items: &[Item]) {
        if let Some(first) = items.iter().find_map(seq) {
            self.written_up_to.store(first - 1, Ordering::Relaxed);
        }
    }

    /// Records the bytes that are left to write.
    pub(super) fn record_unwritten(&self, unwritten: usize) {
        self.unwritten.store(unwritten, Ordering::Relaxed);
    }

    pub fn messages_in(&self) -> u64 {
        self.messages_in.load(Ordering::Relaxed)
    }

    pub fn frames_out(&self) -> u64 {
        self.frames_out.load(Ordering::Relaxed)
    }

    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    pub fn unwritten(&self) -> usize {
        self.unwritten.load(Ordering::Relaxed)
    }

    /// Events between the reader and the log's head; 0 for a reader without a backlog.
    pub fn lag(&self, mailbox: &Mailbox, head: i64) -> u64 {
        let written = (self.unwritten() > 0).then(|| self.written_up_to.load(Ordering::Relaxed));
        let waits_after = written.or_else(|| mailbox.backlog_after());
        waits_after.map_or(0, |seq| u64::try_from(head - seq).unwrap_or(0))
    }

    /// Adds the counts that are known only at the end.
    pub(super) fn record_close(&self, mailbox: Option<&Mailbox>) {
        let Some(mailbox) = mailbox else { return };
        self.tenant.dropped.add(mailbox.dropped());
        self.metrics.dropped.add(mailbox.dropped());
        if mailbox.has_overflowed() {
            self.metrics.overflows.inc();
        }
    }
}

fn seq(item: &Item) -> Option<i64> {
    match item {
        Item::Event(envelope) => Some(envelope.seq()),
        Item::Message { .. } | Item::Heartbeat(_) => None,
    }
}
