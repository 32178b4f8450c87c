//! `[uploads]`: where files are stored and how large they may be.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::rules::folder;
use crate::config::reader::ConfigReader;

#[derive(Clone, Debug)]
pub struct UploadSettings {
    /// `None`: in the data folder, see [`crate::config::Settings::uploads_dir`].
    pub dir: Option<PathBuf>,
    pub max_bytes: u64,
    /// `None`: no limit.
    pub tenant_bytes: Option<u64>,
    pub abandoned_seconds: u64,
    /// `None`: files go to the folder.
    pub bucket: Option<String>,
    /// `None`: Amazon's own.
    pub endpoint: Option<String>,
    pub region: String,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<SecretString>,
}

impl UploadSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        Self {
            dir: reader.optional_text("uploads.dir", "a folder", folder),
            max_bytes: reader.integer("uploads.max_bytes", 1..=1_099_511_627_776),
            tenant_bytes: Some(reader.integer("uploads.tenant_bytes", 0..=1_125_899_906_842_624))
                .filter(|limit| *limit > 0),
            abandoned_seconds: reader.integer("uploads.abandoned_seconds", 60..=2_592_000),
            bucket: reader.optional_text("uploads.bucket", "3 to 63 of a-z, 0-9, - and .", bucket),
            endpoint: reader.optional_text("uploads.endpoint", "an http or https address", endpoint),
            region: reader.text("uploads.region", "the name of a region", graphic_text).unwrap_or_default(),
            access_key_id: reader.optional_text("uploads.access_key_id", "the id of a key", graphic_text),
            secret_access_key: reader
                .secret("uploads.secret_access_key", "a secret key", |text| text.len() >= 8),
        }
    }

    pub fn abandoned_after(&self) -> Duration {
        Duration::from_secs(self.abandoned_seconds)
    }
}

fn bucket(text: &str) -> Option<String> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    ((3..=63).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.to_owned())
}

/// Without a slash at its end, and without user name or password: those have keys of their own.
fn endpoint(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none();
    plain.then(|| text.trim_end_matches('/').to_owned())
}

fn graphic_text(text: &str) -> Option<String> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| text.to_owned())
}
