//! What the built-in crawler keeps of the pages of homes, so that it asks for them conditionally, and where it read the
//! fields of each property.

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

const TABLES: &[Table] = &[
    Table {
        name: "page_visits",
        rows: Rows::OfTenant("tenant_id"),
        // One row a page of a home that was read and has a validator. url_hash: SHA-256 of the URL, in hex. read_scope:
        // the digest of all that decides what is taken of the page. links: JSON. read_at: when it was last read; an
        // answer that it is unchanged does not move it.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            url_hash text NOT NULL,
            url text NOT NULL,
            etag text,
            last_modified text,
            extractor_version $int NOT NULL,
            read_scope text NOT NULL,
            property_id $int NOT NULL,
            links text NOT NULL,
            read_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, url_hash),
            FOREIGN KEY (tenant_id, property_id) REFERENCES properties (tenant_id, id) ON DELETE CASCADE",
        indexes: &[
            "CREATE INDEX page_visits_of_property ON page_visits (tenant_id, property_id)",
            "CREATE INDEX page_visits_by_age ON page_visits (read_at)",
        ],
    },
    Table {
        name: "property_evidence",
        rows: Rows::OfTenant("tenant_id"),
        // evidence: JSON by field. read_at: when the crawler last read the property.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            property_id $int NOT NULL,
            evidence text NOT NULL,
            read_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, property_id),
            FOREIGN KEY (tenant_id, property_id) REFERENCES properties (tenant_id, id) ON DELETE CASCADE",
        indexes: &[],
    },
];
