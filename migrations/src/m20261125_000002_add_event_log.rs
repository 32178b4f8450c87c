//! The event log: one counter row per tenant, one row per event.

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
        name: "tenant_logs",
        rows: Rows::OfTenant("tenant_id"),
        // head: the last sequence number assigned; updated in the transaction that appends, so commit order is
        // sequence order. trimmed: the last sequence number removed by retention. bytes: of the stored events.
        body: "id $id,
            tenant_id $int NOT NULL UNIQUE REFERENCES tenants (id),
            epoch $int NOT NULL,
            head $int NOT NULL,
            trimmed $int NOT NULL,
            bytes $int NOT NULL,
            UNIQUE (tenant_id, id)",
        indexes: &[],
    },
    Table {
        name: "events",
        rows: Rows::OfTenant("tenant_id"),
        // body: the frame as JSON without position and time, which are added when it is sent.
        // routing: its audience and its feeds, as JSON. subject: the message that a chat event is about,
        // by which the event is found when the message is deleted. bytes: of body and routing when written; a text
        // that is redacted later does not change the log's count.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            seq $int NOT NULL,
            kind text NOT NULL,
            routing text NOT NULL,
            subject text,
            body text NOT NULL,
            bytes $int NOT NULL,
            occurred_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, seq)",
        indexes: &["CREATE INDEX events_by_subject ON events (tenant_id, subject) WHERE subject IS NOT NULL"],
    },
];
