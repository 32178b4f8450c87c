//! Every door refuses what it should: hostile tokens, hostile handshakes.

mod handshakes;
mod tokens;
