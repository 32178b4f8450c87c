//! Floor 3: the bytes of uploads, in a local folder or in an S3-compatible bucket. It knows no rows and no names: a
//! blob is called by its tenant's and its own id. What a blob holds and how far it has come is the caller's to note.

mod error;
mod hash;
mod key;
mod local_fs;
mod s3;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use error::{Error, Result};
pub use key::BlobKey;
pub use s3::{BucketSettings, PART_BYTES};

use local_fs::{FileWriter, Folder};
use s3::{Bucket, ObjectWriter};

/// Where the bytes are.
pub struct BlobStore(Backend);

enum Backend {
    Folder(Folder),
    Bucket(Bucket),
}

/// How far a blob is on disk, or in the bucket: what the caller notes, and shows when it goes on later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Bytes that a crash does not take away.
    pub stored: u64,
    /// The state of the hash that has taken in as many; empty at the beginning.
    pub hash_state: String,
    /// What the store needs to go on; its own affair.
    pub progress: Option<String>,
}

/// A blob that grows.
pub struct BlobWriter(WriterKind);

enum WriterKind {
    File(FileWriter),
    Object(ObjectWriter),
}

impl BlobStore {
    /// A local folder, which is made when it is missing.
    pub fn folder(path: PathBuf) -> Result<Self> {
        Folder::open(path).map(Backend::Folder).map(Self)
    }

    /// An S3-compatible bucket. Nothing is asked of it yet.
    pub fn bucket(settings: &BucketSettings) -> Result<Self> {
        Bucket::s3(settings).map(Backend::Bucket).map(Self)
    }

    /// Memory that ends with the process: for nodes that were given no other place, as in tests.
    pub fn in_memory() -> Self {
        Self(Backend::Bucket(Bucket::in_memory()))
    }

    /// Whether the place can be written to: makes a small blob and takes it away again.
    pub async fn check(&self) -> Result<()> {
        match &self.0 {
            Backend::Folder(folder) => folder.check().await,
            Backend::Bucket(bucket) => bucket.check().await,
        }
    }

    /// Begins a blob. The caller notes its first checkpoint before it appends: what the store keeps for a blob that
    /// nobody has noted is never found again.
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

    /// Goes on at a checkpoint: what came after it is forgotten.
    pub async fn resume(&self, key: &BlobKey, from: &Checkpoint) -> Result<BlobWriter> {
        match &self.0 {
            Backend::Folder(folder) => folder.resume(key, from).await.map(WriterKind::File).map(BlobWriter),
            Backend::Bucket(bucket) => bucket.resume(key, from).map(WriterKind::Object).map(BlobWriter),
        }
    }

    /// Makes a blob whose every byte is in its last checkpoint readable. May be done again after a crash.
    pub async fn publish(&self, key: &BlobKey, whole: &Checkpoint) -> Result<()> {
        match &self.0 {
            // A file is readable as it is.
            Backend::Folder(_) => Ok(()),
            Backend::Bucket(bucket) => bucket.publish(key, whole).await,
        }
    }

    /// The bytes of a published blob within `range`, which lies inside of it.
    pub async fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        match &self.0 {
            Backend::Folder(folder) => folder.read(key, range).await,
            Backend::Bucket(bucket) => bucket.read(key, range).await,
        }
    }

    /// Takes a blob away, whole or begun. One that is not there is fine.
    pub async fn remove(&self, key: &BlobKey, progress: Option<&str>) -> Result<()> {
        match &self.0 {
            Backend::Folder(folder) => folder.remove(key).await,
            Backend::Bucket(bucket) => bucket.remove(key, progress).await,
        }
    }

    /// The blobs that are there, in no order. Begun ones may be among them or not.
    pub async fn list(&self) -> Result<BoxStream<'static, Result<BlobKey>>> {
        match &self.0 {
            Backend::Folder(folder) => folder.list().await,
            Backend::Bucket(bucket) => Ok(bucket.list()),
        }
    }
}

impl BlobWriter {
    /// Takes bytes in. They may be lost in a crash until the next checkpoint.
    pub async fn append(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.0 {
            WriterKind::File(file) => file.append(bytes).await,
            WriterKind::Object(object) => object.append(bytes).await,
        }
    }

    /// Makes as much of what was appended last as the store can: a bucket keeps whole parts only.
    pub async fn checkpoint(&mut self) -> Result<Checkpoint> {
        match &mut self.0 {
            WriterKind::File(file) => file.checkpoint().await,
            WriterKind::Object(object) => Ok(object.checkpoint()),
        }
    }

    /// Makes all of it last, and gives its SHA-256 in hexadecimal: nothing may be appended after this.
    pub async fn seal(&mut self) -> Result<(Checkpoint, String)> {
        match &mut self.0 {
            WriterKind::File(file) => Ok((file.checkpoint().await?, file.hash.clone().finish())),
            WriterKind::Object(object) => Ok((object.seal().await?, object.hash.clone().finish())),
        }
    }
}
