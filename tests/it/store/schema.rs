//! The migrations run up, down and up again, with rows in every table.

use lotline::storage::{self, DatabaseSettings};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::tables::{Table, fill, fill_one_more, number, open_sqlite, rows, tables, take_back_from};
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

/// Dollars of listings that only the built-in crawler reported become unknown; all other currencies stay, and no row
/// is lost.
async fn assumed_dollars_become_unknown(
    settings: &DatabaseSettings,
    connect: impl AsyncFn() -> DatabaseConnection,
) {
    storage::migrate_up(settings).await.unwrap();
    take_back_from(settings, "learn_currencies").await;
    let connection = connect().await;
    fill(&connection, 1).await;
    // Listing 1 is of a job of the crawler, 2 of none, 3 of a job of the crawler and of one of a worker; 4 is in euros.
    for id in ["2", "3", "4"] {
        let key = format!("'key {id}'");
        fill_one_more(&connection, "properties", &[("id", id), ("listing_key", &key)]).await;
    }
    fill_one_more(&connection, "jobs", &[("id", "2"), ("runner", "'external'")]).await;
    fill_one_more(&connection, "executions", &[("id", "2"), ("job_id", "2")]).await;
    let crawled = [("id", "2"), ("property_id", "3")];
    fill_one_more(&connection, "job_items", &crawled).await;
    let worked = [("id", "3"), ("property_id", "3"), ("job_id", "2"), ("execution_id", "2")];
    fill_one_more(&connection, "job_items", &worked).await;
    fill_one_more(&connection, "job_items", &[("id", "4"), ("property_id", "4")]).await;
    for (id, property) in [("2", "2"), ("3", "4")] {
        fill_one_more(&connection, "price_history", &[("id", id), ("property_id", property)]).await;
    }
    for sql in [
        "UPDATE jobs SET runner = 'builtin' WHERE id = 1",
        "UPDATE properties SET currency = CASE WHEN id = 4 THEN 'EUR' ELSE 'USD' END",
        "UPDATE price_history SET currency = CASE WHEN id = 3 THEN 'EUR' ELSE 'USD' END",
    ] {
        connection.execute_unprepared(sql).await.unwrap();
    }
    connection.close().await.unwrap();

    storage::migrate_up(settings).await.unwrap();

    let connection = connect().await;
    let found = rows(&connection, "SELECT writer, currency FROM properties ORDER BY id").await;
    let listings: Vec<(String, Option<String>)> = found
        .iter()
        .map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap()))
        .collect();
    let expected =
        [("crawler", None), ("worker", Some("USD")), ("worker", Some("USD")), ("crawler", Some("EUR"))];
    let expected = expected.map(|(writer, currency)| (writer.to_owned(), currency.map(str::to_owned)));
    assert_eq!(listings, expected);
    let sql = "SELECT currency FROM price_history ORDER BY id";
    let history: Vec<Option<String>> =
        rows(&connection, sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(history, [None, Some("USD".to_owned()), Some("EUR".to_owned())]);
    assert_eq!(number(&connection, "SELECT count(*) FROM job_items").await, 4);
    let keys = rows(&connection, "SELECT null_semantics FROM api_keys").await;
    assert_eq!(keys[0].try_get_by_index::<String>(0).unwrap(), "ignore");
    connection.close().await.unwrap();

    take_back_from(settings, "learn_currencies").await;

    let connection = connect().await;
    let dollars = "SELECT count(*) FROM properties WHERE currency = 'USD'";
    assert_eq!(number(&connection, dollars).await, 3);
    assert_eq!(number(&connection, "SELECT count(*) FROM price_history").await, 3);
    connection.close().await.unwrap();
    storage::migrate_up(settings).await.unwrap();
}

#[tokio::test]
async fn on_sqlite_assumed_dollars_become_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    let settings = DatabaseSettings::Sqlite { path: path.clone() };

    assumed_dollars_become_unknown(&settings, async || open_sqlite(&path).await).await;
}

#[tokio::test]
async fn on_postgres_assumed_dollars_become_unknown() {
    let database = TestDatabase::empty().await;
    let superuser = async || {
        let mut options = sea_orm::ConnectOptions::new(database.superuser_url().as_str());
        options.sqlx_logging(false).max_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    };

    assumed_dollars_become_unknown(&database.as_owner(), superuser).await;

    database.remove().await;
}
