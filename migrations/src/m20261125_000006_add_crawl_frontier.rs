//! The built-in crawler's frontier, so that a killed crawl resumes.

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

const TABLES: &[Table] = &[Table {
    name: "crawl_urls",
    rows: Rows::OfTenant("tenant_id"),
    // A row exists until its job is finished. url_hash: SHA-256 of the url in hex; a url may be longer than an index
    // entry. state: queued, done, failed, skipped (never requested). items: number of listings read from the page.
    // known: the listings that had this page before the crawl, as JSON pairs of source and listing key.
    body: "id $id,
        tenant_id $int NOT NULL REFERENCES tenants (id),
        job_id $int NOT NULL,
        url text NOT NULL,
        url_hash text NOT NULL,
        depth $int NOT NULL,
        state text NOT NULL,
        attempts $int NOT NULL,
        items $int NOT NULL,
        outcome text,
        known text,
        UNIQUE (tenant_id, id),
        UNIQUE (tenant_id, job_id, url_hash),
        FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE",
    indexes: &["CREATE INDEX crawl_urls_to_fetch ON crawl_urls (tenant_id, job_id, state, depth, id)"],
}];
