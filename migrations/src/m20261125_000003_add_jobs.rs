//! Spiders, crawl jobs, their executions and their logs.

use sea_orm_migration::prelude::*;

use crate::dialect::{Rows, Table, create, drop};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[
    Table {
        name: "spiders",
        rows: Rows::OfTenant("tenant_id"),
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            name text NOT NULL,
            runner text NOT NULL,
            start_urls text NOT NULL,
            allowed_hosts text NOT NULL,
            created_at $time NOT NULL,
            updated_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, name)",
        indexes: &[],
    },
    Table {
        name: "jobs",
        rows: Rows::OfTenant("tenant_id"),
        // Progress and totals are those of the current execution. progress_pending: a report has arrived that no
        // event has published yet; a timer or the terminal report does. first_attempt: the attempt that a user
        // requested last; lost workers are counted from there. logs_trimmed: the last line of its log removed by
        // retention.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            spider_name text NOT NULL,
            runner text NOT NULL,
            target_urls text NOT NULL,
            settings text NOT NULL,
            tags text NOT NULL,
            status text NOT NULL,
            created_by $int NOT NULL,
            created_at $time NOT NULL,
            updated_at $time NOT NULL,
            started_at $time,
            finished_at $time,
            items_scraped $int NOT NULL,
            pages_crawled $int NOT NULL,
            finish_reason text,
            error text,
            stats text,
            execution_id $int,
            attempt $int NOT NULL,
            first_attempt $int NOT NULL,
            cancel_requested $bool NOT NULL,
            lease_hash text,
            lease_expires_at $time,
            progress_sequence $int NOT NULL,
            progress_pending $bool NOT NULL,
            progress_told_at $time,
            summary_told_at $time,
            summary_pending $int NOT NULL,
            summary_places text,
            logs_trimmed $int,
            attachments text,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)",
        indexes: &[
            // The list route, newest first, with its status filter.
            "CREATE INDEX jobs_by_status ON jobs (tenant_id, status, id)",
            // The same list by spider; whether a spider has jobs; its latest completed one.
            "CREATE INDEX jobs_by_spider ON jobs (tenant_id, spider_name, id)",
            // The lease sweep and the progress timer search all tenants.
            "CREATE INDEX jobs_by_lease ON jobs (lease_expires_at) WHERE lease_expires_at IS NOT NULL",
            "CREATE INDEX jobs_with_news ON jobs (id) WHERE progress_pending OR summary_pending > 0",
            // Claiming takes the oldest pending job of a runner.
            "CREATE INDEX jobs_to_claim ON jobs (runner, tenant_id, id)
                WHERE status = 'pending' AND lease_expires_at IS NULL",
            // The sweep of jobs that ended long ago.
            "CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL",
        ],
    },
    Table {
        name: "executions",
        rows: Rows::OfTenant("tenant_id"),
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            job_id $int NOT NULL,
            attempt $int NOT NULL,
            status text NOT NULL,
            worker text,
            queued_at $time NOT NULL,
            started_at $time,
            finished_at $time,
            items_scraped $int NOT NULL,
            pages_crawled $int NOT NULL,
            finish_reason text,
            error text,
            stats text,
            lease_hash text,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, job_id, attempt),
            FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE",
        indexes: &[],
    },
    Table {
        name: "job_logs",
        rows: Rows::OfTenant("tenant_id"),
        // at: according to the worker. stored_at: when it arrived, which determines its age.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            job_id $int NOT NULL,
            execution_id $int,
            level text NOT NULL,
            message text NOT NULL,
            at $time NOT NULL,
            stored_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE",
        indexes: &[
            "CREATE INDEX job_logs_of_job ON job_logs (tenant_id, job_id, id)",
            // For the sweep of old rows.
            "CREATE INDEX job_logs_by_age ON job_logs (stored_at)",
        ],
    },
];
