//! How far a blob is stored.

/// The durable progress of a blob: the caller saves it, and passes it in to resume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Bytes that survive a crash.
    pub stored: u64,
    /// The state of the hash over these bytes; empty at the beginning.
    pub hash_state: String,
    /// State that the store needs to resume; opaque to the caller.
    pub progress: Option<String>,
}
