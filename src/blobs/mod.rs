//! Floor 3: the bytes of uploads, in a local folder or in an S3-compatible bucket. It knows no rows and no names: a
//! blob is called by its tenant's and its own id. What a blob holds and how far it has come is the caller's to note.

mod bucket;
mod error;
mod folder;
mod hash;
mod key;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use bucket::{BucketSettings, PART_BYTES};
pub use error::{Error, Result};
pub use key::BlobKey;

use bucket::{Bucket, GrowingObject};
use folder::{Folder, GrowingFile};

/// Where the bytes are.
pub struct Blobs(Store);

enum Store {
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
pub struct Growing(Kind);

enum Kind {
    File(GrowingFile),
    Object(GrowingObject),
}

impl Blobs {
    /// A local folder, which is made when it is missing.
    pub fn folder(path: PathBuf) -> Result<Self> {
        Folder::open(path).map(Store::Folder).map(Self)
    }

    /// An S3-compatible bucket. Nothing is asked of it yet.
    pub fn bucket(settings: &BucketSettings) -> Result<Self> {
        Bucket::s3(settings).map(Store::Bucket).map(Self)
    }

    /// Memory that ends with the process: for nodes that were given no other place, as in tests.
    pub fn in_memory() -> Self {
        Self(Store::Bucket(Bucket::in_memory()))
    }

    /// Whether the place can be written to: makes a small blob and takes it away again.
    pub async fn check(&self) -> Result<()> {
        match &self.0 {
            Store::Folder(folder) => folder.check().await,
            Store::Bucket(bucket) => bucket.check().await,
        }
    }

    /// Begins a blob. The caller notes its first checkpoint before it appends: what the store keeps for a blob that
    /// nobody has noted is never found again.
    pub async fn begin(&self, key: &BlobKey) -> Result<(Growing, Checkpoint)> {
        match &self.0 {
            Store::Folder(folder) => {
                Ok((Growing(Kind::File(folder.begin(key).await?)), Checkpoint::default()))
            }
            Store::Bucket(bucket) => {
                let object = bucket.begin(key).await?;
                let checkpoint = object.reached();
                Ok((Growing(Kind::Object(object)), checkpoint))
            }
        }
    }

    /// Goes on at a checkpoint: what came after it is forgotten.
    pub async fn resume(&self, key: &BlobKey, from: &Checkpoint) -> Result<Growing> {
        match &self.0 {
            Store::Folder(folder) => folder.resume(key, from).await.map(Kind::File).map(Growing),
            Store::Bucket(bucket) => bucket.resume(key, from).map(Kind::Object).map(Growing),
        }
    }

    /// Makes a blob whose every byte is in its last checkpoint readable. May be done again after a crash.
    pub async fn publish(&self, key: &BlobKey, whole: &Checkpoint) -> Result<()> {
        match &self.0 {
            // A file is readable as it is.
            Store::Folder(_) => Ok(()),
            Store::Bucket(bucket) => bucket.publish(key, whole).await,
        }
    }

    /// The bytes of a published blob within `range`, which lies inside of it.
    pub async fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        match &self.0 {
            Store::Folder(folder) => folder.read(key, range).await,
            Store::Bucket(bucket) => bucket.read(key, range).await,
        }
    }

    /// Takes a blob away, whole or begun. One that is not there is fine.
    pub async fn remove(&self, key: &BlobKey, progress: Option<&str>) -> Result<()> {
        match &self.0 {
            Store::Folder(folder) => folder.remove(key).await,
            Store::Bucket(bucket) => bucket.remove(key, progress).await,
        }
    }

    /// The blobs that are there, in no order. Begun ones may be among them or not.
    pub async fn list(&self) -> Result<BoxStream<'static, Result<BlobKey>>> {
        match &self.0 {
            Store::Folder(folder) => folder.list().await,
            Store::Bucket(bucket) => Ok(bucket.list()),
        }
    }
}

impl Growing {
    /// Takes bytes in. They may be lost in a crash until the next checkpoint.
    pub async fn append(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.0 {
            Kind::File(file) => file.append(bytes).await,
            Kind::Object(object) => object.append(bytes).await,
        }
    }

    /// Makes as much of what was appended last as the store can: a bucket keeps whole parts only.
    pub async fn checkpoint(&mut self) -> Result<Checkpoint> {
        match &mut self.0 {
            Kind::File(file) => file.checkpoint().await,
            Kind::Object(object) => Ok(object.reached()),
        }
    }

    /// Makes all of it last, and gives its SHA-256 in hexadecimal: nothing may be appended after this.
    pub async fn seal(&mut self) -> Result<(Checkpoint, String)> {
        match &mut self.0 {
            Kind::File(file) => Ok((file.checkpoint().await?, file.hash.clone().finish())),
            Kind::Object(object) => Ok((object.seal().await?, object.hash.clone().finish())),
        }
    }
}
