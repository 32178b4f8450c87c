//! Every door refuses what it should: hostile tokens, hostile handshakes, stale reads.

mod confusion;
mod examples;
mod handshakes;
mod lists;
mod times;
mod tokens;
