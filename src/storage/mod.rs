//! Layer 3: the only SQL. It is reached through two pools: `tenant(&scope)` for one tenant's rows and
//! `system(reason)` for the few look-ups that must see across tenants. Nothing above this layer names a table, a
//! column or a connection.

mod atomic_file;
mod backup;
mod batched_delete;
mod bounded_rows;
mod database;
mod database_identity;
mod entity;
mod error;
mod export;
mod held_tx;
mod integrity;
mod permits;
mod postgres;
mod restore;
mod schema;
mod settings;
mod sqlite;
mod store_lock;
mod store_telemetry;
mod stored_time;
mod tx;

pub mod api_keys;
pub mod audit_log;
pub mod crawl_urls;
pub mod credential_lookup;
pub mod events;
pub mod executions;
pub mod idempotency_keys;
pub mod job_coverage;
pub mod job_items;
pub mod job_logs;
pub mod job_queue;
pub mod job_summaries;
pub mod jobs;
pub mod kept_pages;
pub mod messages;
pub mod notifications;
pub mod operators;
pub mod page_visits;
pub mod password_links;
pub mod platform_broadcasts;
pub mod platform_marks;
pub mod price_history;
pub mod properties;
pub mod property_addresses;
pub mod property_evidence;
pub mod property_search;
pub mod room_members;
pub mod room_reads;
pub mod rooms;
pub mod schedules;
pub mod sessions;
pub mod sign_in_addresses;
pub mod spiders;
pub mod tenant_removal;
pub mod tenants;
pub mod upload_attachments;
pub mod upload_totals;
pub mod uploads;
pub mod users;

pub use backup::backup_sqlite;
pub use bounded_rows::BoundedRows;
pub use database::{Database, LogReadPermit};
pub use error::{CopyError, Error, OpenError, Result};
pub use export::{ExportHead, Exported, export_tenant};
pub use integrity::{IntegrityReport, LogCounters, check_integrity};
pub use restore::{ActiveKey, ApiKeyPolicy, RestoreRequest, Restored, restore_sqlite};
pub use schema::{SchemaStatus, migrate_down, migrate_up, schema_status};
pub use settings::DatabaseSettings;
pub use store_lock::ServerLock;
pub(crate) use stored_time::micros;
pub use stored_time::time;
pub use tx::{SystemTx, TenantTx};

/// The tables with rows that belong to a tenant, each with its tenant column, as exports and removals use them.
pub fn tenant_tables() -> Vec<(&'static str, &'static str)> {
    entity::tenant_tables().into_iter().map(|table| (table.name, table.owner)).collect()
}
