//! Values that are kept for a short time and taken once: single-use tickets.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::auth::secret::SecretHash;

/// Where a value is kept. Made from a secret's hash and not from text: nobody can name a key without having been
/// handed the secret, so one tenant cannot reach another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OnceKey {
    space: Space,
    hash: [u8; 32],
}

/// What the value is, so that one thing is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// A ticket that nobody has used yet.
    Ticket,
    /// A ticket that opened a stream, which may show it again when it reconnects.
    StreamTicket,
}

impl OnceKey {
    pub fn new(space: Space, hash: &SecretHash) -> Self {
        Self { space, hash: *hash.as_bytes() }
    }
}

/// The value could not be kept or asked for.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    #[error("there is no room for another value")]
    Full,
    #[error("the store of short-lived values does not answer: {0}")]
    Unavailable(String),
}

/// A store of short-lived values, shared by all nodes of a cluster.
pub trait Once: Send + Sync {
    /// Keeps `value` for `ttl`; an older value of the key is replaced.
    fn put(&self, key: OnceKey, value: String, ttl: Duration) -> BoxFuture<'_, Result<(), OnceError>>;

    /// Reads a value and leaves it.
    fn peek(&self, key: OnceKey) -> BoxFuture<'_, Result<Option<String>, OnceError>>;

    /// Takes a value away. Of several that try at once, on whatever nodes, one gets it.
    fn take(&self, key: OnceKey) -> BoxFuture<'_, Result<Option<String>, OnceError>>;
}
