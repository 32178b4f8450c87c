//! A committed event on its way to readers: encoded once, shared by all of them.

use chrono::{DateTime, Utc};

use super::position::Position;
use super::routing::Routing;
use super::websocket::encode::TextFrame;
use crate::base::clock::rfc3339;

/// One event of a tenant's log in the form in which it is sent.
#[derive(Debug)]
pub struct Envelope {
    pub position: Position,
    /// The message's `type`.
    pub kind: Box<str>,
    pub routing: Routing,
    pub frame: TextFrame,
}

impl Envelope {
    /// Adds position and time to a logged body, which is a JSON object with at least its `type`.
    pub fn new(
        position: Position,
        kind: &str,
        routing: Routing,
        body: &str,
        occurred_at: DateTime<Utc>,
    ) -> Self {
        let open = body.strip_suffix('}').unwrap_or(body);
        let at = rfc3339(occurred_at);
        let json = format!(r#"{open},"position":"{position}","occurred_at":"{at}"}}"#);
        Self { position, kind: kind.into(), routing, frame: TextFrame::new(&json) }
    }

    pub fn seq(&self) -> i64 {
        self.position.seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_and_time_are_added_to_the_logged_body() {
        let position = Position { epoch: 1, seq: 2 };
        let at = DateTime::from_timestamp_millis(1_500).unwrap();

        let envelope = Envelope::new(position, "x", Routing::Summary, r#"{"type":"x"}"#, at);

        let json: serde_json::Value = serde_json::from_slice(&envelope.frame.payload()).unwrap();
        let wanted =
            serde_json::json!({"type": "x", "position": "1-2", "occurred_at": "1970-01-01T00:00:01.500Z"});
        assert_eq!(json, wanted);
    }
}
