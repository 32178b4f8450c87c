//! Every endpoint refuses what it should: hostile tokens, hostile handshakes, stale reads.

mod algorithm_confusion;
mod bodies;
mod bounds;
mod examples;
mod handshakes;
mod hosts;
mod links;
mod lists;
mod pages;
mod security_headers;
mod times;
mod tokens;
