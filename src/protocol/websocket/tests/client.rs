//! Frames of a client, valid and invalid.

use super::super::codes::FrameKind;

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

pub(in super::super) fn text(text: &str) -> Vec<u8> {
    frame(FrameKind::Text, text.as_bytes())
}

pub(in super::super) fn ping(payload: &[u8]) -> Vec<u8> {
    frame(FrameKind::Ping, payload)
}

pub(in super::super) fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(FrameKind::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// A message in one frame.
pub(in super::super) fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    raw(0x80 | kind.opcode(), payload, MASK)
}

/// The first of several frames.
pub(in super::super) fn fragment(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    raw(kind.opcode(), payload, MASK)
}

pub(in super::super) fn continuation(fin: bool, payload: &[u8]) -> Vec<u8> {
    raw(if fin { 0x80 } else { 0x00 }, payload, MASK)
}

/// A frame with this first byte, masked byte by byte.
pub(in super::super) fn raw(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}
