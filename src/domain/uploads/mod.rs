//! Files that users upload, by socket or by request, with the same code for both. A file's row exists before its
//! bytes and as long as they do; its hash state, its place in the store and its reserved quota are saved together, so
//! that it can be resumed after a disconnect or a crash. A file that breaks a rule is not kept.

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

/// Settings of uploads.
#[derive(Clone, Copy, Debug)]
pub struct UploadSettings {
    /// Maximum bytes of one file.
    pub max_bytes: u64,
    /// How long an unfinished file is kept for its sender.
    pub abandoned_after: TimeDelta,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self { max_bytes: 1024 * 1024 * 1024, abandoned_after: TimeDelta::hours(24) }
    }
}

/// The blob store, and the locks of the uploads in progress.
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

    /// Maximum bytes of one file.
    pub fn max_bytes(&self) -> u64 {
        self.settings.max_bytes
    }
}

/// The key in the blob store of a file of the operation's tenant.
fn key(op: &Op, upload_id: UploadId) -> BlobKey {
    BlobKey { tenant_id: op.scope.tenant_id(), upload_id }
}
