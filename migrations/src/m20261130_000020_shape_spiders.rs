//! What shapes the crawls of a spider: its rules, its preset, and the headers of its requests, encrypted.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            dialect::run(manager, &format!("ALTER TABLE spiders ADD COLUMN {column} text")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS.iter().rev() {
            dialect::run(manager, &format!("ALTER TABLE spiders DROP COLUMN {column}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// rules: an object as JSON. preset: its name. header_names: a list as JSON, so that the names can be shown when the
/// key is lost. sealed_headers: names and values, encrypted with the node's seal key. Null: none.
const COLUMNS: [&str; 4] = ["rules", "preset", "header_names", "sealed_headers"];
