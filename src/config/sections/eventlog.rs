//! `[eventlog]`: how far back events can be read, and how soon a silent broker is noticed.

use std::time::Duration;

use crate::config::form::Form;

#[derive(Clone, Debug)]
pub struct EventLogSettings {
    pub retention_seconds: u64,
    pub retention_events: u64,
    /// `None`: no limit.
    pub retention_bytes: Option<u64>,
    pub poll_ms: u64,
}

impl EventLogSettings {
    pub(in crate::config) fn read(form: &mut Form) -> Self {
        Self {
            retention_seconds: form.integer("eventlog.retention_seconds", 1..=315_360_000),
            retention_events: form.integer("eventlog.retention_events", 1..=1_000_000_000),
            retention_bytes: Some(form.integer("eventlog.retention_bytes", 0..=1_125_899_906_842_624))
                .filter(|bytes| *bytes > 0),
            poll_ms: form.integer("eventlog.poll_ms", 50..=10_000),
        }
    }

    pub fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_seconds)
    }

    pub fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}
