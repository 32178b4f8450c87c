//! `[uploads]`: where files go and how large they may grow.

use std::path::PathBuf;
use std::time::Duration;

use super::server::folder;
use crate::config::form::Form;

#[derive(Clone, Debug)]
pub struct UploadSettings {
    /// `None`: in the data folder, see [`crate::config::Settings::uploads_dir`].
    pub dir: Option<PathBuf>,
    pub max_bytes: u64,
    /// `None`: no limit.
    pub tenant_bytes: Option<u64>,
    pub abandoned_seconds: u64,
}

impl UploadSettings {
    pub(in crate::config) fn read(form: &mut Form) -> Self {
        Self {
            dir: form.optional_text("uploads.dir", "a folder", folder),
            max_bytes: form.integer("uploads.max_bytes", 1..=1_099_511_627_776),
            tenant_bytes: Some(form.integer("uploads.tenant_bytes", 0..=1_125_899_906_842_624))
                .filter(|limit| *limit > 0),
            abandoned_seconds: form.integer("uploads.abandoned_seconds", 60..=2_592_000),
        }
    }

    pub fn abandoned_after(&self) -> Duration {
        Duration::from_secs(self.abandoned_seconds)
    }
}
