//! Schema migrations, one change per file, for both SQLite and PostgreSQL.
//!
//! Rules of every table: `id` plus `UNIQUE (tenant_id, id)`, which is the target of all foreign keys, so that a
//! reference across tenants cannot be stored; times are whole microseconds since the epoch in UTC; money is integer
//! minor units. On PostgreSQL row-level security is forced, with one policy for each role (see `dialect.rs`).

mod dialect;
mod m20261125_000001_add_people;
mod m20261125_000002_add_event_log;
mod m20261125_000003_add_jobs;
mod m20261125_000004_add_properties;
mod m20261125_000005_add_notifications;
mod m20261125_000006_add_crawl_frontier;
mod m20261125_000007_add_idempotency_keys;
mod m20261125_000008_add_rooms;
mod m20261125_000009_add_uploads;
mod m20261129_000011_add_job_losses;
mod m20261129_000012_bound_sign_ins;
mod m20261129_000013_mark_first_tenant;
mod m20261129_000014_add_subjects_and_senders;
mod m20261129_000015_fold_compared_keys;
mod m20261129_000016_scale_prices;
mod m20261130_000017_learn_currencies;
mod m20261130_000018_mark_filter_facts;
mod m20261130_000019_keep_addresses;
mod m20261130_000020_shape_spiders;
mod m20261130_000021_add_schedules;
mod m20261130_000022_rank_crawl_urls;
mod m20261130_000023_keep_visits;
mod m20261130_000024_keep_pages;
mod m20261130_000025_keep_coverage;

pub use sea_orm_migration;
use sea_orm_migration::prelude::*;

/// All migrations in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261125_000001_add_people::Migration),
            Box::new(m20261125_000002_add_event_log::Migration),
            Box::new(m20261125_000003_add_jobs::Migration),
            Box::new(m20261125_000004_add_properties::Migration),
            Box::new(m20261125_000005_add_notifications::Migration),
            Box::new(m20261125_000006_add_crawl_frontier::Migration),
            Box::new(m20261125_000007_add_idempotency_keys::Migration),
            Box::new(m20261125_000008_add_rooms::Migration),
            Box::new(m20261125_000009_add_uploads::Migration),
            Box::new(m20261129_000011_add_job_losses::Migration),
            Box::new(m20261129_000012_bound_sign_ins::Migration),
            Box::new(m20261129_000013_mark_first_tenant::Migration),
            Box::new(m20261129_000014_add_subjects_and_senders::Migration),
            Box::new(m20261129_000015_fold_compared_keys::Migration),
            Box::new(m20261129_000016_scale_prices::Migration),
            Box::new(m20261130_000017_learn_currencies::Migration),
            Box::new(m20261130_000018_mark_filter_facts::Migration),
            Box::new(m20261130_000019_keep_addresses::Migration),
            Box::new(m20261130_000020_shape_spiders::Migration),
            Box::new(m20261130_000021_add_schedules::Migration),
            Box::new(m20261130_000022_rank_crawl_urls::Migration),
            Box::new(m20261130_000023_keep_visits::Migration),
            Box::new(m20261130_000024_keep_pages::Migration),
            Box::new(m20261130_000025_keep_coverage::Migration),
        ]
    }
}
