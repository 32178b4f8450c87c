//! The migrations run up, down and up again, with rows in every table.

use lotline::storage::{self, DatabaseSettings};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::tables::{Table, fill, open_sqlite, rows, tables, take_back_from};
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
    let database = TestDatabase::empty().await;
    let superuser = async || {
        let mut options = sea_orm::ConnectOptions::new(database.superuser_url().as_str());
        options.sqlx_logging(false).max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    };

    up_down_up(&database.as_owner(), superuser).await;

    database.grant_roles().await;
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
    // Running them again does nothing and is no error.
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

/// A stored answer from before the migration gets a subject, whatever else is stored with it.
async fn kept_answers_get_their_subject(
    settings: &DatabaseSettings,
    connect: impl AsyncFn() -> DatabaseConnection,
) {
    storage::migrate_up(settings).await.unwrap();
    let connection = connect().await;
    for number in [1, 2, 3] {
        fill(&connection, number).await;
    }
    for (id, answer) in [
        (1, r#"{"payload":{"text":"words","message_id":"0198"},"position":"1-1"}"#),
        (2, r#"{"upload_id":"0199","filename":"plan.txt"}"#),
        (3, r#"{"job_id":7}"#),
    ] {
        let sql = format!("UPDATE idempotency_keys SET answer = '{answer}' WHERE id = {id}");
        connection.execute_unprepared(&sql).await.unwrap();
    }
    connection.close().await.unwrap();

    // Down to before the answers had a subject.
    take_back_from(settings, "add_subjects_and_senders").await;
    storage::migrate_up(settings).await.unwrap();

    let connection = connect().await;
    let found = rows(&connection, "SELECT subject FROM idempotency_keys ORDER BY id").await;
    let subjects: Vec<Option<String>> = found.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    connection.close().await.unwrap();
    assert_eq!(subjects, [Some("message:0198".to_owned()), Some("upload:0199".to_owned()), None]);
}

#[tokio::test]
async fn on_sqlite_kept_answers_of_before_get_their_subject() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    let settings = DatabaseSettings::Sqlite { path: path.clone() };

    kept_answers_get_their_subject(&settings, async || open_sqlite(&path).await).await;
}

#[tokio::test]
async fn on_postgres_kept_answers_of_before_get_their_subject() {
    let database = TestDatabase::empty().await;
    let superuser = async || {
        let mut options = sea_orm::ConnectOptions::new(database.superuser_url().as_str());
        options.sqlx_logging(false).max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    };

    kept_answers_get_their_subject(&database.as_owner(), superuser).await;

    database.remove().await;
}

/// A price stored in hundredths is converted to the minor units of its currency.
async fn prices_are_restated(settings: &DatabaseSettings, connect: impl AsyncFn() -> DatabaseConnection) {
    storage::migrate_up(settings).await.unwrap();
    take_back_from(settings, "scale_prices").await;
    let connection = connect().await;
    fill(&connection, 1).await;
    for sql in [
        "UPDATE properties SET currency = 'KWD', list_price = 123450, current_price = 123450",
        "UPDATE price_history SET currency = 'CLF', price = 895012",
    ] {
        connection.execute_unprepared(sql).await.unwrap();
    }
    connection.close().await.unwrap();

    storage::migrate_up(settings).await.unwrap();

    let connection = connect().await;
    let sql = "SELECT list_price, current_price, price FROM properties, price_history";
    let found = rows(&connection, sql).await;
    let prices: Vec<i64> = (0..3).map(|at| found[0].try_get_by_index(at).unwrap()).collect();
    connection.close().await.unwrap();
    assert_eq!(prices, [1_234_500, 123_450, 89_501_200]);
}

#[tokio::test]
async fn on_sqlite_prices_get_the_decimals_of_their_currency() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    let settings = DatabaseSettings::Sqlite { path: path.clone() };

    prices_are_restated(&settings, async || open_sqlite(&path).await).await;
}

#[tokio::test]
async fn on_postgres_prices_get_the_decimals_of_their_currency() {
    let database = TestDatabase::empty().await;
    let superuser = async || {
        let mut options = sea_orm::ConnectOptions::new(database.superuser_url().as_str());
        options.sqlx_logging(false).max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    };

    prices_are_restated(&database.as_owner(), superuser).await;

    database.remove().await;
}
