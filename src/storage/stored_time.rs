//! Times as the store keeps them.

use chrono::{DateTime, TimeZone, Utc};

/// Times are stored as whole microseconds since the epoch, alike in both databases.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// The way back of [`micros`].
pub fn time(micros: i64) -> DateTime<Utc> {
    // Every stored value came from a DateTime, so it is in range; the epoch is the fallback for a hand-edited row.
    Utc.timestamp_micros(micros).single().unwrap_or(DateTime::UNIX_EPOCH)
}
