//! The subject of a stored response, so that it is deleted with its subject, and the sender of a broadcast to all
//! tenants, for each tenant's audit log.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let int = if is_postgres { "bigint" } else { "INTEGER" };
        // subject: none for responses about nothing that can be deleted.
        run(manager, "ALTER TABLE idempotency_keys ADD COLUMN subject text").await?;
        run(manager, "CREATE INDEX idempotency_keys_by_subject ON idempotency_keys (tenant_id, subject)")
            .await?;
        // Both are NULL for broadcasts that were sent before, or by the system.
        run(manager, &format!("ALTER TABLE platform_broadcasts ADD COLUMN sent_by {int}")).await?;
        run(manager, "ALTER TABLE platform_broadcasts ADD COLUMN sender_name text").await?;
        if is_postgres {
            set_subjects_on_postgres(manager).await
        } else {
            set_subjects_on_sqlite(manager).await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, "DROP INDEX idempotency_keys_by_subject").await?;
        run(manager, "ALTER TABLE idempotency_keys DROP COLUMN subject").await?;
        run(manager, "ALTER TABLE platform_broadcasts DROP COLUMN sent_by").await?;
        run(manager, "ALTER TABLE platform_broadcasts DROP COLUMN sender_name").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Responses stored before: of messages and of uploads. Other responses begin differently.
const BEFORE: [(&str, &str, &[&str]); 2] = [
    ("message", r#"{"payload":{"text":"#, &["payload", "message_id"]),
    ("upload", r#"{"upload_id":"#, &["upload_id"]),
];

async fn set_subjects_on_sqlite(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for (kind, start, path) in BEFORE {
        let path = path.join(".");
        // An empty response is no JSON.
        let id = format!("CASE WHEN json_valid(answer) THEN json_extract(answer, '$.{path}') END");
        let sql =
            format!("UPDATE idempotency_keys SET subject = '{kind}:' || {id} WHERE answer LIKE '{start}%'");
        run(manager, &sql).await?;
    }
    Ok(())
}

async fn set_subjects_on_postgres(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Row security is forced, and has no policy for the owner: lifting it makes the rows visible for these
    // statements.
    run(manager, "ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY").await?;
    for (kind, start, path) in BEFORE {
        let path = path.join(",");
        // The planner may reorder the parts of a condition, but not those of a CASE.
        let id = format!("CASE WHEN answer LIKE '{start}%' THEN answer::json #>> '{{{path}}}' END");
        let sql =
            format!("UPDATE idempotency_keys SET subject = '{kind}:' || {id} WHERE answer LIKE '{start}%'");
        run(manager, &sql).await?;
    }
    run(manager, "ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY").await
}

async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await?;
    Ok(())
}
