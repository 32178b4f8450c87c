//! Opens the configured store of uploads: a writable folder, or a bucket.

use super::start_error::StartError;
use crate::blobs::{BlobStore, BucketSettings};
use crate::config::Settings;
use crate::domain::uploads::store::{UploadSettings, Uploads};

/// Opens the store. A folder is tested; an unreachable bucket may become reachable later and does not prevent the
/// start.
pub async fn open(settings: &Settings) -> Result<Uploads, StartError> {
    let refused = |error: crate::blobs::Error| StartError::Uploads(error.to_string());
    let blobs = match bucket(settings) {
        Some(bucket) => BlobStore::bucket(&bucket).map_err(refused)?,
        None => {
            let blobs = BlobStore::folder(settings.uploads_dir()).map_err(refused)?;
            blobs.check().await.map_err(refused)?;
            blobs
        }
    };
    let uploads = &settings.uploads;
    let abandoned_after =
        chrono::TimeDelta::from_std(uploads.abandoned_after()).unwrap_or(chrono::TimeDelta::MAX);
    Ok(Uploads::new(blobs, UploadSettings { max_bytes: uploads.max_bytes, abandoned_after }))
}

fn bucket(settings: &Settings) -> Option<BucketSettings> {
    let uploads = &settings.uploads;
    // The configuration has no bucket without its keys.
    Some(BucketSettings {
        bucket: uploads.bucket.clone()?,
        endpoint: uploads.endpoint.clone(),
        region: uploads.region.clone(),
        access_key_id: uploads.access_key_id.clone()?,
        secret_access_key: uploads.secret_access_key.clone()?,
        max_bytes: uploads.max_bytes,
    })
}
