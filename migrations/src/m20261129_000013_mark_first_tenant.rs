//! Permanent facts of the whole store, such as that there was a tenant.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::dialect::{Rows, Table, create, drop};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, TABLES).await?;
        let connection = manager.get_connection();
        // The id counters also count removed tenants; rows behind row-level security are invisible to the owner.
        match manager.get_database_backend() {
            DbBackend::Postgres => {
                connection
                    .execute_unprepared("ALTER TABLE platform_marks NO FORCE ROW LEVEL SECURITY")
                    .await?;
                let sql = "INSERT INTO platform_marks (name, made_at)
                    SELECT 'first_tenant', 0 FROM pg_sequences
                    WHERE schemaname = current_schema() AND sequencename = 'tenants_id_seq'
                        AND last_value IS NOT NULL";
                connection.execute_unprepared(sql).await?;
                connection.execute_unprepared("ALTER TABLE platform_marks FORCE ROW LEVEL SECURITY").await?;
            }
            _ => {
                let sql = "INSERT INTO platform_marks (name, made_at)
                    SELECT 'first_tenant', 0 FROM sqlite_sequence WHERE name = 'tenants' AND seq > 0";
                connection.execute_unprepared(sql).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const TABLES: &[Table] = &[Table {
    name: "platform_marks",
    rows: Rows::Platform,
    body: "id $id,
        name text NOT NULL UNIQUE,
        made_at $time NOT NULL",
    indexes: &[],
}];
