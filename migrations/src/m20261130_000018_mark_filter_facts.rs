//! What the newer filters of properties compare: the case-folded type of a property, and for each log the last event
//! that was written without the facts of those filters.

use std::collections::BTreeMap;

use caseless::default_case_fold_str;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use unicode_normalization::UnicodeNormalization;

use crate::dialect::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // filter_facts_after: 0 for logs of tenants that are created later, whose events all have the facts.
        run(manager, "ALTER TABLE tenant_logs ADD COLUMN filter_facts_after $int NOT NULL DEFAULT 0").await?;
        // property_type_key: property_type, case-folded as city_key is.
        run(manager, "ALTER TABLE properties ADD COLUMN property_type_key text").await?;
        force_row_security(manager, "NO FORCE").await?;
        run(manager, "UPDATE tenant_logs SET filter_facts_after = head").await?;
        fold_types(manager).await?;
        force_row_security(manager, "FORCE").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, "ALTER TABLE properties DROP COLUMN property_type_key").await?;
        run(manager, "ALTER TABLE tenant_logs DROP COLUMN filter_facts_after").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Rows that are read at once.
const PAGE: u64 = 500;

/// Row security is forced on PostgreSQL, and has no policy for the owner, which sees the rows only while it is
/// lifted.
async fn force_row_security(manager: &SchemaManager<'_>, word: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        for table in ["tenant_logs", "properties"] {
            run(manager, &format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY")).await?;
        }
    }
    Ok(())
}

/// One statement for each type of a page: properties have few types.
async fn fold_types(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut after = 0;
    loop {
        let rows = fetch_page(manager, after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("", "id")?;
        let mut ids_of_keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            let (id, text): (i64, String) = (row.try_get("", "id")?, row.try_get("", "property_type")?);
            ids_of_keys.entry(folded(&text)).or_default().push(id.to_string());
        }
        for (key, ids) in ids_of_keys {
            let sql =
                format!("UPDATE properties SET property_type_key = $1 WHERE id IN ({})", ids.join(", "));
            let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, [key.into()]);
            manager.get_connection().execute_raw(statement).await?;
        }
    }
}

async fn fetch_page(manager: &SchemaManager<'_>, after: i64) -> Result<Vec<QueryResult>, DbErr> {
    let sql = format!(
        "SELECT id, property_type FROM properties WHERE id > $1 AND property_type IS NOT NULL \
         ORDER BY id LIMIT {PAGE}"
    );
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, [after.into()]);
    manager.get_connection().query_all_raw(statement).await
}

/// The normal form at the time of this migration; that of the server may change later.
fn folded(text: &str) -> String {
    let apart: String = text.trim().nfd().collect();
    default_case_fold_str(&apart).nfc().collect()
}
