//! Columns for executions that ended without a report: when a job may be claimed again, and which worker had it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::dialect::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run_all(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        if postgres {
            // Forced row-level security would hide every row from the tables' owner, too.
            run(manager, "ALTER TABLE crawl_urls NO FORCE ROW LEVEL SECURITY").await?;
        }
        run_all(manager, DOWN).await?;
        if postgres {
            run(manager, "ALTER TABLE crawl_urls FORCE ROW LEVEL SECURITY").await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

// not_before: set when a lease expired; the job cannot be claimed earlier. claimed_by: the node or the API key that
// claimed the job last; after a lost lease it waits a little longer than others. Older jobs have neither: they may be
// claimed at once, as before. New frontier states with this schema: taken (may be requested or being read), suspect
// (was in that state when a lease expired), alone (a suspect that is being tried), lost (the lease expired during
// that).
const UP: &[&str] = &[
    "ALTER TABLE jobs ADD COLUMN not_before $time",
    "ALTER TABLE jobs ADD COLUMN claimed_by text",
    // A node searches all tenants for jobs at the end of their pause; the index has only jobs that lost a worker.
    "CREATE INDEX jobs_to_retake ON jobs (not_before) WHERE not_before IS NOT NULL",
];

// An older program knows only queued and finished pages.
const DOWN: &[&str] = &[
    "UPDATE crawl_urls SET state = 'queued' WHERE state IN ('taken', 'suspect', 'alone')",
    "UPDATE crawl_urls SET state = 'failed' WHERE state = 'lost'",
    "DROP INDEX jobs_to_retake",
    "ALTER TABLE jobs DROP COLUMN claimed_by",
    "ALTER TABLE jobs DROP COLUMN not_before",
];

async fn run_all(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        run(manager, statement).await?;
    }
    Ok(())
}
