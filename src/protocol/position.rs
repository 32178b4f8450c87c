//! A position in a tenant's log, the same on WebSocket, SSE and REST. Opaque: clients compare it for equality only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The log's epoch and the sequence number of the last event seen. Two epochs never have positions in common, so a
/// log that was restored or created anew is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Position {
    pub epoch: i64,
    pub seq: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.epoch, self.seq)
    }
}

/// Characters of a client's `since` that are kept: many more than a position has.
const MOST_KEPT: usize = 200;

/// A client's `since` as it is kept and repeated in a `gap`. A longer text is cut, so that a hundred gaps do not
/// repeat a megabyte; it was malformed before and remains so.
pub fn truncate_since(since: &str) -> String {
    since.chars().take(MOST_KEPT).collect()
}

/// The text is not a position of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position of this server")]
pub struct MalformedPosition;

impl FromStr for Position {
    type Err = MalformedPosition;

    /// Accepts exactly what [`fmt::Display`] writes: one text for one position, so equality of texts is equality.
    fn from_str(text: &str) -> Result<Self, MalformedPosition> {
        let (epoch, seq) = text.split_once('-').ok_or(MalformedPosition)?;
        let parse = |part: &str| i64::from_str_radix(part, 16).map_err(|_| MalformedPosition);
        let position = Self { epoch: parse(epoch)?, seq: parse(seq)? };
        let canonical = position.epoch >= 0 && position.seq >= 0 && position.to_string() == text;
        canonical.then_some(position).ok_or(MalformedPosition)
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

impl TryFrom<String> for Position {
    type Error = MalformedPosition;

    fn try_from(text: String) -> Result<Self, MalformedPosition> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text() {
        let position = Position { epoch: 0x1f, seq: 4096 };

        assert_eq!(position.to_string(), "1f-1000");
        assert_eq!("1f-1000".parse(), Ok(position));
    }

    #[test]
    fn a_text_that_is_too_long_for_a_position_is_cut_and_stays_malformed() {
        let long = format!("1f-1{}", "0".repeat(40_000));

        assert_eq!(truncate_since("1f-1000"), "1f-1000");
        assert_eq!(
            (truncate_since(&long).len(), truncate_since(&long).parse::<Position>()),
            (MOST_KEPT, Err(MalformedPosition))
        );
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in ["", "-", "1f", "1f-", "-1", "1F-1", "01-1", "1f--1", "1f-1-1", "+1-1", "1f-1 ", "zz-1"] {
            assert_eq!(text.parse::<Position>(), Err(MalformedPosition), "{text:?}");
        }
    }
}
