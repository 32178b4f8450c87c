//! How much a page of the frontier is worth, so that the pages of homes are asked for before others.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in UP {
            dialect::run(manager, statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in DOWN {
            dialect::run(manager, statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

// worth: 0 the page of a home, 1 a list, 2 another page, 3 a list in another order or form. Rows of jobs that run while
// the schema changes are other pages: they keep their order.
const UP: [&str; 3] = [
    "ALTER TABLE crawl_urls ADD COLUMN worth $int NOT NULL DEFAULT 2",
    "DROP INDEX crawl_urls_to_fetch",
    "CREATE INDEX crawl_urls_to_fetch ON crawl_urls (tenant_id, job_id, state, worth, depth, id)",
];
const DOWN: [&str; 3] = [
    "DROP INDEX crawl_urls_to_fetch",
    "ALTER TABLE crawl_urls DROP COLUMN worth",
    "CREATE INDEX crawl_urls_to_fetch ON crawl_urls (tenant_id, job_id, state, depth, id)",
];
