//! The lines that a crawl leaves in its job's log: bounded, and written a batch at a time.

use chrono::{DateTime, Utc};

use crate::base::timestamp::Timestamp;
use crate::protocol::job::LogLevel;
use crate::protocol::worker::NewLogLine;

/// Lines of one execution; further ones are counted and reported in one line at the end.
const MAX_LINES: usize = 1_000;

#[derive(Default)]
pub(super) struct LogBuffer {
    pending: Vec<NewLogLine>,
    written: usize,
    dropped: usize,
}

impl LogBuffer {
    /// Adds a line.
    pub(super) fn push(&mut self, level: LogLevel, message: String, now: DateTime<Utc>) {
        if self.written >= MAX_LINES {
            self.dropped += 1;
            return;
        }
        self.written += 1;
        self.pending.push(line(level, message, now));
    }

    /// The last line, for which there is always room, and before it how many were left out.
    pub(super) fn close(&mut self, message: String, now: DateTime<Utc>) {
        if self.dropped > 0 {
            let words = format!("{} further lines were left out", self.dropped);
            self.pending.push(line(LogLevel::Warning, words, now));
        }
        self.pending.push(line(LogLevel::Info, message, now));
    }

    /// What waits to be written.
    pub(super) fn drain(&mut self) -> Vec<NewLogLine> {
        std::mem::take(&mut self.pending)
    }
}

fn line(level: LogLevel, message: String, now: DateTime<Utc>) -> NewLogLine {
    NewLogLine { level, message, at: Timestamp::new(now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_a_bound_and_says_what_is_missing() {
        let mut journal = LogBuffer::default();
        let now = DateTime::UNIX_EPOCH;
        for number in 0..1_200 {
            journal.push(LogLevel::Warning, number.to_string(), now);
        }
        journal.close("over".to_owned(), now);

        let lines: Vec<_> = journal.drain().into_iter().map(|line| line.message).collect();

        assert_eq!(lines.len(), 1_002);
        assert_eq!(lines[999..], ["999", "200 further lines were left out", "over"]);
    }
}
