//! What the use cases of kept pages share on a node: how much a tenant keeps, and the bytes that wait to be written.

use std::sync::Arc;

use super::waiting::{WaitingBytes, WaitingPermit};
use crate::base::ids::TenantId;

const GIB: u64 = 1024 * 1024 * 1024;
/// Compressed bytes of pages on this node that are not written yet.
const MAX_WAITING_BYTES: u64 = 64 * 1024 * 1024;

/// Settings of kept pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPageSettings {
    /// Compressed bytes that a tenant keeps; 0: none.
    pub budget_bytes: u64,
}

impl Default for KeptPageSettings {
    fn default() -> Self {
        Self { budget_bytes: GIB }
    }
}

/// The settings, and what waits to be written.
#[derive(Debug)]
pub struct KeptPages {
    settings: KeptPageSettings,
    waiting: Arc<WaitingBytes>,
}

impl Default for KeptPages {
    fn default() -> Self {
        Self::new(KeptPageSettings::default())
    }
}

impl KeptPages {
    pub fn new(settings: KeptPageSettings) -> Self {
        Self { settings, waiting: WaitingBytes::new(MAX_WAITING_BYTES) }
    }

    /// Whether pages are kept at all.
    pub fn is_enabled(&self) -> bool {
        self.settings.budget_bytes > 0
    }

    /// Compressed bytes that a tenant keeps, as the store counts them.
    pub(in crate::domain) fn budget_bytes(&self) -> i64 {
        i64::try_from(self.settings.budget_bytes).unwrap_or(i64::MAX)
    }

    /// Room in memory for a page until it is written. `None`: the page cannot be kept.
    pub fn try_wait(&self, tenant: TenantId, bytes: u64) -> Option<WaitingPermit> {
        self.waiting.try_take(tenant, bytes)
    }
}
