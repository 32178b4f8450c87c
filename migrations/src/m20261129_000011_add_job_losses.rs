//! What is known of executions that ended without word: when a job may be claimed again, and who held it.

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

// not_before: set when a lease ran out; no claim takes the job earlier. claimed_by: the node or the API key that took the
// job last; after a lost lease it waits a little longer than others. Jobs of before have neither: they may be claimed at
// once, as it was. Frontier states that are new with this schema: taken (may be on its way or being read), suspect (was
// so when a lease ran out), alone (a suspect that is being tried), lost (the lease ran out during that).
const UP: &[&str] = &[
    "ALTER TABLE jobs ADD COLUMN not_before $time",
    "ALTER TABLE jobs ADD COLUMN claimed_by text",
    // A node looks over all tenants for jobs whose pause ends; only jobs that lost a worker are in it.
    "CREATE INDEX jobs_to_retake ON jobs (not_before) WHERE not_before IS NOT NULL",
];

// An older program knows only pages that wait and pages that are settled.
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
