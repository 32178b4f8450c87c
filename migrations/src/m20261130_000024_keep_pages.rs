//! The pages that the built-in crawler keeps, so that they can be read again without a request, and when the page was
//! fetched that a property was last written from.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Rows, Table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create(manager, TABLES).await?;
        // NULL: a worker wrote the property last, or a crawl from before this schema.
        dialect::run(manager, "ALTER TABLE properties ADD COLUMN read_at $time").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, "ALTER TABLE properties DROP COLUMN read_at").await?;
        dialect::drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[
    Table {
        name: "kept_pages",
        rows: Rows::OfTenant("tenant_id"),
        // The latest body of a URL. url: as the frontier has it; page_url: where the page was in the end, if elsewhere.
        // sha256 and body_bytes are of the body, stored_bytes of its compressed form, which the blob store has under the
        // tenant, sha256 and body_id. content: html, xml or json.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            url_hash text NOT NULL,
            url text NOT NULL,
            page_url text,
            spider_name text NOT NULL,
            content text NOT NULL,
            charset text,
            robots_tag text,
            sha256 text NOT NULL,
            body_id $uuid NOT NULL,
            stored_bytes $int NOT NULL,
            body_bytes $int NOT NULL,
            fetched_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, url_hash),
            UNIQUE (tenant_id, body_id)",
        indexes: &[
            // The oldest go first.
            "CREATE INDEX kept_pages_by_age ON kept_pages (tenant_id, fetched_at, id)",
            // The pages of a spider, to be read again.
            "CREATE INDEX kept_pages_of_spider ON kept_pages (tenant_id, spider_name, fetched_at, id)",
        ],
    },
    Table {
        name: "kept_page_totals",
        rows: Rows::OfTenant("tenant_id"),
        // The sum of stored_bytes over a tenant's kept pages, updated in the transactions that change one: its row
        // serialises jobs that keep pages of one tenant.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            bytes $int NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id)",
        indexes: &[],
    },
];
