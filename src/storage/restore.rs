//! Replaces a SQLite store with a copy. Killed at any line, the store is completely the old one or the new one.
//!
//! The copy is prepared under a hidden name (new epochs, all sign-ins ended). The old store is locked, checkpointed
//! into one file and given a second name, and one rename replaces it. The store can't be opened meanwhile.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, Statement, TransactionTrait};

use super::atomic_file::{self, AtomicFile};
use super::backup::refuse_same;
use super::error::{CopyError, OpenError, display, file_error};
use super::integrity::{IntegrityReport, check_sqlite_integrity};
use super::sqlite;
use super::store_lock::StoreLock;
use crate::base::entropy::Entropy;
use crate::base::failpoint::{Failpoint, reach};
use crate::base::ids::KeyId;

/// The copy, its target, and how to restore it.
pub struct RestoreRequest<'a> {
    pub from: &'a Path,
    pub store: &'a Path,
    /// Whether an existing store may be replaced.
    pub replace: bool,
    pub keys: ApiKeyPolicy,
    /// Microseconds since the epoch.
    pub now: i64,
}

/// What to do with the active API keys of a copy. Some may have been revoked after it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyPolicy {
    Keep,
    Revoke,
}

/// What a restore did.
pub struct Restored {
    pub found: IntegrityReport,
    /// The API keys that were active in the copy.
    pub keys: Vec<ActiveKey>,
    /// Where the replaced store is now.
    pub previous_store: Option<PathBuf>,
}

/// An API key that is not revoked, as an operator knows it.
#[derive(Debug)]
pub struct ActiveKey {
    pub id: KeyId,
    pub tenant: String,
    pub name: String,
    pub made_by: String,
}

/// Replaces the store with a copy. The store can't be opened meanwhile.
pub async fn restore_sqlite(order: &RestoreRequest<'_>, entropy: Entropy) -> Result<Restored, CopyError> {
    let RestoreRequest { from, store, now, .. } = *order;
    if !from.exists() {
        return Err(CopyError::Missing(display(from)));
    }
    refuse_same(from, store)?;
    if store.exists() && !order.replace {
        return Err(CopyError::Exists(display(store)));
    }
    let _alone = StoreLock::exclusive(store)?;
    // A restore that was killed leaves behind a complete copy of users' data.
    AtomicFile::remove_stale(store).map_err(|cause| file_error(store, cause))?;
    let draft = AtomicFile::create_beside(store, entropy).map_err(|cause| file_error(store, cause))?;
    let (found, keys) = prepare(order, draft.path(), entropy).await?;
    reach(Failpoint::RestoreReady);
    let lock = if store.exists() { lock(store).await? } else { None };
    reach(Failpoint::RestoreLocked);
    let kept = if store.exists() { Some(set_aside(store, now, lock.is_some())?) } else { None };
    reach(Failpoint::RestoreKept);
    draft.persist(store).map_err(|cause| file_error(store, cause))?;
    reach(Failpoint::RestorePlaced);
    if let Some(lock) = lock {
        // It has no journal any more, so that closing it changes no file name.
        let _ = lock.close().await;
    }
    Ok(Restored { found, keys, previous_store: kept })
}

/// Copies, checks, and resets epochs and credentials.
async fn prepare(
    order: &RestoreRequest<'_>,
    draft: &Path,
    entropy: Entropy,
) -> Result<(IntegrityReport, Vec<ActiveKey>), CopyError> {
    let from = order.from;
    atomic_file::copy(from, draft).map_err(|cause| file_error(from, cause))?;
    let connection = sqlite::open_exclusive(draft).await?;
    let prepared = match check_sqlite_integrity(&connection).await {
        Ok(found) if found.faults.is_empty() => reset_epochs_and_credentials(&connection, order, entropy)
            .await
            .map(|keys| (found, keys))
            .map_err(|cause| sqlite::unusable(from, &cause).into()),
        Ok(found) => Err(CopyError::FailedIntegrityCheck { path: display(from), faults: found.faults }),
        Err(error) => Err(error.into()),
    };
    let closed = connection.close().await.map_err(|cause| sqlite::unusable(from, &cause));
    let prepared = prepared?;
    closed?;
    Ok(prepared)
}

/// New epochs, so that an earlier position is answered with a gap. Sessions, refresh tokens and one-time links are
/// invalidated: some that are unused in the copy may have been used since. Returns the API keys that were active.
async fn reset_epochs_and_credentials(
    connection: &DatabaseConnection,
    order: &RestoreRequest<'_>,
    entropy: Entropy,
) -> Result<Vec<ActiveKey>, DbErr> {
    let now = order.now;
    let tx = connection.begin().await?;
    let logs = Statement::from_string(tx.get_database_backend(), "SELECT id FROM tenant_logs");
    for row in tx.query_all_raw(logs).await? {
        let id: i64 = row.try_get_by_index(0)?;
        let epoch = entropy.below(1 << 53);
        tx.execute_unprepared(&format!("UPDATE tenant_logs SET epoch = {epoch} WHERE id = {id}")).await?;
    }
    let keys = active_keys(&tx).await?;
    let mut statements = vec![
        "DELETE FROM refresh_tokens".to_owned(),
        "DELETE FROM password_links".to_owned(),
        format!("UPDATE sessions SET revoked_at = {now} WHERE revoked_at IS NULL"),
        format!(
            "INSERT INTO audit_log (at, actor_kind, actor_name, action, target_kind)
             VALUES ({now}, 'system', 'backup', 'database.restored', 'database')"
        ),
    ];
    if order.keys == ApiKeyPolicy::Revoke {
        statements.push(format!("UPDATE api_keys SET revoked_at = {now} WHERE revoked_at IS NULL"));
    }
    for statement in statements {
        tx.execute_unprepared(&statement).await?;
    }
    tx.commit().await?;
    Ok(keys)
}

async fn active_keys(tx: &DatabaseTransaction) -> Result<Vec<ActiveKey>, DbErr> {
    let sql = "SELECT api_keys.id, tenants.slug, api_keys.name, users.username FROM api_keys
        JOIN tenants ON tenants.id = api_keys.tenant_id JOIN users ON users.id = api_keys.made_by
        WHERE api_keys.revoked_at IS NULL ORDER BY tenants.slug, api_keys.id";
    let rows = tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    let key = |row: &sea_orm::QueryResult| {
        Ok(ActiveKey {
            id: KeyId(row.try_get_by_index(0)?),
            tenant: row.try_get_by_index(1)?,
            name: row.try_get_by_index(2)?,
            made_by: row.try_get_by_index(3)?,
        })
    };
    rows.iter().map(key).collect()
}

/// Locks the old store against every other process and checkpoints its write-ahead log into it. `None` when it can't
/// be read at all: then no server can have it open successfully.
async fn lock(store: &Path) -> Result<Option<DatabaseConnection>, CopyError> {
    let Ok(connection) = sqlite::open_exclusive(store).await else { return Ok(None) };
    // Exclusive locking keeps every lock that the change of journal mode takes, until the connection ends.
    let alone = async {
        connection.execute_unprepared("PRAGMA locking_mode = EXCLUSIVE").await?;
        connection.execute_unprepared("PRAGMA journal_mode = DELETE").await?;
        connection.execute_unprepared("BEGIN EXCLUSIVE").await
    };
    match alone.await {
        Ok(_) => Ok(Some(connection)),
        Err(cause) if sqlite::is_busy(&cause) => Err(OpenError::InUse { path: display(store) }.into()),
        Err(_) => Ok(None),
    }
}

/// Gives the old store a second name with the time of its replacement. The companion files of an unreadable one are
/// renamed first: SQLite would apply a foreign write-ahead log to the new file.
fn set_aside(store: &Path, now: i64, is_whole: bool) -> Result<PathBuf, CopyError> {
    let aside = with_suffix(store, &format!(".replaced-{now}"));
    if !is_whole {
        for suffix in ["-wal", "-shm", "-journal"] {
            let beside = with_suffix(store, suffix);
            if beside.exists() {
                std::fs::rename(&beside, with_suffix(&aside, suffix))
                    .map_err(|cause| file_error(&beside, cause))?;
            }
        }
    }
    atomic_file::link_or_copy(store, &aside).map_err(|cause| file_error(&aside, cause))?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
