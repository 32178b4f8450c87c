//! How often the jobs of the built-in crawler read each field on the pages of a source.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Rows, Table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[Table {
    name: "job_coverage",
    rows: Rows::OfTenant("tenant_id"),
    // One row a job and source. pages: pages of homes that were read. fields: JSON, the number of those pages by field.
    // low: JSON, the fields that fell below half of their median, with that median; they stay until they recover. job_id
    // refers to nothing: the series outlives the retention of jobs.
    body: "id $id,
        tenant_id $int NOT NULL REFERENCES tenants (id),
        spider_name text NOT NULL,
        source text NOT NULL,
        job_id $int NOT NULL,
        pages $int NOT NULL,
        fields text NOT NULL,
        low text,
        finished_at $time NOT NULL,
        UNIQUE (tenant_id, id)",
    indexes: &[
        "CREATE INDEX job_coverage_of_source ON job_coverage (tenant_id, spider_name, source, id)",
        "CREATE INDEX job_coverage_of_job ON job_coverage (tenant_id, job_id)",
    ],
}];
