//! The addresses at which properties were read, so that a home keeps its key under another address, and whether a
//! spider's jobs take the entries of list pages.

use sea_orm_migration::prelude::*;

use crate::dialect::{self, Rows, Table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::create(manager, TABLES).await?;
        let column = "ALTER TABLE spiders ADD COLUMN list_items $bool NOT NULL DEFAULT false";
        dialect::run(manager, column).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, "ALTER TABLE spiders DROP COLUMN list_items").await?;
        dialect::drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[Table {
    name: "property_addresses",
    rows: Rows::OfTenant("tenant_id"),
    // url_hash: the first 16 bytes of the SHA-256 of the normalised address, in hex. The built-in crawler writes a row
    // when it has read the property at that address; rows from before this schema have none.
    body: "id $id,
        tenant_id $int NOT NULL REFERENCES tenants (id),
        url_hash text NOT NULL,
        property_id $int NOT NULL,
        UNIQUE (tenant_id, id),
        UNIQUE (tenant_id, url_hash),
        FOREIGN KEY (tenant_id, property_id) REFERENCES properties (tenant_id, id) ON DELETE CASCADE",
    indexes: &["CREATE INDEX property_addresses_of_property ON property_addresses (tenant_id, property_id)"],
}];
