//! A whole message, as the decoder returns it: borrowed, unmasked and valid.

use super::super::codes::{FrameKind, NO_STATUS, is_sendable};
use super::violation::Violation;

/// One message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'m> {
    Text(&'m str),
    Binary(&'m [u8]),
    /// Must be answered by a pong with the same payload.
    Ping(&'m [u8]),
    Pong(&'m [u8]),
    /// The last message; `code` is [`NO_STATUS`] when the frame had no payload.
    Close {
        code: u16,
        reason: &'m str,
    },
}

impl<'m> Message<'m> {
    pub(super) fn read(kind: FrameKind, payload: &'m [u8]) -> Result<Self, Violation> {
        match kind {
            FrameKind::Text => str::from_utf8(payload).map(Self::Text).map_err(|_| Violation::TextNotUtf8),
            FrameKind::Binary => Ok(Self::Binary(payload)),
            FrameKind::Ping => Ok(Self::Ping(payload)),
            FrameKind::Pong => Ok(Self::Pong(payload)),
            FrameKind::Close => read_close(payload),
        }
    }
}

fn read_close(payload: &[u8]) -> Result<Message<'_>, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(Message::Close { code: NO_STATUS, reason: "" }),
        [_] => return Err(Violation::HalfCloseCode),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !is_sendable(code) {
        return Err(Violation::ForbiddenCloseCode);
    }
    let reason = str::from_utf8(reason).map_err(|_| Violation::CloseReasonNotUtf8)?;
    Ok(Message::Close { code, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(payload: &[u8]) -> Result<Message<'_>, Violation> {
        Message::read(FrameKind::Close, payload)
    }

    #[test]
    fn a_close_frame_has_a_code_and_a_reason_or_neither() {
        assert_eq!(close(b""), Ok(Message::Close { code: 1005, reason: "" }));
        assert_eq!(close(b"\x03\xE8"), Ok(Message::Close { code: 1000, reason: "" }));
        assert_eq!(close(b"\x11\x31bye"), Ok(Message::Close { code: 4401, reason: "bye" }));
    }

    #[test]
    fn a_bad_close_payload_is_refused_for_its_own_reason() {
        assert_eq!(close(b"\x03"), Err(Violation::HalfCloseCode));
        assert_eq!(close(b"\x03\xED"), Err(Violation::ForbiddenCloseCode));
        assert_eq!(close(b"\x03\xE8\xFF"), Err(Violation::CloseReasonNotUtf8));
    }

    #[test]
    fn a_text_that_stops_within_a_character_is_refused() {
        assert_eq!(Message::read(FrameKind::Text, b"\xE2\x82"), Err(Violation::TextNotUtf8));
    }
}
