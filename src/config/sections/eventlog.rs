//! `[eventlog]`: the retention of events, and the poll interval that finds missed notifications.

use std::time::Duration;

use crate::config::reader::ConfigReader;

#[derive(Clone, Debug)]
pub struct EventLogSettings {
    pub retention_seconds: u64,
    pub retention_events: u64,
    /// `None`: no limit.
    pub retention_bytes: Option<u64>,
    pub poll_ms: u64,
}

impl EventLogSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        Self {
            retention_seconds: reader.integer("eventlog.retention_seconds", 1..=315_360_000),
            retention_events: reader.integer("eventlog.retention_events", 1..=1_000_000_000),
            retention_bytes: Some(reader.integer("eventlog.retention_bytes", 0..=1_125_899_906_842_624))
                .filter(|bytes| *bytes > 0),
            poll_ms: reader.integer("eventlog.poll_ms", 50..=10_000),
        }
    }

    pub fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_seconds)
    }

    pub fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}
