//! The fuzz target's seeds: written from this table, committed, and replayed by every test run, together with the
//! files that fuzz runs have added to the folder.

use std::fs;
use std::path::PathBuf;

use super::super::codes::FrameKind;
use super::client::{close, continuation, fragment, frame, ping, raw, text};
use super::invariants::{check_invariants, decode, limit};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", "seeds", "websocket_decoder"].iter().collect()
}

/// Limit 1,000 and chunks of 5 (see `invariants::check_invariants`), unless a seed sets another.
const USUAL: u8 = 2 | 4 << 2;
const LIMIT_16: u8 = 1 | 4 << 2;
const LIMIT_70_000: u8 = 3 | 63 << 2;

fn seeds() -> Vec<(&'static str, u8, Vec<u8>)> {
    let unmasked = |first: u8, payload: &[u8]| raw(first, payload, [0; 4]);
    let mut all = vec![
        ("text", USUAL, text("hello")),
        ("text_empty", USUAL, text("")),
        ("text_multibyte", USUAL, text("κόσμε €\u{10FFFF}")),
        ("text_zero_mask", USUAL, unmasked(0x81, "zéro".as_bytes())),
        ("text_16_bit_length", USUAL, text(&"a".repeat(300))),
        ("text_64_bit_length", LIMIT_70_000, text(&"a".repeat(65_536))),
        ("binary", USUAL, frame(FrameKind::Binary, &[0, 255, 128])),
        ("ping", USUAL, ping(b"are you there")),
        ("ping_full", USUAL, ping(&[7; 125])),
        ("pong", USUAL, frame(FrameKind::Pong, b"")),
        ("close", USUAL, close(1000, "bye")),
        ("close_empty", USUAL, frame(FrameKind::Close, b"")),
        ("close_application", USUAL, close(4401, "token expired")),
        ("close_then_more", USUAL, [close(1001, ""), text("late")].concat()),
        ("many", USUAL, [text("a"), ping(b"b"), frame(FrameKind::Binary, b"c"), text("d")].concat()),
        (
            "fragments",
            USUAL,
            [fragment(FrameKind::Text, b"ab"), continuation(false, b""), continuation(true, b"c")].concat(),
        ),
        (
            "fragments_with_ping",
            USUAL,
            [fragment(FrameKind::Binary, b"a"), ping(b"!"), continuation(true, b"b")].concat(),
        ),
        ("fragments_with_close", USUAL, [fragment(FrameKind::Text, b"a"), close(1000, "")].concat()),
        (
            "fragments_cut_character",
            USUAL,
            [fragment(FrameKind::Text, b"\xE2\x82"), continuation(true, b"\xAC")].concat(),
        ),
        ("fragments_unfinished", USUAL, fragment(FrameKind::Text, b"to be continued")),
    ];
    all.extend(violations());
    all
}

fn violations() -> Vec<(&'static str, u8, Vec<u8>)> {
    let huge = [&[0x82, 0xFF][..], &(u64::MAX >> 1).to_be_bytes(), &[0; 4]].concat();
    vec![
        ("bad_reserved_bit", USUAL, raw(0xC1, b"x", [0; 4])),
        ("bad_opcode", USUAL, raw(0x83, b"x", [0; 4])),
        ("bad_unmasked", USUAL, b"\x81\x05hello".to_vec()),
        ("bad_fragmented_ping", USUAL, raw(0x09, b"x", [0; 4])),
        ("bad_long_ping", USUAL, ping(&[0; 126])),
        ("bad_wasteful_16", USUAL, b"\x81\xFE\x00\x05\x00\x00\x00\x00hello".to_vec()),
        ("bad_wasteful_64", USUAL, b"\x81\xFF\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00hello".to_vec()),
        ("bad_negative_length", USUAL, b"\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00".to_vec()),
        ("bad_huge", LIMIT_70_000, huge),
        ("bad_too_big", LIMIT_16, text("seventeen letters")),
        (
            "bad_too_big_in_sum",
            LIMIT_16,
            [fragment(FrameKind::Text, &[b'a'; 10]), continuation(true, &[b'b'; 7])].concat(),
        ),
        ("bad_stray_continuation", USUAL, continuation(true, b"x")),
        ("bad_interrupted", USUAL, [fragment(FrameKind::Text, b"a"), text("b")].concat()),
        ("bad_text", USUAL, frame(FrameKind::Text, b"ok\xFF")),
        ("bad_text_surrogate", USUAL, frame(FrameKind::Text, b"\xED\xA0\x80")),
        ("bad_text_cut", USUAL, frame(FrameKind::Text, b"\xF0\x9F\x98")),
        (
            "bad_text_in_fragment",
            USUAL,
            [fragment(FrameKind::Text, b"\xCE"), continuation(true, b"a")].concat(),
        ),
        ("bad_close_half_code", USUAL, frame(FrameKind::Close, b"\x03")),
        ("bad_close_code", USUAL, close(1005, "")),
        ("bad_close_reason", USUAL, frame(FrameKind::Close, b"\x03\xE8\xC0")),
        (
            "bad_flood",
            LIMIT_16,
            [fragment(FrameKind::Text, b""), continuation(false, b"").repeat(1100)].concat(),
        ),
    ]
}

#[test]
fn every_seed_keeps_the_invariants() {
    let mut replayed = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        check_invariants(&fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }

    assert!(replayed >= seeds().len(), "{replayed} files");
}

#[test]
fn a_seed_is_a_violation_exactly_if_its_name_says_so() {
    for (name, choice, stream) in seeds() {
        let outcome = decode(limit(choice), &stream, stream.len());

        assert_eq!(outcome.violation.is_some(), name.starts_with("bad_"), "{name}: {outcome:?}");
    }
}

/// With `LOTLINE_WRITE_SEEDS` set, it first writes them.
#[test]
fn the_committed_seeds_are_those_of_the_table() {
    let write = std::env::var_os("LOTLINE_WRITE_SEEDS").is_some();
    for (name, choice, stream) in seeds() {
        let (path, wanted) = (folder().join(name), [&[choice][..], &stream].concat());
        if write {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, &wanted).unwrap();
        }

        let committed = fs::read(path).unwrap_or_default();

        assert!(committed == wanted, "{name}: run the test with LOTLINE_WRITE_SEEDS=1");
    }
}
