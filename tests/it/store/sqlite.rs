//! The settings that make acknowledged writes durable, read back from the file.

use lotline::storage::{Database, DatabaseSettings};

use super::tables::{open_sqlite, rows};

#[tokio::test]
async fn the_file_is_in_wal_mode_and_whole_after_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    let wal = folder.path().join("lotline.db-wal");

    let database = Database::open(&DatabaseSettings::Sqlite { path: path.clone() }).await.unwrap();
    let wal_while_open = wal.exists();
    database.close().await.unwrap();
    let connection = open_sqlite(&path).await;
    let mode = rows(&connection, "PRAGMA journal_mode").await[0].try_get_by_index::<String>(0).unwrap();
    let check = rows(&connection, "PRAGMA integrity_check").await[0].try_get_by_index::<String>(0).unwrap();
    let strays = rows(&connection, "PRAGMA foreign_key_check").await.len();
    connection.close().await.unwrap();

    assert!(wal_while_open);
    assert!(!wal.exists(), "the log was not folded into the file");
    assert_eq!((mode.as_str(), check.as_str(), strays), ("wal", "ok", 0));
}
