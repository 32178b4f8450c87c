//! Files that people send, by socket or by request: one way for both. A file has a row before it has bytes, and bytes as
//! long as it has a row; its hash, its place in the store and what it has of the quota are noted together, so that it can
//! go on after a cut or a crash. What broke a rule is not kept.

pub mod attach;

mod access;
mod begin;
mod complete;
mod content;
mod delete;
mod error;
mod filename;
mod get;
mod incoming;
mod list;
mod locks;
mod quota;
mod remove;
mod resume;
mod sniff;
mod sweep;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use chrono::TimeDelta;

use self::locks::UploadLocks;
use crate::base::ids::UploadId;
use crate::blobs::{BlobKey, BlobStore};
use crate::domain::op::Op;

pub use begin::{NewUpload, begin, too_large};
pub use complete::replay_stored;
pub use content::{Content, content};
pub use delete::delete;
pub use get::get;
pub use incoming::IncomingUpload;
pub use list::list;
pub use remove::remove_bytes;
pub use resume::{Resumed, resume};
pub use sweep::{sweep, sweep_orphans};

/// What the configuration says of files.
#[derive(Clone, Copy, Debug)]
pub struct UploadSettings {
    /// Bytes of one file at most.
    pub max_bytes: u64,
    /// How long an unfinished file waits for its sender.
    pub abandoned_after: TimeDelta,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { max_bytes: 1024 * 1024 * 1024, abandoned_after: TimeDelta::hours(24) }
    }
}

/// Where files go, and who is sending which at this moment.
pub struct Uploads {
    blobs: BlobStore,
    settings: UploadSettings,
    locks: Arc<UploadLocks>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self::new(BlobStore::in_memory(), UploadSettings::default())
    }
}

impl Uploads {
    pub fn new(blobs: BlobStore, settings: UploadSettings) -> Self {
        Self { blobs, settings, locks: Arc::default() }
    }

    /// Bytes of one file at most.
    pub fn max_bytes(&self) -> u64 {
        self.settings.max_bytes
    }
}

/// What a file of the tenant at work is called in the store.
fn key(op: &Op, upload_id: UploadId) -> BlobKey {
    BlobKey { tenant_id: op.scope.tenant_id(), upload_id }
}
