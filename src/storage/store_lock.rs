//! Excludes processes from each other that must not use a SQLite store together. The locks are on files of their own
//! beside the store, which stay and are empty; they end with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::error::{OpenError, display};
use super::settings::DatabaseSettings;

/// Excludes a restore and every other process that has the store open from each other, until it is dropped. SQLite's
/// own locks are on the file, which a restore replaces: a process that had opened the old file just before would write
/// to a file that is no longer the store.
pub(super) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// For opening the store; refused while another process has it exclusively.
    pub(super) fn shared(store: &Path) -> Result<Self, OpenError> {
        let file = open(store, ".lock")?;
        match is_acquired(store, file.try_lock_shared())? {
            true => Ok(Self { _file: file }),
            false => Err(OpenError::BeingRestored { path: display(store) }),
        }
    }

    /// For a restore, and for migrations that remove data; refused while any process has the store open.
    pub(super) fn exclusive(store: &Path) -> Result<Self, OpenError> {
        let file = open(store, ".lock")?;
        match is_acquired(store, file.try_lock())? {
            true => Ok(Self { _file: file }),
            false => Err(OpenError::InUse { path: display(store) }),
        }
    }
}

/// The lock of the server on a SQLite store, until it is dropped. A server does not learn at once of what another one
/// changes, so there is only one; subcommands work beside it.
pub struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Refused while another server has it; none for PostgreSQL.
    pub fn acquire(settings: &DatabaseSettings) -> Result<Option<Self>, OpenError> {
        let DatabaseSettings::Sqlite { path } = settings else { return Ok(None) };
        let file = open(path, ".server.lock")?;
        match is_acquired(path, file.try_lock())? {
            true => Ok(Some(Self { _file: file })),
            false => Err(OpenError::HasServer { path: display(path) }),
        }
    }
}

/// Opens the lock's file, which may be another user's: a lock needs no write permission.
fn open(store: &Path, suffix: &str) -> Result<File, OpenError> {
    if let Some(folder) = store.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|cause| OpenError::Folder { path: display(folder), cause })?;
    }
    let mut path = store.as_os_str().to_owned();
    path.push(suffix);
    let opened = match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path).map_err(|_| error),
        opened => opened,
    };
    opened.map_err(|cause| unusable(store, &cause))
}

/// Whether the lock was acquired. A file system without such locks always grants it: SQLite's own are left.
fn is_acquired(store: &Path, tried: Result<(), TryLockError>) -> Result<bool, OpenError> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(unusable(store, &error)),
    }
}

fn unusable(store: &Path, cause: &io::Error) -> OpenError {
    OpenError::Broken { path: display(store), cause: cause.to_string() }
}
