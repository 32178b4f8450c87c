//! Layer 3: the bytes of uploads and of kept pages, in a local folder or in an S3-compatible bucket. It knows no rows and
//! no names: a blob is identified by its tenant's and its own id. The caller records the content and the progress of a
//! blob.

mod blocking;
mod checkpoint;
mod error;
mod hash;
mod key;
mod local_fs;
mod page_files;
mod page_key;
mod page_objects;
mod s3;
mod store;
#[cfg(test)]
mod tests;

pub use checkpoint::Checkpoint;
pub use error::{Error, Result};
pub use key::BlobKey;
pub use page_key::PageKey;
pub use s3::{BucketSettings, PART_BYTES};
pub use store::{BlobStore, BlobWriter};
