//! Keeps a restore and everybody else who has a SQLite store open out of each other's way. SQLite's own locks are on the
//! file, and a restore puts another file in its place: whoever had opened the old one a moment before would write to a
//! file that has lost its name. This lock is on a file of its own beside the store, which stays.
//!
//! Who opens the store shares it; a restore has it alone. It ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::backup::{CopyError, display, file_error};
use super::error::OpenError;

/// The lock, until it is dropped.
pub(super) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// For whoever opens the store; refused while it is being restored.
    pub(super) fn shared(store: &Path) -> Result<Self, OpenError> {
        let broken = |cause: io::Error| OpenError::Broken { path: display(store), cause: cause.to_string() };
        make_folder(store)
            .map_err(|(folder, cause)| OpenError::Folder { path: folder.display().to_string(), cause })?;
        let file = open(store).map_err(broken)?;
        match is_acquired(file.try_lock_shared()) {
            Ok(true) => Ok(Self { _file: file }),
            Ok(false) => Err(OpenError::BeingRestored { path: display(store) }),
            Err(cause) => Err(broken(cause)),
        }
    }

    /// For a restore; refused while anybody has the store open.
    pub(super) fn exclusive(store: &Path) -> Result<Self, CopyError> {
        make_folder(store).map_err(|(folder, cause)| file_error(&folder, cause))?;
        let lock = open(store).map_err(|cause| file_error(store, cause))?;
        match is_acquired(lock.try_lock()) {
            Ok(true) => Ok(Self { _file: lock }),
            Ok(false) => Err(CopyError::InUse(display(store))),
            Err(cause) => Err(file_error(store, cause)),
        }
    }
}

fn make_folder(store: &Path) -> Result<(), (PathBuf, io::Error)> {
    let Some(folder) = store.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|cause| (folder.to_owned(), cause))
}

/// Opens the lock's file, which may be another user's: a lock needs no right to write.
fn open(store: &Path) -> io::Result<File> {
    let mut path = store.as_os_str().to_owned();
    path.push(".lock");
    match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path).map_err(|_| error),
        opened => opened,
    }
}

/// Whether the lock was had. On a file system without such locks everybody has it: SQLite's own are left.
fn is_acquired(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
