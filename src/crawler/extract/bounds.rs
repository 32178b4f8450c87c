//! Bounds that all layers share, and what looking at their data costs.

/// Drafts of one layer at most: a page that claims more is a data dump or an attack.
pub(super) const MAX_DRAFTS: usize = 2_000;
/// Bytes of a URL or an identifier that are looked at; the wire's `source_url` has the same bound.
pub(super) const MAX_URL: usize = 2_000;
/// Steps of examining a value.
pub(super) const VALUE_STEPS: u64 = 4;
/// How deep values may nest.
pub(super) const MAX_DEPTH: usize = 48;

/// Steps of looking up a key.
pub(super) fn key_steps(key: &str) -> u64 {
    6 + key.len() as u64 / 4
}
