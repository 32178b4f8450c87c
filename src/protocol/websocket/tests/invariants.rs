//! Invariants of every stream of bytes: the property test, the seeds of the fuzz target and the fuzz target (which
//! compiles this file too) check them here.

use super::decode::{Decoder, Message, Violation};

/// A message that outlives the scratch buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

/// Everything that a stream yields, and the violation that ended it.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub messages: Vec<Owned>,
    pub violation: Option<Violation>,
}

/// The first byte of `data` picks a size limit and a size of chunk; the rest is the stream.
pub fn check_invariants(data: &[u8]) {
    let Some((choice, stream)) = data.split_first() else { return };
    let limit = limit(*choice);
    let whole = decode(limit, stream, stream.len());
    for chunk in [1, 2, 3, 14, 1 + usize::from(choice >> 2)] {
        let pieces = decode(limit, stream, chunk);
        assert!(pieces == whole, "limit {limit}, chunks of {chunk}: {pieces:?}, in one piece: {whole:?}");
    }
}

pub fn limit(choice: u8) -> usize {
    [0, 16, 1000, 70_000][usize::from(choice & 3)]
}

/// Decodes `stream` in chunks, each from a scratch buffer of its own as after use by another socket.
pub fn decode(limit: usize, stream: &[u8], chunk: usize) -> Outcome {
    let mut decoder = Decoder::new(limit);
    let mut messages = Vec::new();
    let mut fed = 0;
    for piece in stream.chunks(chunk.max(1)) {
        fed += piece.len();
        let mut scratch = piece.to_vec();
        let mut input = &mut scratch[..];
        loop {
            match decoder.next(&mut input) {
                Ok(Some(message)) => messages.push(owned(message, limit)),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(decoder.next(&mut input), Err(violation), "a violation is final");
                    assert_eq!(decoder.held_bytes(), 0, "nothing is kept after a violation");
                    return Outcome { messages, violation: Some(violation) };
                }
            }
        }
        assert!(input.is_empty(), "what is not kept has been read");
        let held = decoder.held_bytes();
        assert!(held <= limit + 125, "{held} bytes held with a limit of {limit}");
        assert!(held <= 2 * fed + 125, "{held} bytes held after {fed} came");
    }
    Outcome { messages, violation: None }
}

fn owned(message: Message<'_>, limit: usize) -> Owned {
    let (owned, length, most) = match message {
        Message::Text(text) => (Owned::Text(text.to_owned()), text.len(), limit),
        Message::Binary(bytes) => (Owned::Binary(bytes.to_vec()), bytes.len(), limit),
        Message::Ping(bytes) => (Owned::Ping(bytes.to_vec()), bytes.len(), 125),
        Message::Pong(bytes) => (Owned::Pong(bytes.to_vec()), bytes.len(), 125),
        Message::Close { code, reason } => (Owned::Close(code, reason.to_owned()), reason.len(), 123),
    };
    assert!(length <= most, "{length} bytes, at most {most} allowed");
    owned
}
