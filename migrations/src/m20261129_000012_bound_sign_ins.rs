//! Limits the sign-ins of an account: indexes for ending them in one statement, oldest first, and the addresses that
//! an account signed in from.

use sea_orm_migration::prelude::*;

use crate::dialect::{Rows, Table, create, drop};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, on) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("CREATE INDEX {name} ON {on}")).await?;
        }
        create(manager, TABLES).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await?;
        for (name, _) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const INDEXES: &[(&str, &str)] = &[
    (
        "sessions_standing_of_user",
        "sessions (tenant_id, user_id, last_used_at) WHERE revoked_at IS NULL AND user_id IS NOT NULL",
    ),
    (
        "sessions_standing_of_operator",
        "sessions (operator_id, last_used_at) WHERE revoked_at IS NULL AND operator_id IS NOT NULL",
    ),
    // For the sweep of ended sessions.
    ("sessions_by_revocation", "sessions (revoked_at) WHERE revoked_at IS NOT NULL"),
    ("api_keys_of_maker", "api_keys (tenant_id, made_by)"),
];

const TABLES: &[Table] = &[Table {
    name: "sign_in_addresses",
    rows: Rows::OfTenant("tenant_id"),
    // The account of a user has tenant_id and user_id, a platform account has operator_id. mark: a keyed fingerprint
    // of the account with the address, so that the store alone does not reveal the address.
    body: "id $id,
        tenant_id $int REFERENCES tenants (id),
        user_id $int,
        operator_id $int REFERENCES operators (id) ON DELETE CASCADE,
        mark text NOT NULL,
        used_at $time NOT NULL,
        UNIQUE (tenant_id, id),
        CHECK ((operator_id IS NULL) <> (user_id IS NULL)),
        CHECK ((tenant_id IS NULL) = (user_id IS NULL)),
        FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE",
    indexes: &[
        "CREATE INDEX sign_in_addresses_of_user ON sign_in_addresses (tenant_id, user_id)",
        "CREATE INDEX sign_in_addresses_of_operator ON sign_in_addresses (operator_id)
            WHERE operator_id IS NOT NULL",
    ],
}];
