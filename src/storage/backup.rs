//! A copy of a SQLite store while it is in use. It carries no signing keys: those are files of their own.

use std::path::Path;

use sea_orm::ConnectionTrait;

use super::atomic_file::AtomicFile;
use super::error::{CopyError, OpenError, display, file_error};
use super::integrity::{IntegrityReport, check_sqlite_integrity};
use super::sqlite;
use crate::base::entropy::Entropy;

/// Writes the store at `store` to `to` as it is at this moment, and checks the copy before it gets its name. It
/// contains everything that was acknowledged before the call; writers are not blocked.
pub async fn backup_sqlite(
    store: &Path,
    to: &Path,
    replace: bool,
    entropy: Entropy,
) -> Result<IntegrityReport, CopyError> {
    if !store.exists() {
        return Err(CopyError::Missing(display(store)));
    }
    if to.exists() && !replace {
        return Err(CopyError::Exists(display(to)));
    }
    refuse_same(store, to)?;
    let draft = AtomicFile::create_beside(to, entropy).map_err(|cause| file_error(to, cause))?;
    copy(store, draft.path()).await?;
    let connection = sqlite::open_read_only(draft.path()).await?;
    let found = check_sqlite_integrity(&connection).await;
    // Nothing was written through it.
    let _ = connection.close().await;
    let found = found?;
    if !found.faults.is_empty() {
        return Err(CopyError::FailedIntegrityCheck { path: display(store), faults: found.faults });
    }
    draft.persist(to).map_err(|cause| file_error(to, cause))?;
    Ok(found)
}

/// `VACUUM INTO` reads in one transaction: the copy is of one moment, and no lock that writers need is taken.
async fn copy(store: &Path, to: &Path) -> Result<(), OpenError> {
    let connection = sqlite::open_read_only(store).await?;
    let target = to.display().to_string().replace('\'', "''");
    let done = connection.execute_unprepared(&format!("VACUUM INTO '{target}'")).await;
    // Only read.
    let _ = connection.close().await;
    done.map(|_| ()).map_err(|cause| sqlite::unusable(store, &cause))
}

pub(super) fn refuse_same(one: &Path, other: &Path) -> Result<(), CopyError> {
    let same = matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same { Err(CopyError::Same(display(other))) } else { Ok(()) }
}
