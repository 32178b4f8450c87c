//! Files that users upload, by socket or by request, with the same code for both. A file's row exists before its
//! bytes and as long as they do; its hash state, its place in the store and its reserved quota are saved together, so
//! that it can be resumed after a disconnect or a crash. A file that breaks a rule is not kept.

pub mod attach;
pub mod store;

mod access;
mod begin;
mod complete;
mod declaration;
mod error;
mod filename;
mod incoming;
mod locks;
mod quota;
mod read;
mod remove;
mod resume;
mod sniff;
mod sweep;
#[cfg(test)]
mod tests;
mod view;

pub use begin::begin;
pub use complete::replay_stored;
pub use declaration::{NewUpload, sha256_error, validate};
pub use error::too_large;
pub use incoming::IncomingUpload;
pub use read::{Content, content, get, list};
pub use remove::{delete, remove_bytes};
pub use resume::{Resumed, resume};
pub use sweep::{sweep, sweep_orphans};
