//! The store of uploads and of kept pages, and a blob that is being written to it.

use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::checkpoint::Checkpoint;
use super::error::Result;
use super::key::BlobKey;
use super::local_fs::{FileWriter, Folder};
use super::page_key::PageKey;
use super::s3::{Bucket, BucketSettings, ObjectWriter};
use crate::base::ids::TenantId;

/// The store of the bytes.
pub struct BlobStore(Backend);

enum Backend {
    Folder(Folder),
    Bucket(Bucket),
}

/// A blob that is being written.
pub struct BlobWriter(WriterKind);

enum WriterKind {
    File(FileWriter),
    Object(ObjectWriter),
}

impl BlobStore {
    /// A local folder, which is created if missing.
    pub fn folder(path: PathBuf) -> Result<Self> {
        Folder::open(path).map(Backend::Folder).map(Self)
    }

    /// An S3-compatible bucket. No request is made yet.
    pub fn bucket(settings: &BucketSettings) -> Result<Self> {
        Bucket::s3(settings).map(Backend::Bucket).map(Self)
    }

    /// Memory that ends with the process: for nodes without a configured store, as in tests.
    pub fn in_memory() -> Self {
        Self(Backend::Bucket(Bucket::in_memory()))
    }

    /// Whether the store is writable: creates a small blob and removes it.
    pub async fn check(&self) -> Result<()> {
        match &self.0 {
            Backend::Folder(folder) => folder.check().await,
            Backend::Bucket(bucket) => bucket.check().await,
        }
    }

    /// Begins a blob. The caller saves its first checkpoint before it appends: whatever the store keeps for a blob
    /// without a saved checkpoint is never found again.
    pub async fn begin(&self, key: &BlobKey) -> Result<(BlobWriter, Checkpoint)> {
        match &self.0 {
            Backend::Folder(folder) => {
                Ok((BlobWriter(WriterKind::File(folder.begin(key).await?)), Checkpoint::default()))
            }
            Backend::Bucket(bucket) => {
                let object = bucket.begin(key).await?;
                let checkpoint = object.checkpoint();
                Ok((BlobWriter(WriterKind::Object(object)), checkpoint))
            }
        }
    }

    /// Resumes at a checkpoint: bytes after it are discarded.
    pub async fn resume(&self, key: &BlobKey, from: &Checkpoint) -> Result<BlobWriter> {
        match &self.0 {
            Backend::Folder(folder) => folder.resume(key, from).await.map(WriterKind::File).map(BlobWriter),
            Backend::Bucket(bucket) => bucket.resume(key, from).map(WriterKind::Object).map(BlobWriter),
        }
    }

    /// Makes a blob readable when all of its bytes are in its last checkpoint. May be repeated after a crash.
    pub async fn publish(&self, key: &BlobKey, whole: &Checkpoint) -> Result<()> {
        match &self.0 {
            // A file is readable without this.
            Backend::Folder(_) => Ok(()),
            Backend::Bucket(bucket) => bucket.publish(key, whole).await,
        }
    }

    /// The bytes of a published blob within `range`, which must be inside of it.
    pub async fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        match &self.0 {
            Backend::Folder(folder) => folder.read(key, range).await,
            Backend::Bucket(bucket) => bucket.read(key, range).await,
        }
    }

    /// Removes a blob, whole or unfinished. A missing one is no error.
    pub async fn remove(&self, key: &BlobKey, progress: Option<&str>) -> Result<()> {
        match &self.0 {
            Backend::Folder(folder) => folder.remove(key).await,
            Backend::Bucket(bucket) => bucket.remove(key, progress).await,
        }
    }

    /// The existing blobs, in no order. Unfinished ones may be among them or not.
    pub async fn list(&self) -> Result<BoxStream<'static, Result<BlobKey>>> {
        match &self.0 {
            Backend::Folder(folder) => folder.list().await,
            Backend::Bucket(bucket) => Ok(bucket.list()),
        }
    }
}

/// Bodies of kept pages: small blobs that are written at once and never change.
impl BlobStore {
    /// Writes bodies, all or an error. They may be lost in a crash of the machine.
    pub async fn put_pages(&self, pages: Vec<(PageKey, Bytes)>) -> Result<()> {
        match &self.0 {
            Backend::Folder(folder) => folder.put_pages(pages).await,
            Backend::Bucket(bucket) => bucket.put_pages(pages).await,
        }
    }

    /// A body of `length` bytes; one of another length is [`super::Error::Lost`].
    pub async fn read_page(&self, key: &PageKey, length: u64) -> Result<Bytes> {
        match &self.0 {
            Backend::Folder(folder) => folder.read_page(key, length).await,
            Backend::Bucket(bucket) => bucket.read_page(key, length).await,
        }
    }

    /// Removes bodies. Missing ones are no error.
    pub async fn remove_pages(&self, keys: &[PageKey]) -> Result<()> {
        match &self.0 {
            Backend::Folder(folder) => folder.remove_pages(keys).await,
            Backend::Bucket(bucket) => bucket.remove_pages(keys).await,
        }
    }

    /// The existing bodies of one tenant, or of all tenants, those of a tenant one after another.
    pub async fn list_pages(&self, tenant: Option<TenantId>) -> Result<BoxStream<'static, Result<PageKey>>> {
        match &self.0 {
            Backend::Folder(folder) => folder.list_pages(tenant).await,
            Backend::Bucket(bucket) => bucket.list_pages(tenant).await,
        }
    }
}

impl BlobWriter {
    /// Appends bytes. They may be lost in a crash until the next checkpoint.
    pub async fn append(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.0 {
            WriterKind::File(file) => file.append(bytes).await,
            WriterKind::Object(object) => object.append(bytes).await,
        }
    }

    /// Makes the appended bytes durable as far as the store can: a bucket keeps whole parts only.
    pub async fn checkpoint(&mut self) -> Result<Checkpoint> {
        match &mut self.0 {
            WriterKind::File(file) => file.checkpoint().await,
            WriterKind::Object(object) => Ok(object.checkpoint()),
        }
    }

    /// Makes all bytes durable, and returns the SHA-256 in hexadecimal: nothing may be appended after this.
    pub async fn seal(&mut self) -> Result<(Checkpoint, String)> {
        match &mut self.0 {
            WriterKind::File(file) => Ok((file.checkpoint().await?, file.hash.clone().finish())),
            WriterKind::Object(object) => Ok((object.seal().await?, object.hash.clone().finish())),
        }
    }
}
