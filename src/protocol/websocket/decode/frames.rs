//! Frames in their order: the message that each belongs to, and the data that must be kept until the rest arrives.

use super::super::codes::{FrameKind, Opcode};
use super::header::{Header, PartialHeader};
use super::mask::{rotated, unmask};
use super::message::Message;
use super::partial::Partial;
use super::violation::Violation;

/// How many frames one message of at most `max_message_bytes` may have. A fragment costs its sender six bytes and may
/// be empty, so without a bound a message need never end; one fragment per 16 bytes, and a thousand for short
/// messages, is far beyond what clients do.
pub const fn most_frames(max_message_bytes: usize) -> usize {
    1024 + max_message_bytes / 16
}

/// What a client has begun and not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// A message of text or bytes: control frames are allowed in the middle of it and do not end it.
    Message,
    /// A control frame, or a header that is too short to know its kind.
    Frame,
}

#[derive(Debug)]
pub(super) struct Frames {
    max_message_bytes: usize,
    header: PartialHeader,
    /// The frame with a complete header and an incomplete payload.
    frame: Option<Frame>,
    /// The incomplete data message; a control frame may come in the middle of it.
    message: Option<Partial>,
    /// What has arrived of a control frame.
    control: Vec<u8>,
}

/// A frame with its role in a message; `left` and `mask` advance as the payload arrives.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: FrameKind,
    fin: bool,
    left: usize,
    mask: [u8; 4],
}

/// The result of the end of a frame.
enum Finished<'b> {
    /// The message continues in another frame.
    Fragment,
    /// The message is complete in the scratch buffer.
    Whole(&'b [u8]),
    /// The message had to be assembled.
    Assembled(Vec<u8>),
}

impl Frames {
    pub(super) fn new(max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes,
            header: PartialHeader::default(),
            frame: None,
            message: None,
            control: Vec::new(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.control.capacity() + self.message.as_ref().map_or(0, Partial::held_bytes)
    }

    /// The incomplete message or frame.
    pub(super) fn unfinished(&self) -> Option<Unfinished> {
        let in_data = self.frame.is_some_and(|frame| !frame.kind.is_control());
        if in_data || self.message.is_some() {
            return Some(Unfinished::Message);
        }
        (self.frame.is_some() || self.header.is_begun()).then_some(Unfinished::Frame)
    }

    /// The next message, assembled in `delivered` if it is not complete in `input`.
    pub(super) fn advance<'m, 'b: 'm>(
        &mut self,
        input: &mut &'b mut [u8],
        delivered: &'m mut Vec<u8>,
    ) -> Result<Option<Message<'m>>, Violation> {
        loop {
            let Some(mut frame) = self.next_frame(input)? else { return Ok(None) };
            let payload = frame.take_from(input);
            if frame.left > 0 {
                self.buffer(&frame, payload)?;
                self.frame = Some(frame);
                return Ok(None);
            }
            match self.finish(&frame, payload)? {
                Finished::Fragment => {}
                Finished::Whole(payload) => return Message::read(frame.kind, payload).map(Some),
                Finished::Assembled(payload) => {
                    *delivered = payload;
                    return Message::read(frame.kind, delivered).map(Some);
                }
            }
        }
    }

    fn next_frame(&mut self, input: &mut &mut [u8]) -> Result<Option<Frame>, Violation> {
        if let Some(frame) = self.frame.take() {
            return Ok(Some(frame));
        }
        let Some(header) = self.header.read(input)? else { return Ok(None) };
        self.open(&header).map(Some)
    }

    /// Finds the frame's role in its message, and refuses one that has none or makes its message too big.
    fn open(&mut self, header: &Header) -> Result<Frame, Violation> {
        let kind = match (header.opcode, &mut self.message) {
            (Opcode::Opens(kind), _) if kind.is_control() => kind,
            (Opcode::Opens(_), Some(_)) => return Err(Violation::InterruptedMessage),
            (Opcode::Continues, None) => return Err(Violation::StrayContinuation),
            (Opcode::Opens(kind), None) => kind,
            (Opcode::Continues, Some(message)) => {
                message.frames += 1;
                if message.frames > most_frames(self.max_message_bytes) {
                    return Err(Violation::TooManyFragments);
                }
                message.kind
            }
        };
        let left = usize::try_from(header.payload_bytes).map_err(|_| Violation::TooBig)?;
        if !kind.is_control() {
            let had = self.message.as_ref().map_or(0, Partial::len);
            if left > self.max_message_bytes - had {
                return Err(Violation::TooBig);
            }
            if !header.fin {
                self.message.get_or_insert_with(|| Partial::new(kind));
            }
        }
        Ok(Frame { kind, fin: header.fin, left, mask: header.mask })
    }

    fn buffer(&mut self, frame: &Frame, piece: &[u8]) -> Result<(), Violation> {
        if piece.is_empty() {
            return Ok(());
        }
        if frame.kind.is_control() {
            // At most 125 bytes, so the length that the header announces can be reserved at once.
            self.control.reserve_exact(piece.len() + frame.left);
            self.control.extend_from_slice(piece);
            return Ok(());
        }
        let message = self.message.get_or_insert_with(|| Partial::new(frame.kind));
        let most = if frame.fin { message.len() + piece.len() + frame.left } else { self.max_message_bytes };
        message.append(piece, most)
    }

    fn finish<'b>(&mut self, frame: &Frame, payload: &'b [u8]) -> Result<Finished<'b>, Violation> {
        let nothing_kept =
            if frame.kind.is_control() { self.control.is_empty() } else { self.message.is_none() };
        if nothing_kept {
            return Ok(Finished::Whole(payload));
        }
        self.buffer(frame, payload)?;
        if !frame.fin {
            return Ok(Finished::Fragment);
        }
        let bytes = if frame.kind.is_control() {
            std::mem::take(&mut self.control)
        } else {
            self.message.take().map_or_else(Vec::new, Partial::into_bytes)
        };
        Ok(Finished::Assembled(bytes))
    }

    /// Frees the incomplete message, which no later frame can finish.
    pub(super) fn clear(&mut self) {
        self.message = None;
        self.control = Vec::new();
    }
}

impl Frame {
    /// The part of the payload that is in `input`, unmasked.
    fn take_from<'b>(&mut self, input: &mut &'b mut [u8]) -> &'b [u8] {
        let taken = self.left.min(input.len());
        let (piece, rest) = std::mem::take(input).split_at_mut(taken);
        *input = rest;
        unmask(piece, self.mask);
        self.mask = rotated(self.mask, taken);
        self.left -= taken;
        piece
    }
}
