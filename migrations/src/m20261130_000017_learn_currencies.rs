//! The currency of a price may be unknown. Listings get the fields of a lease, a range, rooms, text and media, and each
//! row says who writes it: the built-in crawler, or a worker. Dollars that the crawler assumed become unknown; what
//! workers wrote stays. Of API keys from before, `null` in a listing keeps its meaning: nothing.
//!
//! The log is not rewritten. The program before this migration cannot read the store.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let before = dangling(manager).await?;
        for (name, kind) in COLUMNS {
            dialect::run(manager, &format!("ALTER TABLE properties ADD COLUMN {name} {kind}")).await?;
        }
        // ignore or empty. Keys that are made from now on name theirs.
        let semantics = "ALTER TABLE api_keys ADD COLUMN null_semantics text NOT NULL DEFAULT 'ignore'";
        run(manager, semantics).await?;
        for table in PRICED {
            allow_unknown_currency(manager, table).await?;
        }
        force_row_security(manager, false).await?;
        for statement in [CRAWLED, UNKNOWN, UNKNOWN_HISTORY] {
            run(manager, statement).await?;
        }
        force_row_security(manager, true).await?;
        check_references(manager, before).await
    }

    /// A price without a currency is one in dollars again.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let before = dangling(manager).await?;
        force_row_security(manager, false).await?;
        for table in PRICED {
            require_currency(manager, table).await?;
        }
        force_row_security(manager, true).await?;
        run(manager, "ALTER TABLE api_keys DROP COLUMN null_semantics").await?;
        for (name, _) in COLUMNS {
            run(manager, &format!("ALTER TABLE properties DROP COLUMN {name}")).await?;
        }
        check_references(manager, before).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// The new columns of `properties`. list_price_low, list_price_high: minor units. media: JSON. writer: crawler or
/// worker.
const COLUMNS: [(&str, &str); 13] = [
    ("listing_type", "text"),
    ("rental_period", "text"),
    ("list_price_low", "$int"),
    ("list_price_high", "$int"),
    ("rooms_total", "$real"),
    ("parking_total", "$int"),
    ("energy_rating", "text"),
    ("tenure", "text"),
    ("description", "text"),
    ("media", "text"),
    ("list_office_name", "text"),
    ("list_agent_name", "text"),
    ("writer", "text NOT NULL DEFAULT 'worker'"),
];

/// The tables with a currency.
const PRICED: [&str; 2] = ["properties", "price_history"];

/// Rows that only jobs of built-in spiders reported. A row whose jobs are no longer stored counts as a worker's.
const CRAWLED: &str = "UPDATE properties SET writer = 'crawler'
    WHERE EXISTS (SELECT 1 FROM job_items i
        WHERE i.tenant_id = properties.tenant_id AND i.property_id = properties.id)
    AND NOT EXISTS (SELECT 1 FROM job_items i
        JOIN jobs j ON j.tenant_id = i.tenant_id AND j.id = i.job_id
        WHERE i.tenant_id = properties.tenant_id AND i.property_id = properties.id AND j.runner <> 'builtin')";

/// Dollars were assumed for every price of a page. Both have two decimals, so that the amounts stay.
const UNKNOWN: &str = "UPDATE properties SET currency = NULL WHERE writer = 'crawler' AND currency = 'USD'";
const UNKNOWN_HISTORY: &str = "UPDATE price_history SET currency = NULL WHERE currency = 'USD'
    AND EXISTS (SELECT 1 FROM properties p WHERE p.tenant_id = price_history.tenant_id
        AND p.id = price_history.property_id AND p.writer = 'crawler')";

async fn allow_unknown_currency(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    if is_postgres(manager) {
        return run(manager, &format!("ALTER TABLE {table} ALTER COLUMN currency DROP NOT NULL")).await;
    }
    replace_currency(manager, table, "text").await
}

async fn require_currency(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    if is_postgres(manager) {
        run(manager, &format!("UPDATE {table} SET currency = 'USD' WHERE currency IS NULL")).await?;
        return run(manager, &format!("ALTER TABLE {table} ALTER COLUMN currency SET NOT NULL")).await;
    }
    replace_currency(manager, table, "text NOT NULL DEFAULT 'USD'").await
}

/// SQLite cannot change a column. Copying the whole table would delete what refers to its rows, because references
/// are enforced and cannot be suspended inside a transaction; a column is replaced without that.
async fn replace_currency(manager: &SchemaManager<'_>, table: &str, kind: &str) -> Result<(), DbErr> {
    for statement in [
        format!("ALTER TABLE {table} ADD COLUMN new_currency {kind}"),
        format!("UPDATE {table} SET new_currency = currency WHERE currency IS NOT NULL"),
        format!("ALTER TABLE {table} DROP COLUMN currency"),
        format!("ALTER TABLE {table} RENAME COLUMN new_currency TO currency"),
    ] {
        run(manager, &statement).await?;
    }
    Ok(())
}

/// Rows of the changed tables, and of one that refers to them, that refer to nothing. A store may have some from before.
async fn dangling(manager: &SchemaManager<'_>) -> Result<i64, DbErr> {
    if is_postgres(manager) {
        return Ok(0);
    }
    let mut all = 0;
    for table in ["properties", "price_history", "job_items"] {
        let sql = format!("SELECT count(*) AS dangling FROM pragma_foreign_key_check('{table}')");
        let statement = Statement::from_string(manager.get_database_backend(), sql);
        let row = manager.get_connection().query_one_raw(statement).await?;
        all += row.map_or(Ok(0), |row| row.try_get::<i64>("", "dangling"))?;
    }
    Ok(all)
}

/// Fails if a change of a table has left a row that refers to nothing.
async fn check_references(manager: &SchemaManager<'_>, before: i64) -> Result<(), DbErr> {
    if dangling(manager).await? > before {
        return Err(DbErr::Migration(
            "a row of a changed table refers to one that does not exist".to_owned(),
        ));
    }
    Ok(())
}

/// Row security is forced on PostgreSQL, and has no policy for the owner, which sees the rows only while it is
/// lifted.
async fn force_row_security(manager: &SchemaManager<'_>, forced: bool) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let word = if forced { "FORCE" } else { "NO FORCE" };
    for table in ["properties", "price_history", "job_items", "jobs"] {
        run(manager, &format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY")).await?;
    }
    Ok(())
}

fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await?;
    Ok(())
}
