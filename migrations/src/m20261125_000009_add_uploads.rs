//! Uploaded files: their metadata and progress, the quota in use by each tenant, and their attachments.

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
        name: "uploads",
        rows: Rows::OfTenant("tenant_id"),
        // state: receiving, complete, or removing while the bytes are deleted. stored, hash_state and progress belong
        // together: the bytes up to stored are on disk, hash_state covers exactly these, and progress is the store's
        // own state. writer: counts the connections that took over the file, so that an earlier one cannot continue.
        // reserved: the file's share of the tenant's quota.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            upload_id $uuid NOT NULL,
            user_id $int NOT NULL,
            filename text NOT NULL,
            declared_type text,
            declared_size $int,
            declared_sha256 text,
            content_type text,
            state text NOT NULL,
            stored $int NOT NULL,
            reserved $int NOT NULL,
            hash_state text,
            progress text,
            sha256 text,
            writer $int NOT NULL,
            created_at $time NOT NULL,
            updated_at $time NOT NULL,
            completed_at $time,
            expires_at $time,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, upload_id),
            FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)",
        indexes: &[
            // A user's own files, newest first.
            "CREATE INDEX uploads_by_user ON uploads (tenant_id, user_id, id)",
            // The sweep searches all tenants.
            "CREATE INDEX uploads_to_sweep ON uploads (expires_at) WHERE expires_at IS NOT NULL",
        ],
    },
    Table {
        name: "upload_totals",
        rows: Rows::OfTenant("tenant_id"),
        // The sum of reserved over a tenant's uploads, updated in the transactions that change one: its row
        // serialises uploads that race for the last of a quota.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            bytes $int NOT NULL,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id)",
        indexes: &[],
    },
    Table {
        name: "upload_attachments",
        rows: Rows::OfTenant("tenant_id"),
        // The message or job that a file is attached to. A reader of that may read the file.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            upload_id $int NOT NULL,
            message_id $int,
            room_id $int,
            job_id $int,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, upload_id) REFERENCES uploads (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, room_id) REFERENCES rooms (tenant_id, id) ON DELETE CASCADE,
            FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE",
        indexes: &[
            // The attachments of a file.
            "CREATE INDEX upload_attachments_of_upload ON upload_attachments (tenant_id, upload_id)",
            // The attachments of a message, when that is deleted.
            "CREATE INDEX upload_attachments_of_message ON upload_attachments (tenant_id, message_id)
                WHERE message_id IS NOT NULL",
            // The attachments of a job, when that is removed.
            "CREATE INDEX upload_attachments_of_job ON upload_attachments (tenant_id, job_id) WHERE job_id IS NOT NULL",
        ],
    },
];
