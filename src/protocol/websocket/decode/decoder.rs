//! The incremental decoder: it reads from a scratch buffer that many sockets share, and keeps only incomplete data.

use super::frames::{Frames, Unfinished};
use super::message::Message;
use super::violation::Violation;

/// One client's stream of frames. Holds no heap between messages; in the middle of one at most twice what has
/// arrived of it and never more than `max_message_bytes` (plus 125 bytes of a control frame).
///
/// It does not limit the rate of messages and pings: the caller counts them.
#[derive(Debug)]
pub struct Decoder {
    frames: Frames,
    /// The last message returned, if it had to be assembled; freed by the next call.
    delivered: Vec<u8>,
    ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug)]
enum Ended {
    Closed,
    Broken(Violation),
}

impl Decoder {
    pub fn new(max_message_bytes: usize) -> Self {
        Self { frames: Frames::new(max_message_bytes), delivered: Vec::new(), ended: None }
    }

    /// The next message in `input`, which is unmasked in place and advanced past what was read. `None` means that
    /// `input` is used up and that the scratch buffer may serve another socket.
    ///
    /// A message that is complete in `input` is not copied. After a close message the rest is dropped unread; after a
    /// violation the stream has no meaning any more, and every further call returns the violation again.
    pub fn next<'m, 'b: 'm>(
        &'m mut self,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Message<'m>>, Violation> {
        let Self { frames, delivered, ended } = self;
        *delivered = Vec::new();
        match *ended {
            Some(Ended::Broken(violation)) => return Err(violation),
            Some(Ended::Closed) => {
                *input = &mut [];
                return Ok(None);
            }
            None => {}
        }

        let result = frames.advance(input, delivered);
        *ended = match result {
            Err(violation) => Some(Ended::Broken(violation)),
            Ok(Some(Message::Close { .. })) => Some(Ended::Closed),
            Ok(Some(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_)) | None) => {
                None
            }
        };
        if ended.is_some() {
            frames.clear();
        }
        result
    }

    /// The incomplete message or frame.
    pub fn unfinished(&self) -> Option<Unfinished> {
        if self.ended.is_some() { None } else { self.frames.unfinished() }
    }

    /// The heap this decoder holds at the moment.
    pub fn held_bytes(&self) -> usize {
        self.delivered.capacity() + self.frames.held_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::codes::FrameKind;
    use super::super::super::tests::client::{close, continuation, fragment, frame, ping, text};
    use super::super::frames::most_frames;
    use super::*;

    /// Every message of `stream`, fed in one piece, and the violation that ended it.
    fn read(max_message_bytes: usize, stream: &[u8]) -> (Vec<String>, Option<Violation>) {
        let mut decoder = Decoder::new(max_message_bytes);
        let mut bytes = stream.to_vec();
        let mut input = &mut bytes[..];
        let mut messages = Vec::new();
        loop {
            match decoder.next(&mut input) {
                Ok(Some(message)) => messages.push(format!("{message:?}")),
                Ok(None) => return (messages, None),
                Err(violation) => return (messages, Some(violation)),
            }
        }
    }

    /// The violation that `frames` end in, after no message at all.
    fn refusal(frames: &[Vec<u8>]) -> Option<Violation> {
        let (messages, violation) = read(1000, &frames.concat());
        assert_eq!(messages, Vec::<String>::new());
        violation
    }

    #[test]
    fn messages_in_one_buffer_are_returned_one_by_one() {
        let stream =
            [text("one"), frame(FrameKind::Binary, &[2]), ping(b"3"), frame(FrameKind::Pong, b""), text("")];

        let (messages, violation) = read(1000, &stream.concat());

        assert_eq!(messages, [r#"Text("one")"#, "Binary([2])", "Ping([51])", "Pong([])", r#"Text("")"#]);
        assert_eq!(violation, None);
    }

    #[test]
    fn a_message_in_the_scratch_buffer_is_not_copied() {
        let mut scratch = [text("seen in place"), ping(b"here too")].concat();
        let within = scratch.as_ptr_range();
        let mut decoder = Decoder::new(1000);
        let mut input = &mut scratch[..];

        let mut places = Vec::new();
        while let Ok(Some(message)) = decoder.next(&mut input) {
            places.push(match message {
                Message::Text(text) => text.as_ptr(),
                Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.as_ptr(),
                Message::Close { reason, .. } => reason.as_ptr(),
            });
        }

        assert_eq!(places.len(), 2);
        assert!(places.iter().all(|place| within.contains(place)));
        assert_eq!(decoder.held_bytes(), 0);
    }

    #[test]
    fn control_frames_are_allowed_between_fragments() {
        let stream = [
            fragment(FrameKind::Text, b"fir"),
            ping(b"!"),
            continuation(false, b"st"),
            ping(b"?"),
            continuation(true, b""),
        ];

        let (messages, violation) = read(1000, &stream.concat());

        assert_eq!(messages, ["Ping([33])", "Ping([63])", r#"Text("first")"#]);
        assert_eq!(violation, None);
    }

    #[test]
    fn fragments_out_of_order_are_refused() {
        assert_eq!(refusal(&[continuation(true, b"x")]), Some(Violation::StrayContinuation));
        assert_eq!(refusal(&[continuation(false, b"x")]), Some(Violation::StrayContinuation));
        assert_eq!(
            refusal(&[fragment(FrameKind::Text, b"a"), text("b")]),
            Some(Violation::InterruptedMessage)
        );
        assert_eq!(
            refusal(&[fragment(FrameKind::Text, b""), fragment(FrameKind::Binary, b"")]),
            Some(Violation::InterruptedMessage)
        );
    }

    #[test]
    fn a_frame_that_makes_its_message_too_big_is_refused_by_its_header() {
        let mut huge = vec![0x82, 0xFF];
        huge.extend((u64::MAX >> 1).to_be_bytes());
        huge.extend([0; 4]);

        assert_eq!(refusal(&[huge]), Some(Violation::TooBig));
        assert_eq!(refusal(&[vec![0x81, 0xFE, 0x03, 0xE9, 0, 0, 0, 0]]), Some(Violation::TooBig));
        let sum = [fragment(FrameKind::Binary, &[0; 999]), vec![0x80, 0x82, 0, 0, 0, 0]];
        assert_eq!(refusal(&sum), Some(Violation::TooBig));
        let (messages, violation) = read(1000, &frame(FrameKind::Text, &[b'a'; 1000]));
        assert_eq!((messages.len(), violation), (1, None));
    }

    #[test]
    fn a_control_frame_does_not_count_towards_the_interrupted_message() {
        let stream =
            [fragment(FrameKind::Binary, &[1; 6]), ping(&[0; 125]), continuation(true, &[2; 4])].concat();

        let (messages, violation) = read(10, &stream);

        assert_eq!((messages.len(), violation), (2, None));
    }

    #[test]
    fn a_message_of_endless_fragments_is_refused() {
        let flood = |frames: usize| {
            let mut stream = fragment(FrameKind::Text, b"");
            (2..frames).for_each(|_| stream.extend(continuation(false, b"")));
            stream.extend(continuation(true, b""));
            read(160, &stream)
        };

        assert_eq!(flood(most_frames(160)), (vec![r#"Text("")"#.to_owned()], None));
        assert_eq!(flood(most_frames(160) + 1), (vec![], Some(Violation::TooManyFragments)));
    }

    #[test]
    fn bad_text_is_refused_before_its_frame_is_complete() {
        let whole = frame(FrameKind::Text, b"good\xC0\xAFand much more to come");

        let (_, violation) = read(1000, &whole[..6 + 5]);

        assert_eq!(violation, Some(Violation::TextNotUtf8));
    }

    #[test]
    fn bad_text_is_refused_in_its_own_fragment() {
        assert_eq!(refusal(&[fragment(FrameKind::Text, b"a\xFF")]), Some(Violation::TextNotUtf8));
        let unfinished = [fragment(FrameKind::Text, b"\xE2\x82"), continuation(true, b"")];
        assert_eq!(refusal(&unfinished), Some(Violation::TextNotUtf8));
        let finished = [fragment(FrameKind::Text, b"\xE2\x82"), ping(b""), continuation(true, b"\xAC")];
        assert_eq!(read(1000, &finished.concat()).0, ["Ping([])", r#"Text("€")"#]);
    }

    #[test]
    fn nothing_is_read_after_a_close() {
        let mut stream = [close(1000, "bye"), text("late"), vec![0xFF; 50]].concat();
        let mut decoder = Decoder::new(1000);
        let mut input = &mut stream[..];

        assert_eq!(decoder.next(&mut input), Ok(Some(Message::Close { code: 1000, reason: "bye" })));
        assert_eq!(decoder.next(&mut input), Ok(None));
        assert!(input.is_empty());
    }

    #[test]
    fn a_violation_is_final_and_frees_what_was_kept() {
        let mut stream =
            [fragment(FrameKind::Text, &[b'a'; 500]), text("too early"), text("never read")].concat();
        let mut decoder = Decoder::new(1000);
        let mut input = &mut stream[..];

        assert_eq!(decoder.next(&mut input), Err(Violation::InterruptedMessage));
        assert_eq!(decoder.next(&mut input), Err(Violation::InterruptedMessage));
        assert_eq!(decoder.held_bytes(), 0);
    }

    #[test]
    fn a_promised_length_gets_no_memory() {
        let mut header = vec![0x81, 0xFF];
        header.extend(60_000_000_u64.to_be_bytes());
        header.extend([0; 4]);
        header.extend([b'a'; 10]);
        let mut decoder = Decoder::new(64_000_000);

        assert_eq!(decoder.next(&mut &mut header[..]), Ok(None));

        assert_eq!(decoder.held_bytes(), 10);
    }

    #[test]
    fn what_has_begun_is_unfinished_until_its_end_whatever_comes_between() {
        let unfinished_after = |pieces: &[&[u8]]| {
            let mut decoder = Decoder::new(1000);
            let mut bytes = pieces.concat();
            let mut input = &mut bytes[..];
            while decoder.next(&mut input).unwrap().is_some() {}
            decoder.unfinished()
        };
        let (begun, ended) = (fragment(FrameKind::Text, b"a"), continuation(true, b"b"));

        assert_eq!(unfinished_after(&[&text("whole"), &ping(b"")]), None);
        assert_eq!(unfinished_after(&[&begun]), Some(Unfinished::Message));
        assert_eq!(unfinished_after(&[&begun, &ping(b"!"), &ping(b"?")]), Some(Unfinished::Message));
        assert_eq!(unfinished_after(&[&begun, &ping(b"!")[..3]]), Some(Unfinished::Message));
        assert_eq!(unfinished_after(&[&begun, &ping(b"!"), &ended]), None);
        assert_eq!(unfinished_after(&[&text("cut")[..7]]), Some(Unfinished::Message));
        assert_eq!(unfinished_after(&[&text("cut")[..1]]), Some(Unfinished::Frame));
        assert_eq!(unfinished_after(&[&ping(b"cut")[..7]]), Some(Unfinished::Frame));
        assert_eq!(unfinished_after(&[&close(1000, "bye"), &begun]), None);
    }

    #[test]
    fn an_idle_decoder_is_small_and_holds_no_heap() {
        let mut stream = [fragment(FrameKind::Text, b"put"), continuation(true, b" together")].concat();
        let mut decoder = Decoder::new(1000);
        let mut input = &mut stream[..];

        assert_eq!(decoder.next(&mut input), Ok(Some(Message::Text("put together"))));
        assert_eq!(decoder.next(&mut input), Ok(None));

        assert_eq!(decoder.held_bytes(), 0);
        assert!(size_of::<Decoder>() <= 192, "{} bytes", size_of::<Decoder>());
    }
}
