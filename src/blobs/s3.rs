//! Blobs as objects of an S3-compatible bucket. An object is uploaded in parts, all but the last of a minimum size:
//! bytes that do not fill a part are kept in memory, and are sent again by the client after an interruption.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::blocking::blocking;
use super::checkpoint::Checkpoint;
use super::error::{Error, Result};
use super::hash::BlobHash;
use super::key::BlobKey;

/// Bytes of a part at least; every S3 accepts parts of 5 MiB and more.
pub const PART_BYTES: u64 = 8 * 1024 * 1024;
/// The most parts of one object, and the unit that the size of a part is a multiple of.
const MAX_PARTS: u64 = 10_000;
const PART_STEP: u64 = 1024 * 1024;
/// The timeout of one request, and of all its tries together.
const REQUEST: Duration = Duration::from_secs(30);
const TRIES: usize = 4;

/// How to reach a bucket.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    pub bucket: String,
    /// `None`: Amazon's own.
    pub endpoint: Option<String>,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: SecretString,
    /// The largest blob that is supported.
    pub max_bytes: u64,
}

pub(super) struct Bucket {
    pub(super) objects: Arc<dyn ObjectStore>,
    parts: Arc<dyn MultipartStore>,
    part_bytes: usize,
}

/// An object that is being written.
pub(super) struct ObjectWriter {
    parts: Arc<dyn MultipartStore>,
    path: Path,
    multipart: MultipartState,
    stored: u64,
    /// Of the stored bytes.
    pub(super) hash: BlobHash,
    part_bytes: usize,
    /// Bytes that do not fill a part yet.
    tail: BytesMut,
}

/// The uploaded parts of an object, as saved by the caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct MultipartState {
    id: String,
    parts: Vec<String>,
}

impl Bucket {
    pub(super) fn s3(settings: &BucketSettings) -> Result<Self> {
        let client = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(REQUEST / 3);
        let retry = RetryConfig { max_retries: TRIES, retry_timeout: REQUEST, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.expose_secret())
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let store = Arc::new(builder.build()?);
        Ok(Self::new(store.clone(), store, settings.max_bytes))
    }

    pub(super) fn in_memory() -> Self {
        let store = Arc::new(InMemory::new());
        Self::new(store.clone(), store, 0)
    }

    fn new(objects: Arc<dyn ObjectStore>, parts: Arc<dyn MultipartStore>, most_bytes: u64) -> Self {
        let least = most_bytes.div_ceil(MAX_PARTS).next_multiple_of(PART_STEP);
        let part_bytes = usize::try_from(least.max(PART_BYTES)).unwrap_or(usize::MAX);
        Self { objects, parts, part_bytes }
    }

    pub(super) async fn check(&self) -> Result<()> {
        let path = Path::from(".writable");
        self.objects.put(&path, PutPayload::from_static(b"writable")).await?;
        self.objects.delete(&path).await?;
        Ok(())
    }

    pub(super) async fn begin(&self, key: &BlobKey) -> Result<ObjectWriter> {
        let path = path(key);
        let id = self.parts.create_multipart(&path).await?;
        Ok(self.writer(path, MultipartState { id, parts: Vec::new() }, 0, BlobHash::default()))
    }

    pub(super) fn resume(&self, key: &BlobKey, from: &Checkpoint) -> Result<ObjectWriter> {
        let (sent, hash) =
            (parse_progress(key, from.progress.as_deref())?, BlobHash::from_state(&from.hash_state)?);
        Ok(self.writer(path(key), sent, from.stored, hash))
    }

    fn writer(&self, path: Path, sent: MultipartState, stored: u64, hash: BlobHash) -> ObjectWriter {
        let (parts, part_bytes) = (Arc::clone(&self.parts), self.part_bytes);
        ObjectWriter { parts, path, multipart: sent, stored, hash, part_bytes, tail: BytesMut::new() }
    }

    pub(super) async fn publish(&self, key: &BlobKey, whole: &Checkpoint) -> Result<()> {
        let (path, sent) = (path(key), parse_progress(key, whole.progress.as_deref())?);
        if sent.parts.is_empty() {
            // An object cannot be completed from zero parts.
            self.objects.put(&path, PutPayload::default()).await?;
            let _ = self.parts.abort_multipart(&path, &sent.id).await;
            return Ok(());
        }
        let parts = sent.parts.into_iter().map(|content_id| PartId { content_id }).collect();
        let Err(refused) = self.parts.complete_multipart(&path, &sent.id, parts).await else { return Ok(()) };
        // Perhaps completed before, by a process that ended before it recorded that.
        match self.objects.head(&path).await {
            Ok(found) if found.size == whole.stored => Ok(()),
            Ok(_) | Err(_) => Err(refused.into()),
        }
    }

    pub(super) async fn read(
        &self,
        key: &BlobKey,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.objects.get_opts(&path(key), options).await?;
        Ok(found.into_stream().map_err(Error::from).boxed())
    }

    pub(super) async fn remove(&self, key: &BlobKey, progress: Option<&str>) -> Result<()> {
        let path = path(key);
        if let Ok(sent) = parse_progress(key, progress) {
            // A completed upload no longer exists; leftover parts are for the bucket's lifecycle rules to expire.
            let _ = self.parts.abort_multipart(&path, &sent.id).await;
        }
        match self.objects.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn list(&self) -> BoxStream<'static, Result<BlobKey>> {
        let listed = self.objects.list(None).map_err(Error::from);
        listed.try_filter_map(async |one| Ok(BlobKey::parse(one.location.as_ref()))).boxed()
    }
}

impl ObjectWriter {
    pub(super) async fn append(&mut self, bytes: Bytes) -> Result<()> {
        self.tail.extend_from_slice(&bytes);
        while self.tail.len() >= self.part_bytes {
            let part = self.tail.split_to(self.part_bytes).freeze();
            self.send_part(part).await?;
        }
        Ok(())
    }

    pub(super) async fn seal(&mut self) -> Result<Checkpoint> {
        if !self.tail.is_empty() {
            let last = self.tail.split().freeze();
            self.send_part(last).await?;
        }
        Ok(self.checkpoint())
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        // A list of strings always serialises.
        let progress = serde_json::to_string(&self.multipart).ok();
        Checkpoint { stored: self.stored, hash_state: self.hash.serialize_state(), progress }
    }

    async fn send_part(&mut self, part: Bytes) -> Result<()> {
        let (index, length) = (self.multipart.parts.len(), part.len() as u64);
        let id = self.parts.put_part(&self.path, &self.multipart.id, index, part.clone().into()).await?;
        let mut hash = self.hash.clone();
        self.hash = blocking(move || {
            hash.update(&part);
            Ok(hash)
        })
        .await?;
        self.multipart.parts.push(id.content_id);
        self.stored += length;
        Ok(())
    }
}

fn path(key: &BlobKey) -> Path {
    Path::from(key.to_string())
}

fn parse_progress(key: &BlobKey, progress: Option<&str>) -> Result<MultipartState> {
    let noted = progress.and_then(|text| serde_json::from_str(text).ok());
    noted.ok_or_else(|| Error::Lost(format!("nothing is noted of the parts of {key}")))
}
