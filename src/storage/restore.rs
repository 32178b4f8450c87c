//! Puts a copy of a SQLite store in the place of the store. Killed at any line, the store is the old one or the new
//! one, whole.
//!
//! The copy is made ready under a hidden name (new epochs, nobody signed in), the old store is locked, folded into one
//! file and given a second name, and one rename does the rest.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait};

use super::backup::{CopyError, file, refuse_same, shown};
use super::durable_file::{self, Draft};
use super::soundness::{Soundness, examine_sqlite};
use super::sqlite;
use crate::base::entropy::Entropy;

/// What a restore did.
pub struct Restored {
    pub found: Soundness,
    /// Where the store that was replaced is now.
    pub kept: Option<PathBuf>,
}

/// Puts `from` in the place of `store`. `now`: microseconds since the epoch.
pub async fn restore_sqlite(
    from: &Path,
    store: &Path,
    replace: bool,
    now: i64,
    entropy: Entropy,
) -> Result<Restored, CopyError> {
    if !from.exists() {
        return Err(CopyError::Missing(shown(from)));
    }
    refuse_same(from, store)?;
    if store.exists() && !replace {
        return Err(CopyError::Exists(shown(store)));
    }
    if let Some(folder) = store.parent() {
        std::fs::create_dir_all(folder).map_err(|cause| file(folder, cause))?;
    }
    let draft = Draft::beside(store, entropy).map_err(|cause| file(store, cause))?;
    let found = prepare(from, draft.path(), now, entropy).await?;
    let lock = if store.exists() { lock(store).await? } else { None };
    let kept = if store.exists() { Some(keep(store, now, lock.is_some())?) } else { None };
    draft.put_in_place(store).map_err(|cause| file(store, cause))?;
    if let Some(lock) = lock {
        // It has no journal any more, so that closing it touches no name.
        let _ = lock.close().await;
    }
    Ok(Restored { found, kept })
}

/// Copies, examines, and makes the copy a log of its own.
async fn prepare(from: &Path, draft: &Path, now: i64, entropy: Entropy) -> Result<Soundness, CopyError> {
    durable_file::copy(from, draft).map_err(|cause| file(from, cause))?;
    let connection = sqlite::open_alone(draft).await?;
    let found = match examine_sqlite(&connection).await {
        Ok(found) if found.faults.is_empty() => Ok(found),
        Ok(found) => Err(CopyError::Unsound { path: shown(from), faults: found.faults }),
        Err(error) => Err(error.into()),
    };
    let done = match &found {
        Ok(_) => begin_anew(&connection, now, entropy).await.map_err(|cause| sqlite::unusable(from, &cause)),
        Err(_) => Ok(()),
    };
    let closed = connection.close().await.map_err(|cause| sqlite::unusable(from, &cause));
    done?;
    closed?;
    found
}

/// New epochs, so that a position of before is told of a gap. Nobody stays signed in and no one-time link holds: the
/// copy may have refresh tokens and links as unused that were used after it was made.
async fn begin_anew(connection: &DatabaseConnection, now: i64, entropy: Entropy) -> Result<(), DbErr> {
    let tx = connection.begin().await?;
    let logs = Statement::from_string(tx.get_database_backend(), "SELECT id FROM tenant_logs");
    for row in tx.query_all_raw(logs).await? {
        let id: i64 = row.try_get_by_index(0)?;
        let epoch = entropy.below(1 << 53);
        tx.execute_unprepared(&format!("UPDATE tenant_logs SET epoch = {epoch} WHERE id = {id}")).await?;
    }
    for statement in [
        "DELETE FROM refresh_tokens".to_owned(),
        "DELETE FROM password_links".to_owned(),
        format!("UPDATE sessions SET revoked_at = {now} WHERE revoked_at IS NULL"),
        format!(
            "INSERT INTO audit_log (at, actor_kind, actor_name, action, target_kind)
             VALUES ({now}, 'system', 'backup', 'database.restored', 'database')"
        ),
    ] {
        tx.execute_unprepared(&statement).await?;
    }
    tx.commit().await
}

/// Locks the old store against every other process and folds its write-ahead log into it. `None` when it cannot be
/// read at all: then there is nothing that a server could have open with success.
async fn lock(store: &Path) -> Result<Option<DatabaseConnection>, CopyError> {
    let Ok(connection) = sqlite::open_alone(store).await else { return Ok(None) };
    // Exclusive locking keeps every lock that the change of the journal's mode takes, until the connection ends.
    let alone = async {
        connection.execute_unprepared("PRAGMA locking_mode = EXCLUSIVE").await?;
        connection.execute_unprepared("PRAGMA journal_mode = DELETE").await?;
        connection.execute_unprepared("BEGIN EXCLUSIVE").await
    };
    match alone.await {
        Ok(_) => Ok(Some(connection)),
        Err(cause) if sqlite::is_busy(&cause) => Err(CopyError::InUse(shown(store))),
        Err(_) => Ok(None),
    }
}

/// Gives the old store a second name that tells when it was replaced. What an unreadable one has beside it goes with
/// it first: SQLite would fold a stranger's write-ahead log into the new file.
fn keep(store: &Path, now: i64, is_whole: bool) -> Result<PathBuf, CopyError> {
    let aside = with_suffix(store, &format!(".replaced-{now}"));
    if !is_whole {
        for suffix in ["-wal", "-shm", "-journal"] {
            let beside = with_suffix(store, suffix);
            if beside.exists() {
                std::fs::rename(&beside, with_suffix(&aside, suffix))
                    .map_err(|cause| file(&beside, cause))?;
            }
        }
    }
    durable_file::keep_as(store, &aside).map_err(|cause| file(&aside, cause))?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
