//! Any bytes from a client: the decoder never panics, never holds more than its bound, and reads the same messages
//! however the network cuts the stream.

#![no_main]

use libfuzzer_sys::fuzz_target;

// The decoder needs nothing of the rest, so it is compiled alone: a target built in seconds is one that is run.
#[path = "../../src/protocol/websocket/codes.rs"]
#[expect(dead_code, reason = "the way out is not fuzzed")]
mod codes;
#[path = "../../src/protocol/websocket/decode/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the size of a decoder's public interface is the product's question"
)]
mod decode;
#[path = "../../src/protocol/websocket/tests/invariants.rs"]
mod invariants;

fuzz_target!(|data: &[u8]| invariants::check_invariants(data));
