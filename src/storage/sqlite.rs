//! SQLite: one writer, four readers, write-ahead log, and every acknowledged change on disk.

use std::path::Path;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::error::OpenError;
use crate::base::failpoint;

/// How long a statement waits for another process's lock before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const READERS: u32 = 4;

/// Opens the single writing connection, making the file when it is missing. The caller holds the store's lock.
pub(super) async fn open_writer(path: &Path) -> Result<DatabaseConnection, OpenError> {
    let writer = connect(path, "rwc", 1).await?;
    require_safe(path, &writer).await?;
    Ok(writer)
}

/// Opens the pool of readers.
pub(super) async fn open_readers(path: &Path) -> Result<DatabaseConnection, OpenError> {
    connect(path, "rw", READERS).await
}

async fn connect(path: &Path, mode: &str, connections: u32) -> Result<DatabaseConnection, OpenError> {
    let file = path.to_owned();
    let mut options = ConnectOptions::new(format!("sqlite::memory:?mode={mode}"));
    options.sqlx_logging(false).max_connections(connections).acquire_timeout(Duration::from_secs(10));
    // An idle connection costs little; reopening one would cost its page cache.
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    options.map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|kept, _| Box::pin(is_clean(kept))));
    let create = mode == "rwc";
    options.map_sqlx_sqlite_opts(move |_| {
        sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous())
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging()
    });
    Database::connect(options).await.map_err(|cause| unusable(path, &cause))
}

/// NORMAL lost acknowledged rows in every simulated power cut, FULL none. Only the test that shows this uses NORMAL.
fn synchronous() -> SqliteSynchronous {
    if failpoint::leaves_unsynced() { SqliteSynchronous::Normal } else { SqliteSynchronous::Full }
}

/// Whether the connection may be reused. When a write fails for want of room, memory or the disk's health, SQLite
/// ends the transaction by itself, the driver's own ROLLBACK then fails, and the driver still counts it as open: the
/// next transaction would be a savepoint in one that is never committed, acknowledged and lost. It is closed instead.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A dropped transaction's ROLLBACK is only queued; the ping is answered after it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Opens an existing store for reading; nothing in it changes.
pub(super) async fn open_read_only(path: &Path) -> Result<DatabaseConnection, OpenError> {
    open_single(path, BUSY_TIMEOUT).await
}

/// Opens a file that no other process may have open; does not wait for locks.
pub(super) async fn open_exclusive(path: &Path) -> Result<DatabaseConnection, OpenError> {
    open_single(path, Duration::ZERO).await
}

/// One connection that leaves the journal mode as it is. A write through it is on disk all the same.
async fn open_single(path: &Path, busy_timeout: Duration) -> Result<DatabaseConnection, OpenError> {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:?mode=rw");
    options.sqlx_logging(false).max_connections(1);
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    options.map_sqlx_sqlite_opts(move |_| {
        sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(false)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(busy_timeout)
            .foreign_keys(true)
            .disable_statement_logging()
    });
    Database::connect(options).await.map_err(|cause| unusable(path, &cause))
}

/// Whether another process holds the file: SQLITE_BUSY or SQLITE_LOCKED, in the low byte of the code.
pub(super) fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Exec(cause) | DbErr::Query(cause) | DbErr::Conn(cause)) = error else { return false };
    let sea_orm::RuntimeErr::SqlxError(cause) = cause else { return false };
    let code = cause.as_database_error().and_then(|reply| reply.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// Reads the settings back: a file on a network share, or one opened by something else, may not have taken them.
async fn require_safe(path: &Path, writer: &DatabaseConnection) -> Result<(), OpenError> {
    let synchronous = if failpoint::leaves_unsynced() { "1" } else { "2" };
    for (setting, wanted) in [("journal_mode", "wal"), ("synchronous", synchronous), ("foreign_keys", "1")] {
        let found = pragma(writer, setting).await.map_err(|cause| unusable(path, &cause))?;
        if found != wanted {
            return Err(OpenError::Unsafe { setting, found, wanted });
        }
    }
    Ok(())
}

async fn pragma(connection: &DatabaseConnection, name: &str) -> Result<String, DbErr> {
    let row = connection
        .query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, format!("PRAGMA {name}")));
    let Some(row) = row.await? else { return Ok(String::new()) };
    match row.try_get_by_index::<String>(0) {
        Ok(text) => Ok(text),
        Err(_) => Ok(row.try_get_by_index::<i64>(0)?.to_string()),
    }
}

pub(super) fn unusable(path: &Path, cause: &DbErr) -> OpenError {
    OpenError::Broken { path: path.display().to_string(), cause: cause.to_string() }
}
