//! Tenant isolation in the database, even against a tenant's own SQL.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::tables::{Table, fill, number, open_sqlite, rows, tables, value};
use crate::support::binary::{lotline, run};
use crate::support::postgres::{TestDatabase, run as run_sql};

/// A migrated PostgreSQL database with rows of tenants 1 and 2 in every table.
async fn filled_postgres() -> (TestDatabase, DatabaseConnection) {
    let database = TestDatabase::migrated().await;
    let mut options = sea_orm::ConnectOptions::new(database.superuser_url().as_str());
    options.sqlx_logging(false).max_connections(1);
    let superuser = sea_orm::Database::connect(options).await.unwrap();
    fill(&superuser, 1).await;
    fill(&superuser, 2).await;
    (database, superuser)
}

#[tokio::test]
async fn the_tenant_role_sees_nothing_without_a_tenant_and_its_own_with_one() {
    let (database, superuser) = filled_postgres().await;
    let all = tables(&superuser).await;
    let tenant = database.as_role("tenant").await;

    let mut looked_at = 0;
    for table in &all {
        let name = &table.name;
        let Some(owner) = table.owner() else {
            assert!(
                tenant.execute_unprepared(&format!("SELECT FROM {name}")).await.is_err(),
                "{name} is the platform's"
            );
            continue;
        };
        let count = format!("SELECT count(*) FROM {name}");
        run_sql(&tenant, "RESET lotline.tenant").await;
        assert_eq!(number(&tenant, &count).await, 0, "{name} without a tenant");
        for wrong in ["", "0", "3"] {
            run_sql(&tenant, &format!("SET lotline.tenant = '{wrong}'")).await;
            assert_eq!(number(&tenant, &count).await, 0, "{name} with tenant `{wrong}`");
        }
        run_sql(&tenant, "SET lotline.tenant = '2'").await;
        assert_eq!(number(&tenant, &count).await, 1, "{name} with a tenant");
        assert_eq!(number(&tenant, &format!("SELECT {owner} FROM {name}")).await, 2, "{name}");
        looked_at += 1;
    }

    assert!(looked_at >= 18, "only {looked_at} tables have an owner");
    for connection in [tenant, superuser] {
        connection.close().await.unwrap();
    }
    database.remove().await;
}

#[tokio::test]
async fn the_tenant_role_changes_and_takes_nothing_of_another() {
    let (database, superuser) = filled_postgres().await;
    let tenant = database.as_role("tenant").await;
    run_sql(&tenant, "SET lotline.tenant = '1'").await;

    for table in tables(&superuser).await {
        let (Some(owner), name) = (table.owner(), &table.name) else { continue };
        let update = format!("UPDATE {name} SET {owner} = {owner} WHERE {owner} = 2");
        let delete = format!("DELETE FROM {name} WHERE {owner} = 2");
        let give_away = format!("UPDATE {name} SET {owner} = 2 WHERE {owner} = 1");

        assert_eq!(tenant.execute_unprepared(&update).await.unwrap().rows_affected(), 0, "{name}");
        assert_eq!(tenant.execute_unprepared(&delete).await.unwrap().rows_affected(), 0, "{name}");
        let refused = tenant.execute_unprepared(&give_away).await.unwrap_err().to_string();
        assert!(refused.contains("row-level security"), "{name}: {refused}");
    }

    for connection in [tenant, superuser] {
        connection.close().await.unwrap();
    }
    database.remove().await;
}

#[tokio::test]
async fn each_role_has_its_own_privileges_only() {
    let (database, superuser) = filled_postgres().await;
    let (tenant, system) = (database.as_role("tenant").await, database.as_role("system").await);

    let set_role = tenant.execute_unprepared("SET ROLE lotline_system").await;
    let alter = tenant.execute_unprepared("ALTER TABLE users DISABLE ROW LEVEL SECURITY").await;
    let drop = tenant.execute_unprepared("DROP POLICY tenant_door ON users").await;
    let create = system.execute_unprepared("DROP TABLE users").await;
    let migrations = tenant.execute_unprepared("DELETE FROM seaql_migrations").await;

    assert!([set_role, alter, drop, create, migrations].iter().all(Result::is_err));
    assert_eq!(number(&system, "SELECT count(*) FROM users").await, 2);
    for connection in [tenant, system, superuser] {
        connection.close().await.unwrap();
    }
    database.remove().await;
}

#[tokio::test]
async fn serve_refuses_roles_that_would_bypass_row_level_security() {
    let database = TestDatabase::migrated().await;
    let serve = |tenant: &str, system: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = lotline(&["serve"]);
        let data = folder.path().join("data");
        command.env("LOTLINE__SERVER__BIND", "127.0.0.1:0").env("LOTLINE__SERVER__DATA_DIR", data);
        run(command.env("LOTLINE__DATABASE__URL", tenant).env("LOTLINE__DATABASE__SYSTEM_URL", system))
    };
    let url = |role| database.url(role).to_string();
    let superuser = database.superuser_url().to_string();

    for (tenant, system, words) in [
        (superuser.clone(), url("system"), "database.url"),
        (url("owner"), url("system"), "lotline_tenant"),
        (url("system"), url("system"), "lotline_tenant"),
        (url("tenant"), url("tenant"), "lotline_system"),
    ] {
        let ended = serve(&tenant, &system);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(words) && ended.stderr.lines().count() == 1, "{ended:?}");
    }
    database.remove().await;
}

#[tokio::test]
async fn on_sqlite_no_row_refers_to_another_tenants() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    let settings = lotline::storage::DatabaseSettings::Sqlite { path: path.clone() };
    lotline::storage::migrate_up(&settings).await.unwrap();
    let connection = open_sqlite(&path).await;
    connection.execute_unprepared("PRAGMA foreign_keys = on").await.unwrap();
    fill(&connection, 1).await;
    fill(&connection, 2).await;

    no_reference_crosses(&connection, &references(&connection).await).await;

    connection.close().await.unwrap();
}

#[tokio::test]
async fn on_postgres_no_row_refers_to_another_tenants() {
    let (database, superuser) = filled_postgres().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lotline.db");
    lotline::storage::migrate_up(&lotline::storage::DatabaseSettings::Sqlite { path: path.clone() })
        .await
        .unwrap();
    // Both schemas have the same source, so SQLite's list of references is PostgreSQL's.
    let list = references(&open_sqlite(&path).await).await;

    no_reference_crosses(&superuser, &list).await;

    superuser.close().await.unwrap();
    database.remove().await;
}

/// References by table and column from a tenant's rows to others, except to the tenant itself.
async fn references(sqlite: &DatabaseConnection) -> BTreeSet<(String, String)> {
    let sql = "SELECT m.name, f.\"from\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f
               WHERE m.type = 'table' AND f.\"from\" NOT IN ('tenant_id', 'operator_id')";
    let text = |row: &sea_orm::QueryResult, at| row.try_get_by_index::<String>(at).unwrap();
    rows(sqlite, sql).await.iter().map(|row| (text(row, 0), text(row, 1))).collect()
}

async fn no_reference_crosses(connection: &DatabaseConnection, references: &BTreeSet<(String, String)>) {
    let tables = tables(connection).await;
    let kind = |table: &Table, column: &str| {
        table.columns.iter().find(|(name, _)| name == column).map(|(_, kind)| kind.clone()).unwrap()
    };
    for (name, column) in references {
        let table = tables.iter().find(|table| table.name == *name).unwrap();
        let other = value(column, &kind(table, column), 2);
        let sql = format!("UPDATE {name} SET {column} = {other} WHERE tenant_id = 1");
        let refused = connection.execute_unprepared(&sql).await;

        let words = refused.map(|_| ()).expect_err(&sql).to_string();
        assert!(words.to_lowercase().contains("foreign key"), "{sql}: {words}");
    }
    assert!(references.len() >= 12, "{references:?}");
}
