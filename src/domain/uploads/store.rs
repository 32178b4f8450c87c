//! What the use cases of uploads share on a node: the blob store, the settings, and the locks of the uploads
//! in progress.

use std::sync::Arc;

use chrono::TimeDelta;

use super::locks::UploadLocks;
use crate::auth::tenant_scope::TenantScope;
use crate::base::ids::UploadId;
use crate::blobs::{BlobKey, BlobStore};

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
    pub(in crate::domain) blobs: BlobStore,
    pub(super) settings: UploadSettings,
    pub(super) locks: Arc<UploadLocks>,
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

/// The key in the blob store of a file of the tenant.
pub(super) fn blob_key(scope: &TenantScope, upload_id: UploadId) -> BlobKey {
    BlobKey { tenant_id: scope.tenant_id(), upload_id }
}
