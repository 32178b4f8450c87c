//! Tenants, users, operators, sessions, keys, links and the audit log.

use sea_orm_migration::prelude::*;

use crate::dialect::{Rows, Table, create, drop, ensure_roles};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ensure_roles(manager).await?;
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
        name: "tenants",
        rows: Rows::OfTenant("id"),
        // quotas: set by operators, as a JSON object of numbers by name; NULL: those of the configuration.
        // removal: the actor that requested its removal and the rows deleted since, as JSON; NULL: not requested.
        body: "id $id,
            slug text NOT NULL UNIQUE,
            name text NOT NULL,
            is_active $bool NOT NULL,
            quotas text,
            removal text,
            created_at $time NOT NULL,
            updated_at $time NOT NULL",
        // Polled every second.
        indexes: &["CREATE INDEX tenants_to_remove ON tenants (id) WHERE removal IS NOT NULL"],
    },
    Table {
        name: "operators",
        rows: Rows::Platform,
        body: "id $id,
            username text NOT NULL,
            username_key text NOT NULL UNIQUE,
            password_hash text NOT NULL,
            is_active $bool NOT NULL,
            created_at $time NOT NULL",
        indexes: &[],
    },
    Table {
        name: "users",
        rows: Rows::OfTenant("tenant_id"),
        // The …_key columns are the case-folded forms for uniqueness and look-ups. A row with deleted_at is kept,
        // without a name, for a removed user, because what they created still refers to it.
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            username text NOT NULL,
            username_key text NOT NULL,
            email text NOT NULL,
            email_key text NOT NULL,
            display_name text,
            avatar_url text,
            role text NOT NULL,
            password_hash text,
            is_active $bool NOT NULL,
            created_at $time NOT NULL,
            updated_at $time NOT NULL,
            deleted_at $time,
            UNIQUE (tenant_id, id),
            UNIQUE (tenant_id, username_key),
            UNIQUE (tenant_id, email_key)",
        indexes: &[],
    },
    Table {
        name: "sessions",
        rows: Rows::OfTenant("tenant_id"),
        // A user's session has tenant_id and user_id, a platform account's has operator_id.
        body: "id $uuid PRIMARY KEY,
            tenant_id $int REFERENCES tenants (id),
            user_id $int,
            operator_id $int REFERENCES operators (id) ON DELETE CASCADE,
            user_agent text,
            address text,
            created_at $time NOT NULL,
            last_used_at $time NOT NULL,
            expires_at $time NOT NULL,
            revoked_at $time,
            UNIQUE (tenant_id, id),
            CHECK ((operator_id IS NULL) <> (user_id IS NULL)),
            CHECK ((tenant_id IS NULL) = (user_id IS NULL)),
            FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE",
        indexes: &[
            "CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id)",
            // For the sweep of rows that expired long ago, here and below.
            "CREATE INDEX sessions_by_expiry ON sessions (expires_at)",
        ],
    },
    Table {
        name: "refresh_tokens",
        rows: Rows::OfTenant("tenant_id"),
        // Two references: the token of a platform account has no tenant, and then only the first is checked.
        body: "id $id,
            tenant_id $int REFERENCES tenants (id),
            session_id $uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            secret_hash text NOT NULL UNIQUE,
            created_at $time NOT NULL,
            expires_at $time NOT NULL,
            used_at $time,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE",
        indexes: &[
            "CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id)",
            "CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at)",
        ],
    },
    Table {
        name: "password_links",
        rows: Rows::OfTenant("tenant_id"),
        body: "id $id,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            user_id $int NOT NULL,
            secret_hash text NOT NULL UNIQUE,
            created_by $int,
            created_at $time NOT NULL,
            expires_at $time NOT NULL,
            used_at $time,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE",
        indexes: &[
            "CREATE INDEX password_links_of_user ON password_links (tenant_id, user_id)",
            "CREATE INDEX password_links_by_expiry ON password_links (expires_at)",
        ],
    },
    Table {
        name: "api_keys",
        rows: Rows::OfTenant("tenant_id"),
        body: "id $uuid PRIMARY KEY,
            tenant_id $int NOT NULL REFERENCES tenants (id),
            name text NOT NULL,
            secret_hash text NOT NULL,
            scopes text NOT NULL,
            made_by $int NOT NULL,
            created_at $time NOT NULL,
            expires_at $time,
            revoked_at $time,
            last_used_at $time,
            UNIQUE (tenant_id, id),
            FOREIGN KEY (tenant_id, made_by) REFERENCES users (tenant_id, id) ON DELETE CASCADE",
        indexes: &[],
    },
    Table {
        name: "audit_log",
        rows: Rows::OfTenant("tenant_id"),
        // No foreign keys but the tenant: an entry outlives its actor and target, and is removed with its tenant.
        // Platform entries have no tenant.
        body: "id $id,
            tenant_id $int REFERENCES tenants (id),
            at $time NOT NULL,
            actor_kind text NOT NULL,
            actor_id text,
            actor_name text,
            action text NOT NULL,
            target_kind text,
            target_id text,
            detail text,
            address text,
            request_id text,
            UNIQUE (tenant_id, id)",
        // For the sweep of old rows.
        indexes: &["CREATE INDEX audit_log_by_age ON audit_log (at)"],
    },
];
