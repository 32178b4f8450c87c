//! Prices of currencies without two decimals (ISO 4217), which were stored in hundredths, are now stored in minor
//! units. The current price of a listing stays in hundredths, as for all currencies.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rescale(manager, [("*", 10, THOUSANDTHS), ("*", 100, TEN_THOUSANDTHS), ("/", 100, WHOLE)]).await
    }

    /// Decimals beyond the second are lost.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rescale(manager, [("/", 10, THOUSANDTHS), ("/", 100, TEN_THOUSANDTHS), ("*", 100, WHOLE)]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const THOUSANDTHS: &str = "'BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'";
const TEN_THOUSANDTHS: &str = "'CLF', 'UYW'";
const WHOLE: &str = "'UYI'";

const PRICES: [(&str, &[&str]); 2] =
    [("properties", &["list_price", "original_list_price", "close_price"]), ("price_history", &["price"])];

async fn rescale(manager: &SchemaManager<'_>, steps: [(&str, i64, &str); 3]) -> Result<(), DbErr> {
    for (table, columns) in PRICES {
        alter_row_security(manager, table, "NO FORCE").await?;
        for (operator, factor, currencies) in steps {
            let set: Vec<String> =
                columns.iter().map(|column| format!("{column} = {column} {operator} {factor}")).collect();
            let sql = format!("UPDATE {table} SET {} WHERE currency IN ({currencies})", set.join(", "));
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        alter_row_security(manager, table, "FORCE").await?;
    }
    Ok(())
}

/// Row security is forced on PostgreSQL, and has no policy for the owner, which sees the rows only while it is
/// lifted.
async fn alter_row_security(manager: &SchemaManager<'_>, table: &str, force: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        let sql = format!("ALTER TABLE {table} {force} ROW LEVEL SECURITY");
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}
