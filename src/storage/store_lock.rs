//! Excludes a restore and every other process that has a SQLite store open from each other. SQLite's own locks are on
//! the file, which a restore replaces: a process that had opened the old file just before would write to a file that
//! is no longer the store. This lock is on a file of its own beside the store, which stays.
//!
//! Opening the store takes it shared; a restore takes it exclusively. It ends with the process, however that ends.

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
    /// For opening the store; refused while it is being restored.
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

    /// For a restore; refused while any process has the store open.
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

/// Opens the lock's file, which may be another user's: a lock needs no write permission.
fn open(store: &Path) -> io::Result<File> {
    let mut path = store.as_os_str().to_owned();
    path.push(".lock");
    match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path).map_err(|_| error),
        opened => opened,
    }
}

/// Whether the lock was acquired. A file system without such locks always grants it: SQLite's own are left.
fn is_acquired(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
