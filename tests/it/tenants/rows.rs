//! A tenant with a row in every table, and all rows of a database as comparable texts.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use crate::store::tables::{Table, fill, rows, tables};

/// The id of the tenant that [`fill_tenant`] creates, and of each of its rows.
pub const NUMBER: u8 = 77;
/// Its slug.
pub const SLUG: &str = "text 77";

/// Creates a tenant with a row in every table.
pub async fn fill_tenant(connection: &DatabaseConnection) {
    fill(connection, NUMBER).await;
    // A filler value is meaningless where the program parses it.
    let sql = format!("UPDATE tenants SET removal = NULL, quotas = NULL WHERE id = {NUMBER}");
    connection.execute_unprepared(&sql).await.unwrap();
}

/// Every row of every table but those of one tenant.
pub async fn rows_of_others(
    connection: &DatabaseConnection,
    than: i64,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for table in tables(connection).await {
        let others = match table.owner() {
            Some(owner) => format!("WHERE {owner} IS NULL OR {owner} <> {than}"),
            None => String::new(),
        };
        found.insert(table.name.clone(), texts(connection, &table, &others).await);
    }
    found
}

/// The number of a tenant's rows in each table.
pub async fn counts_of(connection: &DatabaseConnection, tenant: i64) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for table in tables(connection).await {
        if let Some(owner) = table.owner() {
            let sql = format!("SELECT count(*) FROM {} WHERE {owner} = {tenant}", table.name);
            let count = crate::store::tables::number(connection, &sql).await;
            found.insert(table.name, count);
        }
    }
    found
}

async fn texts(connection: &DatabaseConnection, table: &Table, which: &str) -> BTreeSet<String> {
    let whole = match connection.get_database_backend() {
        DbBackend::Postgres => format!("{}::text", table.name),
        _ => {
            let columns: Vec<String> =
                table.columns.iter().map(|(name, _)| format!("quote({name})")).collect();
            columns.join(" || ',' || ")
        }
    };
    let sql = format!("SELECT {whole} FROM {} {which}", table.name);
    rows(connection, &sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
