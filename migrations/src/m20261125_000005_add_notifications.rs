//! Stored notifications and the users that have read them.

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
        name: "notifications",
        rows: Rows::OfTenant("tenant_id"),
        // audience as on the wire: everyone, admins, role:R, user:ID. body: the frame that announced it.
        body: "id $uuid PRIMARY KEY,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            seq $int NOT NULL,
            kind text NOT NULL,
            audience text NOT NULL,
            body text NOT NULL,
            created_at $time NOT NULL,
            UNIQUE (tenant_id, id)",
        indexes: &[
            "CREATE INDEX notifications_in_order ON notifications (tenant_id, seq)",
            // For the sweep of old rows.
            "CREATE INDEX notifications_by_age ON notifications (created_at)",
        ],
    },
    Table {
        name: "notification_reads",
        rows: Rows::OfTenant("tenant_id"),
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            notification_id $uuid NOT NULL,
            user_id $int NOT NULL,
            read_at $time NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, notification_id, user_id),
            FOREIGN KEY (tenant_id, notification_id) REFERENCES notifications (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE",
        indexes: &[],
    },
    Table {
        name: "platform_broadcasts",
        rows: Rows::Platform,
        // after_tenant: all tenants up to this id have it; the next one is written next, also after a crash.
        body: "id $uuid PRIMARY KEY,
            message text NOT NULL,
            category text,
            start_time $time NOT NULL,
            created_at $time NOT NULL,
            after_tenant $int NOT NULL,
            finished_at $time",
        indexes: &["CREATE INDEX platform_broadcasts_to_send ON platform_broadcasts (created_at) \
            WHERE finished_at IS NULL"],
    },
];
