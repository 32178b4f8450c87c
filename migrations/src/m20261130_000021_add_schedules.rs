//! Schedules of spiders, and on each job whether a schedule made it and whether it has an owner.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Rows, Table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create(manager, TABLES).await?;
        // ownerless: the user that created_by refers to was removed or inactive when the schedule made the job.
        for column in ["scheduled", "ownerless"] {
            let add = format!("ALTER TABLE jobs ADD COLUMN {column} $bool NOT NULL DEFAULT false");
            dialect::run(manager, &add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["ownerless", "scheduled"] {
            dialect::run(manager, &format!("ALTER TABLE jobs DROP COLUMN {column}")).await?;
        }
        dialect::drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[Table {
    name: "schedules",
    rows: Rows::OfTenant("tenant_id"),
    // set_by: who set it, the owner of its jobs. next_run_at: with its jitter; a node claims the run by changing it in
    // the transaction that makes the job. last_job_id: refers to no row, because old jobs are removed. skipped_runs:
    // runs since the last one that found its job still at work. refused: the last run was refused and the admins were
    // notified.
    body: "id $id,
        tenant_id $int NOT NULL REFERENCES tenants (id),
        spider_name text NOT NULL,
        cron text NOT NULL,
        timezone text NOT NULL,
        jitter_seconds $int NOT NULL,
        set_by $int NOT NULL,
        next_run_at $time,
        last_run_at $time,
        last_job_id $int,
        skipped_runs $int NOT NULL,
        refused $bool NOT NULL,
        created_at $time NOT NULL,
        updated_at $time NOT NULL,
        UNIQUE (tenant_id, id),
        UNIQUE (tenant_id, spider_name),
        FOREIGN KEY (tenant_id, spider_name) REFERENCES spiders (tenant_id, name) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, set_by) REFERENCES users (tenant_id, id)",
    // The search for due runs of all tenants.
    indexes: &["CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL"],
}];
