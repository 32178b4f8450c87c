//! The migrations go up, down and up again, with rows in every table.

use lotline::storage::{self, DatabaseSettings};
use sea_orm::DatabaseConnection;

use super::tables::{Table, fill, open_sqlite, tables};
use crate::support::postgres::TestDatabase;

#[tokio::test]
async fn on_sqlite_the_schema_goes_up_and_down_and_up_with_rows_in_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    let settings = DatabaseSettings::Sqlite { path: path.clone() };

    up_down_up(&settings, async || open_sqlite(&path).await).await;

    storage::Database::open(&settings).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn on_postgres_the_schema_goes_up_and_down_and_up_with_rows_in_every_table() {
    let database = TestDatabase::bare().await;
    let superuser = async || {
        let mut options = sea_orm::ConnectOptions::new(database.superuser_url().as_str());
        options.sqlx_logging(false).max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    };

    up_down_up(&database.as_owner(), superuser).await;

    database.grant_doors().await;
    database.remove().await;
}

async fn up_down_up(settings: &DatabaseSettings, connect: impl AsyncFn() -> DatabaseConnection) {
    storage::migrate_up(settings).await.unwrap();
    let status = storage::schema_status(settings).await.unwrap();
    let first = filled(&connect).await;
    storage::migrate_down(settings, u32::try_from(status.len()).unwrap()).await.unwrap();
    let between = storage::schema_status(settings).await.unwrap();
    let connection = connect().await;
    let left = tables(&connection).await;
    connection.close().await.unwrap();

    storage::migrate_up(settings).await.unwrap();
    let second = filled(&connect).await;
    // Once more is no work and no error.
    storage::migrate_up(settings).await.unwrap();

    assert!(status.len() >= 6 && status.iter().all(|(_, applied)| *applied), "{status:?}");
    assert!(between.iter().all(|(_, applied)| !applied), "{between:?}");
    assert_eq!(left, Vec::<Table>::new());
    assert_eq!(second, first);
    for step in (1..=status.len()).rev() {
        storage::migrate_down(settings, 1).await.unwrap();
        let applied =
            storage::schema_status(settings).await.unwrap().iter().filter(|(_, applied)| *applied).count();
        assert_eq!(applied, step - 1);
    }
    storage::migrate_up(settings).await.unwrap();
}

/// The tables, each with rows of two tenants.
async fn filled(connect: &impl AsyncFn() -> DatabaseConnection) -> Vec<Table> {
    let connection = connect().await;
    fill(&connection, 1).await;
    fill(&connection, 2).await;
    let tables = tables(&connection).await;
    connection.close().await.unwrap();
    tables
}
