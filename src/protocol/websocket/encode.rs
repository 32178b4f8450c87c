//! Encoding: whole, unmasked frames, encoded once and shared as [`Bytes`] by every socket that they are sent to.

use bytes::Bytes;

use super::codes::{CONTROL_PAYLOAD_BYTES, FrameKind, is_sendable};
use crate::base::text::truncate;

/// A server's frame header: two, four or ten bytes.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    bytes: [u8; 10],
    length: u8,
}

impl Header {
    /// The header of an unfragmented frame with `payload_bytes` of payload.
    pub fn new(kind: FrameKind, payload_bytes: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = 0x80 | kind.opcode();
        let length = if payload_bytes < 126 {
            bytes[1] = payload_bytes as u8;
            2
        } else if let Ok(short) = u16::try_from(payload_bytes) {
            bytes[1] = 126;
            bytes[2..4].copy_from_slice(&short.to_be_bytes());
            4
        } else {
            bytes[1] = 127;
            bytes[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            10
        };
        Self { bytes, length }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// A text message as a frame, with its text available for carriers that frame it otherwise. Clones share one buffer.
#[derive(Clone, Debug)]
pub struct TextFrame {
    frame: Bytes,
    header_bytes: usize,
}

impl TextFrame {
    /// Encodes `text` with one allocation.
    pub fn new(text: &str) -> Self {
        let header = Header::new(FrameKind::Text, text.len());
        let frame = joined(&header, &[text.as_bytes()]);
        Self { frame, header_bytes: header.as_bytes().len() }
    }

    /// The frame of a text that `change` makes from this one.
    #[must_use]
    pub fn with_text(&self, change: impl FnOnce(&str) -> String) -> Self {
        Self::new(&change(&String::from_utf8_lossy(&self.payload())))
    }

    /// The whole frame, to be written to a socket.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// The text alone, sharing the frame's buffer.
    pub fn payload(&self) -> Bytes {
        self.frame.slice(self.header_bytes..)
    }
}

pub fn binary(payload: &[u8]) -> Bytes {
    frame(FrameKind::Binary, payload)
}

/// A ping; a payload over 125 bytes is cut.
pub fn ping(payload: &[u8]) -> Bytes {
    frame(FrameKind::Ping, within_control(payload))
}

/// The answer to a ping with this payload; it is cut like a ping's.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(FrameKind::Pong, within_control(payload))
}

/// A close frame; the reason is cut to 123 bytes at a character boundary. A code that must not be sent, such as the
/// 1005 of a peer that gave none, makes the frame without payload that means "no code".
pub fn close(code: u16, reason: &str) -> Bytes {
    if !is_sendable(code) {
        return frame(FrameKind::Close, &[]);
    }
    let reason = truncate(reason, CONTROL_PAYLOAD_BYTES - 2);
    let header = Header::new(FrameKind::Close, 2 + reason.len());
    joined(&header, &[&code.to_be_bytes(), reason.as_bytes()])
}

fn frame(kind: FrameKind, payload: &[u8]) -> Bytes {
    joined(&Header::new(kind, payload.len()), &[payload])
}

fn within_control(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(CONTROL_PAYLOAD_BYTES)]
}

fn joined(header: &Header, payload: &[&[u8]]) -> Bytes {
    let header = header.as_bytes();
    let length = header.len() + payload.iter().map(|part| part.len()).sum::<usize>();
    // Exact capacity: `Bytes` takes over a full vector without a copy.
    let mut whole = Vec::with_capacity(length);
    whole.extend_from_slice(header);
    payload.iter().for_each(|part| whole.extend_from_slice(part));
    Bytes::from(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_the_shortest_length_at_each_border() {
        let header = |bytes| Header::new(FrameKind::Binary, bytes).as_bytes().to_vec();

        assert_eq!(header(0), [0x82, 0]);
        assert_eq!(header(125), [0x82, 125]);
        assert_eq!(header(126), [0x82, 126, 0, 126]);
        assert_eq!(header(65_535), [0x82, 126, 0xFF, 0xFF]);
        assert_eq!(header(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_text_frame_and_its_payload_share_one_buffer() {
        for text in ["", "Hello", &"ü".repeat(100), &"x".repeat(70_000)] {
            let encoded = TextFrame::new(text);
            let payload = encoded.payload();

            assert_eq!(payload, text.as_bytes());
            assert!(encoded.frame().ends_with(&payload));
            assert_eq!(encoded.clone().frame().as_ptr(), encoded.frame().as_ptr());
            assert!(text.is_empty() || encoded.frame().as_ptr_range().contains(&payload.as_ptr()));
        }
        assert_eq!(TextFrame::new("Hello").frame(), &b"\x81\x05Hello"[..]);
    }

    #[test]
    fn control_frames_are_written_whole() {
        assert_eq!(ping(b""), &b"\x89\x00"[..]);
        assert_eq!(pong(b"again"), &b"\x8A\x05again"[..]);
        assert_eq!(ping(&[7; 200]).len(), 2 + 125);
        assert_eq!(close(1001, "bye"), &b"\x88\x05\x03\xE9bye"[..]);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let frame = close(1008, &"€".repeat(50));

        assert_eq!(&frame[..2], [0x88, 2 + 123]);
        assert_eq!(str::from_utf8(&frame[4..]), Ok("€".repeat(41).as_str()));
        let frame = close(1008, &format!("x{}", "€".repeat(50)));
        assert_eq!(str::from_utf8(&frame[4..]), Ok(format!("x{}", "€".repeat(40)).as_str()));
    }

    #[test]
    fn a_code_that_may_not_travel_is_left_out() {
        for code in [0, 1005, 1006, 1015, 2999, 5000] {
            assert_eq!(close(code, "unsaid"), &b"\x88\x00"[..]);
        }
    }
}
