//! The schema's version: applied and missing migrations, and bringing it up or down.

use lotline_migrations::Migrator;
use lotline_migrations::sea_orm_migration::{MigrationStatus, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use secrecy::SecretString;

use super::error::OpenError;
use super::settings::DatabaseSettings;
use super::store_lock::StoreLock;
use super::{postgres, sqlite};

/// Serialises migrations of several nodes that start at once; any fixed number of our own does.
const ADVISORY_LOCK: i64 = 0x006c_6f74_6c69_6e65;

/// Each migration by name, and whether it is applied.
pub type SchemaStatus = Vec<(String, bool)>;

/// Applies every missing migration.
pub async fn migrate_up(settings: &DatabaseSettings) -> Result<(), OpenError> {
    match settings {
        DatabaseSettings::Sqlite { path } => {
            let _open = StoreLock::shared(path)?;
            bring_up(&sqlite::open_writer(path).await?).await
        }
        DatabaseSettings::Postgres { url, migrate_url, .. } => {
            migrate_up_postgres(migrate_url.as_ref().unwrap_or(url)).await
        }
    }
}

/// Takes back the last `steps` migrations, with the data that only they can hold. Refused while another process has a
/// SQLite store open; on PostgreSQL the servers have to be stopped before.
pub async fn migrate_down(settings: &DatabaseSettings, steps: u32) -> Result<(), OpenError> {
    let _alone = match settings {
        DatabaseSettings::Sqlite { path } => Some(StoreLock::exclusive(path)?),
        DatabaseSettings::Postgres { .. } => None,
    };
    let connection = connect_as_owner(settings).await?;
    Migrator::down(&connection, Some(steps)).await.map_err(failed)
}

/// What is applied.
pub async fn schema_status(settings: &DatabaseSettings) -> Result<SchemaStatus, OpenError> {
    let _open = lock(settings)?;
    status(&connect_as_owner(settings).await?).await
}

/// How many migrations this program knows.
pub(super) fn migration_count() -> usize {
    Migrator::migrations().len()
}

/// The newest migration that this program knows: the schema that it works with.
pub(super) fn latest_migration() -> String {
    Migrator::migrations().last().map(|migration| migration.name().to_owned()).unwrap_or_default()
}

/// What is applied in an open database; refuses one that is newer than this program.
pub(super) async fn status_of(connection: &DatabaseConnection) -> Result<SchemaStatus, OpenError> {
    refuse_newer(connection).await?;
    status(connection).await
}

/// What keeps a restore away from a SQLite store.
fn lock(settings: &DatabaseSettings) -> Result<Option<StoreLock>, OpenError> {
    match settings {
        DatabaseSettings::Sqlite { path } => StoreLock::shared(path).map(Some),
        DatabaseSettings::Postgres { .. } => Ok(None),
    }
}

async fn connect_as_owner(settings: &DatabaseSettings) -> Result<DatabaseConnection, OpenError> {
    match settings {
        DatabaseSettings::Sqlite { path } => sqlite::open_writer(path).await,
        DatabaseSettings::Postgres { url, migrate_url, .. } => {
            postgres::connect(migrate_url.as_ref().unwrap_or(url), 1).await
        }
    }
}

/// Brings the schema of an open database up; refuses one that is newer than this program.
pub(super) async fn bring_up(connection: &DatabaseConnection) -> Result<(), OpenError> {
    refuse_newer(connection).await?;
    Migrator::up(connection, None).await.map_err(failed)
}

pub(super) async fn migrate_up_postgres(url: &SecretString) -> Result<(), OpenError> {
    // Two connections: the lock's transaction stays open while the migrations run in their own.
    let connection = postgres::connect(url, 2).await?;
    let lock = connection.begin().await.map_err(failed)?;
    let sql = format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})");
    lock.execute_raw(Statement::from_string(DbBackend::Postgres, sql)).await.map_err(failed)?;
    bring_up(&connection).await?;
    lock.commit().await.map_err(failed)
}

/// Refuses a schema other than this program's.
pub(super) async fn require_current(connection: &DatabaseConnection) -> Result<(), OpenError> {
    refuse_newer(connection).await?;
    let missing: Vec<String> =
        status(connection).await?.into_iter().filter(|(_, applied)| !applied).map(|(name, _)| name).collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(OpenError::Older { missing: missing.len(), first: first.clone() }),
    }
}

async fn refuse_newer(connection: &DatabaseConnection) -> Result<(), OpenError> {
    let known: Vec<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let unknown = applied(connection).await?.into_iter().find(|name| !known.contains(name));
    unknown.map_or(Ok(()), |unknown| Err(OpenError::Newer { unknown }))
}

async fn status(connection: &DatabaseConnection) -> Result<SchemaStatus, OpenError> {
    let migrations = Migrator::get_migration_with_status_read_only(connection).await.map_err(failed)?;
    Ok(migrations
        .iter()
        .map(|migration| (migration.name().to_owned(), migration.status() == MigrationStatus::Applied))
        .collect())
}

/// The names in the migrations' own table; none when it does not exist yet.
async fn applied(connection: &DatabaseConnection) -> Result<Vec<String>, OpenError> {
    let backend = connection.get_database_backend();
    let exists = match backend {
        DbBackend::Postgres => "SELECT 1 AS one FROM pg_tables WHERE tablename = 'seaql_migrations'",
        _ => "SELECT 1 AS one FROM sqlite_master WHERE name = 'seaql_migrations'",
    };
    let found = connection.query_one_raw(Statement::from_string(backend, exists)).await.map_err(failed)?;
    if found.is_none() {
        return Ok(Vec::new());
    }
    let sql = "SELECT version FROM seaql_migrations ORDER BY version";
    let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await.map_err(failed)?;
    rows.iter().map(|row| row.try_get("", "version").map_err(failed)).collect()
}

fn failed(cause: sea_orm::DbErr) -> OpenError {
    OpenError::Migrate(cause.to_string())
}
