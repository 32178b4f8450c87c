//! Errors of the store, as far as callers distinguish them.

use std::path::Path;

use sea_orm::{DbErr, RuntimeErr, SqlErr};

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row with the same unique key exists; the driver's message names the constraint.
    #[error("a row with this key exists already: {0}")]
    Duplicate(String),
    /// A row that is referred to does not exist, or is still referred to.
    #[error("a reference does not hold: {0}")]
    Reference(String),
    /// The database is locked, stopped or out of connections: the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(DbErr),
    /// Too much of the same tenant's work is waiting: the same call may succeed when some of it is done.
    #[error("too many of the tenant's transactions wait already")]
    Busy,
    /// The disk that holds the database is full.
    #[error("the database's disk is full: {0}")]
    Full(DbErr),
    /// A stored value does not read back: a defect or a hand-edited row.
    #[error("a stored value is not readable: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Other(DbErr),
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(words)) => return Self::Duplicate(words),
            Some(SqlErr::ForeignKeyConstraintViolation(words)) => return Self::Reference(words),
            Some(_) | None => {}
        }
        match condition(&error) {
            Condition::Unavailable => Self::Unavailable(error),
            Condition::Full => Self::Full(error),
            Condition::Other => Self::Other(error),
        }
    }
}

enum Condition {
    Unavailable,
    Full,
    Other,
}

fn condition(error: &DbErr) -> Condition {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return match error {
            DbErr::ConnectionAcquire(_) => Condition::Unavailable,
            _ => Condition::Other,
        };
    };
    match cause.as_ref() {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Condition::Unavailable,
        sqlx::Error::Database(reply) => of_code(reply.code().as_deref().unwrap_or_default()),
        _ => Condition::Other,
    }
}

/// Whether PostgreSQL gave up waiting for a lock because `lock_timeout` had passed.
pub(super) fn is_lock_timeout(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    matches!(cause.as_ref(), sqlx::Error::Database(reply) if reply.code().as_deref() == Some("55P03"))
}

/// SQLite result codes are numbers (extended codes keep the primary one in the low byte), PostgreSQL's are SQLSTATEs.
fn of_code(code: &str) -> Condition {
    if code.len() != 5
        && let Ok(number) = code.parse::<u32>()
    {
        return match number & 0xff {
            // Locked, not readable for now, or not to be opened: a full disk can do that too.
            5 | 6 | 10 | 14 => Condition::Unavailable,
            13 => Condition::Full,
            _ => Condition::Other,
        };
    }
    match code {
        "53100" => Condition::Full,
        _ if ["08", "53", "57"].contains(&code.get(..2).unwrap_or_default()) => Condition::Unavailable,
        // Serialisation failure, deadlock and lock time-out: nothing was written, trying again is right.
        "40001" | "40P01" | "55P03" => Condition::Unavailable,
        _ => Condition::Other,
    }
}

/// Why the store cannot be opened: each is one plain line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot create the folder {path} for the database: {cause}")]
    Folder { path: String, cause: std::io::Error },
    #[error("the database {path} is being restored or migrated: start again when that has ended")]
    BeingRestored { path: String },
    #[error("the database {path} is in use: stop its server first")]
    InUse { path: String },
    #[error("a server runs on the database {path} already: stop it first, SQLite has one server at a time")]
    HasServer { path: String },
    #[error("cannot open the database {url}: {cause}")]
    Connect { url: String, cause: String },
    #[error("{path} is not a usable SQLite database: {cause}")]
    Broken { path: String, cause: String },
    #[error(
        "the database answers {setting} = {found} where {wanted} was asked for: an acknowledged change could be lost"
    )]
    Unsafe { setting: &'static str, found: String, wanted: &'static str },
    #[error(
        "the role {role} of {key} is a superuser or has BYPASSRLS: tenants would not be kept apart; use a plain role"
    )]
    Privileged { role: String, key: &'static str },
    #[error("the role {role} of {key} is not a member of {group}: GRANT {group} TO {role}")]
    NotMember { role: String, key: &'static str, group: &'static str },
    #[error(
        "the database's schema is older than this program ({missing} to apply, first {first}): run `lotline migrate up`"
    )]
    Older { missing: usize, first: String },
    #[error(
        "the database's schema is newer than this program (it has {unknown}): use the program that made it"
    )]
    Newer { unknown: String },
    #[error("cannot read the database: {0}")]
    Unreadable(String),
    #[error("cannot migrate the database: {0}")]
    Migrate(String),
}

/// Why a copy is not made or not put back: each is one plain line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{0} exists already; give --force to replace it")]
    Exists(String),
    #[error("{0} does not exist")]
    Missing(String),
    #[error("{0} and the database are one file")]
    Same(String),
    #[error("the copy {path} is not sound: {}", faults.join("; "))]
    FailedIntegrityCheck { path: String, faults: Vec<String> },
    #[error("{path}: {cause}")]
    File { path: String, cause: std::io::Error },
    #[error(transparent)]
    Store(#[from] OpenError),
}

pub(super) fn file_error(path: &Path, cause: std::io::Error) -> CopyError {
    CopyError::File { path: display(path), cause }
}

pub(super) fn display(path: &Path) -> String {
    path.display().to_string()
}
