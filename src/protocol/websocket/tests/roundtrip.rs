//! Round trips with another implementation, in both directions, over streams cut at random.

use std::io::{self, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Bytes, Message as Theirs, WebSocket};

use super::super::codes::{FrameKind, NO_STATUS};
use super::super::decode::Violation;
use super::super::encode;
use super::client::raw;
use super::invariants::{Outcome, Owned, check_invariants, decode};

const LIMIT: usize = 200_000;

/// A close code that was registered after the other implementation's table was written.
const NEWER_CODE: u16 = 1014;

fn message() -> impl Strategy<Value = Owned> {
    let length = prop_oneof![20 => 0..40_usize, 5 => 120..132_usize, 1 => 65_530..65_540_usize];
    let text = prop_oneof![
        4 => any::<String>(),
        1 => length.clone().prop_map(|length| "z".repeat(length)),
    ];
    prop_oneof![
        4 => text.prop_map(Owned::Text),
        3 => length.prop_flat_map(|length| vec(any::<u8>(), length)).prop_map(Owned::Binary),
        1 => vec(any::<u8>(), 0..=125).prop_map(Owned::Ping),
        1 => vec(any::<u8>(), 0..=125).prop_map(Owned::Pong),
    ]
}

/// A list of messages that may end in a close.
fn conversation() -> impl Strategy<Value = Vec<Owned>> {
    let code = prop_oneof![1000..=1003_u16, 1007..NEWER_CODE, 3000..=4999_u16];
    let close = prop_oneof![Just((NO_STATUS, String::new())), (code, "[a-zü€]{0,40}")];
    let close = close.prop_map(|(code, reason)| Owned::Close(code, reason));
    (vec(message(), 0..8), proptest::option::of(close)).prop_map(|(mut messages, close)| {
        messages.extend(close);
        messages
    })
}

fn kind_and_payload(message: &Owned) -> (FrameKind, Vec<u8>) {
    match message {
        Owned::Text(text) => (FrameKind::Text, text.clone().into_bytes()),
        Owned::Binary(bytes) => (FrameKind::Binary, bytes.clone()),
        Owned::Ping(bytes) => (FrameKind::Ping, bytes.clone()),
        Owned::Pong(bytes) => (FrameKind::Pong, bytes.clone()),
        Owned::Close(NO_STATUS, _) => (FrameKind::Close, Vec::new()),
        Owned::Close(code, reason) => (FrameKind::Close, [&code.to_be_bytes(), reason.as_bytes()].concat()),
    }
}

/// A pipe that delivers `input` in pieces of the given sizes, cyclically, with pauses between.
struct Pipe {
    input: Vec<u8>,
    sizes: Vec<usize>,
    turn: usize,
    output: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        if size == 0 && !self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = size.min(buffer.len()).min(self.input.len());
        self.input.drain(..taken).zip(buffer).for_each(|(byte, room)| *room = byte);
        Ok(taken)
    }
}

impl Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The messages that the other implementation reads from `input`, up to its end or the first error.
fn tungstenite_decode(input: Vec<u8>, sizes: Vec<usize>, role: Role) -> Vec<Owned> {
    let config = WebSocketConfig::default().read_buffer_size(4096).max_message_size(Some(LIMIT));
    let pipe = Pipe { input, sizes, turn: 0, output: Vec::new() };
    let mut socket = WebSocket::from_raw_socket(pipe, role, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(Theirs::Text(text)) => messages.push(Owned::Text(text.as_str().to_owned())),
            Ok(Theirs::Binary(bytes)) => messages.push(Owned::Binary(bytes.to_vec())),
            Ok(Theirs::Ping(bytes)) => messages.push(Owned::Ping(bytes.to_vec())),
            Ok(Theirs::Pong(bytes)) => messages.push(Owned::Pong(bytes.to_vec())),
            Ok(Theirs::Close(None)) => messages.push(Owned::Close(NO_STATUS, String::new())),
            Ok(Theirs::Close(Some(close))) => {
                messages.push(Owned::Close(close.code.into(), close.reason.as_str().to_owned()));
            }
            Ok(Theirs::Frame(frame)) => unreachable!("a bare frame: {frame}"),
            Err(tokio_tungstenite::tungstenite::Error::Io(error))
                if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return messages,
        }
    }
}

/// `messages` as the other implementation writes them, cut into fragments at the given offsets, with a ping after
/// each fragment that is not the last. Returns the stream and the messages to be read from it.
fn tungstenite_encode(messages: Vec<Owned>, cuts: &[usize]) -> (Vec<u8>, Vec<Owned>) {
    let mut context = WebSocketContext::new(Role::Client, None);
    let mut pipe = Pipe { input: Vec::new(), sizes: vec![1], turn: 0, output: Vec::new() };
    let mut cuts = cuts.iter().cycle();
    let mut expected = Vec::new();
    for message in messages {
        let (kind, payload) = kind_and_payload(&message);
        let mut rest = Bytes::from(payload);
        let mut opcode = OpCode::from(kind.opcode());
        for cut in cuts.by_ref().take(if kind.is_control() { 0 } else { 3 }) {
            let piece = rest.split_to(cut % (rest.len() + 1));
            send(&mut context, &mut pipe, piece, opcode, false);
            send(
                &mut context,
                &mut pipe,
                Bytes::from_static(b"between"),
                OpCode::Control(Control::Ping),
                true,
            );
            expected.push(Owned::Ping(b"between".to_vec()));
            opcode = OpCode::Data(Data::Continue);
        }
        send(&mut context, &mut pipe, rest, opcode, true);
        expected.push(message);
    }
    (pipe.output, expected)
}

fn send(context: &mut WebSocketContext, pipe: &mut Pipe, payload: Bytes, opcode: OpCode, is_final: bool) {
    let header = FrameHeader { is_final, opcode, ..FrameHeader::default() };
    let frame = Frame::from_payload(header, payload);
    context.write(pipe, Theirs::Frame(frame)).unwrap();
    context.flush(pipe).unwrap();
}

fn encode_all(messages: &[Owned]) -> Vec<u8> {
    let frames = messages.iter().map(|message| match message {
        Owned::Text(text) => encode::TextFrame::new(text).frame().clone(),
        Owned::Binary(bytes) => encode::binary(bytes),
        Owned::Ping(bytes) => encode::ping(bytes),
        Owned::Pong(bytes) => encode::pong(bytes),
        Owned::Close(code, reason) => encode::close(*code, reason),
    });
    frames.collect::<Vec<_>>().concat()
}

/// Frames that are mostly valid, so that a random stream gets beyond its second byte.
fn maybe_invalid_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        6 => proptest::sample::select(vec![0x81, 0x82, 0x89, 0x8A]),
        4 => proptest::sample::select(vec![0x01, 0x02, 0x00, 0x00, 0x80, 0x80]),
        1 => proptest::sample::select(vec![0x88, 0x08, 0x09, 0x83, 0xC1, 0x0A]),
    ];
    let payload = prop_oneof![
        4 => any::<String>().prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..12),
        1 => vec(any::<u8>(), 120..130),
    ];
    (first, payload, any::<[u8; 4]>()).prop_map(|(first, payload, mask)| raw(first, &payload, mask))
}

/// Mostly valid streams, some with a byte changed.
fn maybe_invalid_stream() -> impl Strategy<Value = Vec<u8>> {
    let change = proptest::option::weighted(0.3, (any::<proptest::sample::Index>(), any::<u8>()));
    (vec(maybe_invalid_frame(), 1..8), change).prop_map(|(frames, change)| {
        let mut stream = frames.concat();
        if let Some((at, byte)) = change {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        stream
    })
}

/// Where the other implementation is more tolerant: it accepts lengths in any form, those of control frames too, and
/// reports a bad close code as a close with a code of its own.
fn is_tolerated_elsewhere(violation: Violation) -> bool {
    use Violation::{ForbiddenCloseCode, LongControl, NegativeLength, WastefulLength};
    matches!(violation, WastefulLength | NegativeLength | LongControl | ForbiddenCloseCode)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn what_another_client_writes_is_read_as_it_was_meant(
        messages in conversation(),
        cuts in vec(any::<usize>(), 1..20),
        chunk in prop_oneof![1..16_usize, 1..5000_usize, Just(1 << 20)],
    ) {
        let (stream, expected) = tungstenite_encode(messages, &cuts);

        let outcome = decode(LIMIT, &stream, chunk);

        prop_assert_eq!(outcome, Outcome { messages: expected, violation: None });
    }

    #[test]
    fn what_we_write_is_read_by_another_client_as_it_was_meant(
        messages in conversation(),
        sizes in (1..300_usize, vec(0..300_usize, 0..5)).prop_map(|(first, rest)| [vec![first], rest].concat()),
    ) {
        prop_assert_eq!(tungstenite_decode(encode_all(&messages), sizes, Role::Client), messages);
    }

    #[test]
    fn what_we_accept_another_server_reads_the_same(stream in maybe_invalid_stream()) {
        let ours = decode(LIMIT, &stream, 4096);

        let theirs = tungstenite_decode(stream, vec![4096], Role::Server);

        prop_assume!(!ours.messages.iter().any(|message| matches!(message, Owned::Close(NEWER_CODE, _))));
        prop_assert!(theirs.starts_with(&ours.messages), "{:?} against {:?}", ours, theirs);
        let strict = ours.violation.is_some_and(|violation| !is_tolerated_elsewhere(violation));
        prop_assert!(!strict || theirs == ours.messages, "{:?} against {:?}", ours, theirs);
    }

    #[test]
    fn chunking_changes_nothing_for_mostly_right_streams(choice: u8, stream in maybe_invalid_stream()) {
        check_invariants(&[&[choice][..], &stream].concat());
    }

    #[test]
    fn chunking_changes_nothing_for_arbitrary_bytes(data in vec(any::<u8>(), 0..400)) {
        check_invariants(&data);
    }
}
