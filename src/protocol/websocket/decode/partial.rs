//! The incomplete message: the received part of one that is not complete in the scratch buffer.

use super::super::codes::FrameKind;
use super::violation::Violation;

#[derive(Debug)]
pub(super) struct Partial {
    pub(super) kind: FrameKind,
    pub(super) frames: usize,
    bytes: Vec<u8>,
    /// How many bytes of a text are known to be whole characters.
    checked: usize,
}

impl Partial {
    pub(super) fn new(kind: FrameKind) -> Self {
        Self { kind, frames: 1, bytes: Vec::new(), checked: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Keeps `piece`; the message will not grow beyond `most` bytes.
    pub(super) fn append(&mut self, piece: &[u8], most: usize) -> Result<(), Violation> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            // Memory for what came, at most doubled: a header that only announces a payload gets no memory for it.
            let target = (2 * self.bytes.capacity()).min(most).max(needed);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        match self.kind {
            FrameKind::Text => self.check_text(),
            FrameKind::Binary | FrameKind::Close | FrameKind::Ping | FrameKind::Pong => Ok(()),
        }
    }

    /// Fails at the first byte that no further byte could repair (at most three are checked again).
    fn check_text(&mut self) -> Result<(), Violation> {
        match str::from_utf8(&self.bytes[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::TextNotUtf8),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_may_be_cut_anywhere() {
        for text in ["κόσμε", "\u{10FFFF}\u{D7FF}\u{E000}\u{0}"] {
            let mut partial = Partial::new(FrameKind::Text);

            let kept = text.bytes().try_for_each(|byte| partial.append(&[byte], 100));

            assert_eq!(kept, Ok(()));
            assert_eq!(partial.into_bytes(), text.as_bytes());
        }
    }

    #[test]
    fn text_fails_at_the_first_byte_that_cannot_be_repaired() {
        for (hopeful, fatal) in [
            (&b"ok"[..], 0xFF),
            (b"ok", 0x80),
            (b"ok", 0xC0),
            (b"ok", 0xC1),
            (b"ok", 0xF5),
            (b"\xCE", b'a'),
            (b"\xE0", 0x9F),
            (b"\xED", 0xA0),
            (b"\xF0", 0x8F),
            (b"\xF4", 0x90),
            (b"\xF4\x8F\xBF", 0xC0),
        ] {
            let mut partial = Partial::new(FrameKind::Text);

            assert_eq!(partial.append(hopeful, 100), Ok(()), "{hopeful:02x?}");
            assert_eq!(
                partial.append(&[fatal], 100),
                Err(Violation::TextNotUtf8),
                "{hopeful:02x?} {fatal:02x}"
            );
        }
    }

    #[test]
    fn memory_is_at_most_twice_what_came_and_never_above_the_bound() {
        let mut partial = Partial::new(FrameKind::Binary);
        for length in 1..=1000 {
            assert_eq!(partial.append(&[0], 1000), Ok(()));
            assert!(partial.held_bytes() <= (2 * length).min(1000), "{} for {length}", partial.held_bytes());
        }
    }
}
