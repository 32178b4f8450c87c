//! Responses stored under the idempotency keys of their requests, so that a retry gets the response and is not
//! executed again.

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
    name: "idempotency_keys",
    rows: Rows::OfTenant("tenant_id"),
    // tenant_id: none for operators, which have no tenant; the tenant role never sees those. digest: of the key with
    // its principal and route. fingerprint: keyed, so that it reveals nothing of a guessable body. answer: JSON.
    body: "id $id,
        tenant_id $int REFERENCES tenants (id),
        digest text NOT NULL UNIQUE,
        fingerprint text NOT NULL,
        answer text NOT NULL,
        created_at $time NOT NULL,
        expires_at $time NOT NULL,
        UNIQUE (tenant_id, id)",
    indexes: &["CREATE INDEX idempotency_keys_to_sweep ON idempotency_keys (expires_at)"],
}];
