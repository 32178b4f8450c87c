//! What robots.txt allows (RFC 9309): the rules, what an absent or unreachable file means, how long an answer holds,
//! and how slow we go.

mod cache;
#[cfg(test)]
mod corpus_tests;
mod host_rules;
mod paths;
mod rules;

pub use cache::RobotsCache;
pub use host_rules::Robots;
pub(super) use host_rules::origin;
pub use rules::{MAX_FILE_BYTES, RobotsRules, parse_rules};
