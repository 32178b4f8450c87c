//! A log that PostgreSQL's own tools restored is not taken for the old one.

use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use lotline::base::ids::TenantId;
use lotline::eventlog::{self, Head, Since};
use lotline::protocol::message::GapReason;
use lotline::storage::{self, Database, DatabaseSettings};
use secrecy::SecretString;

use super::tables::fill;
use crate::support::postgres::{TestDatabase, dump, restore, run};

/// The settings of both pools for the database with this name, with the roles of `database`.
pub fn pool_settings(database: &TestDatabase, name: &str) -> DatabaseSettings {
    let at = |role| {
        let mut url = database.url(role);
        url.set_path(name);
        SecretString::from(url.to_string())
    };
    DatabaseSettings::Postgres {
        url: at("tenant"),
        system_url: Some(at("system")),
        migrate_url: None,
        migrate: false,
        max_connections: 2,
        statement_time: None,
    }
}

async fn head(settings: &DatabaseSettings) -> Head {
    let db = Database::open(settings).await.unwrap();
    let scope = TenantScope::for_system(SystemReason::Backup, TenantId(1));
    let head = eventlog::head(&db, &scope).await.unwrap();
    db.close().await.unwrap();
    head
}

/// A database with two tenants, each with one event in its log.
async fn filled() -> TestDatabase {
    let database = TestDatabase::migrated().await;
    let superuser = database.as_superuser().await;
    fill(&superuser, 1).await;
    fill(&superuser, 2).await;
    run(&superuser, "UPDATE events SET seq = 1").await;
    run(&superuser, "UPDATE tenant_logs SET head = 1, trimmed = 0").await;
    superuser.close().await.unwrap();
    database
}

#[tokio::test]
async fn a_dump_restored_into_another_database_is_another_log() {
    let database = filled().await;
    let (folder, name) = (tempfile::tempdir().unwrap(), format!("{}_copy", database.name));
    let file = folder.path().join("dump");
    let before = head(&pool_settings(&database, &database.name)).await;
    dump(&database.superuser_url(), &file);

    let superuser = database.as_superuser().await;
    run(&superuser, &format!("CREATE DATABASE {name}")).await;
    let mut target = database.superuser_url();
    target.set_path(&name);
    restore(&target, &file, &[]);
    let settings = pool_settings(&database, &name);
    let after = head(&settings).await;
    let sound = storage::check_integrity(&settings).await.unwrap();
    run(&superuser, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    superuser.close().await.unwrap();

    assert_eq!((before.seq, after.seq), (1, 1));
    assert_eq!(
        eventlog::resolve_since(&before.position().to_string(), after),
        Since::Gap(GapReason::OtherLog)
    );
    assert_eq!((sound.faults, sound.logs.len()), (Vec::<String>::new(), 2));
    database.remove().await;
}

#[tokio::test]
async fn a_dump_restored_over_the_same_database_is_another_log() {
    let database = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump");
    let settings = pool_settings(&database, &database.name);
    let before = head(&settings).await;
    let again = head(&settings).await;
    dump(&database.superuser_url(), &file);

    restore(&database.superuser_url(), &file, &["--clean"]);
    let after = head(&settings).await;

    assert_eq!(again, before, "without a restore the log stays the same");
    assert_eq!(
        eventlog::resolve_since(&before.position().to_string(), after),
        Since::Gap(GapReason::OtherLog)
    );
    database.remove().await;
}

#[tokio::test]
async fn a_hole_in_a_log_and_a_wrong_counter_are_found() {
    let database = filled().await;
    let settings = pool_settings(&database, &database.name);
    let superuser = database.as_superuser().await;

    run(&superuser, "DELETE FROM events WHERE tenant_id = 1").await;
    run(&superuser, "UPDATE tenant_logs SET trimmed = 2 WHERE tenant_id = 2").await;
    superuser.close().await.unwrap();
    let found = storage::check_integrity(&settings).await.unwrap();

    assert_eq!(found.faults.len(), 2, "{found:?}");
    assert!(found.faults[0].contains("the log of text 1 has 0 events"), "{found:?}");
    assert!(found.faults[1].contains("the log of text 2 is trimmed up to 2, beyond its head 1"), "{found:?}");
    database.remove().await;
}
