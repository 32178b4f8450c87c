//! The tenant of the configuration is created only in a store that never had a tenant.

use lotline::auth::tenant_scope::SystemReason;
use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use lotline::base::ids::TenantId;
use lotline::cluster::SharedState;
use lotline::domain::ephemeral::EphemeralSettings;
use lotline::domain::identity::bootstrap;
use lotline::domain::op::Services;
use lotline::domain::tenant_removal::{RemovalProgress, delete_batch};
use lotline::storage::platform_marks::{self, PlatformMark};
use lotline::storage::{self, Database, DatabaseSettings};
use secrecy::SecretString;

use super::{PASSWORD, count, signs_in};
use crate::store::tables::{fill, open_sqlite};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const FIRST: &[Setting] = &[
    ("LOTLINE__BOOTSTRAP__TENANT", "first"),
    ("LOTLINE__BOOTSTRAP__USERNAME", "boss"),
    ("LOTLINE__BOOTSTRAP__PASSWORD", super::PASSWORD),
];

on_both_databases! {
    a_removed_last_tenant_does_not_come_back_with_its_admin with super::FIRST,
}

async fn a_removed_last_tenant_does_not_come_back_with_its_admin(app: &TestApp) {
    assert_eq!(signs_in(app, "first/boss", PASSWORD, "192.0.2.1").await.status, 200);
    let root = app.operator("root").await;
    for (slug, id) in [("first", 0), ("acme", app.acme.0), ("other", app.other.0)] {
        let id = if id > 0 { id } else { count(app, "SELECT id FROM tenants WHERE slug = 'first'").await };
        let gone = root.delete(&format!("/api/v1/tenants/{id}?confirm={slug}")).await;
        assert_eq!(gone.status, 202, "{gone:?}");
        while delete_batch(&app.services, TenantId(id)).await.unwrap() == RemovalProgress::InProgress {}
    }
    assert_eq!(count(app, "SELECT count(*) FROM tenants").await, 0);

    let secret = SecretString::from(PASSWORD);
    let again = bootstrap::first_start(&app.identity, "first", "boss", &secret).await.unwrap();

    assert!(again.is_none());
    assert_eq!(count(app, "SELECT count(*) FROM tenants").await, 0);
    assert_eq!(signs_in(app, "first/boss", PASSWORD, "192.0.2.1").await.status, 401);
}

/// Upgrades a store from before migration 13; returns whether it is marked as having had a tenant.
async fn is_first_tenant_recorded_after_upgrade(path: &std::path::Path, with_a_tenant: bool) -> bool {
    let settings = DatabaseSettings::Sqlite { path: path.to_owned() };
    storage::migrate_up(&settings).await.unwrap();
    let status = storage::schema_status(&settings).await.unwrap();
    let mark = status.iter().position(|(name, _)| name.contains("000013")).unwrap();
    storage::migrate_down(&settings, u32::try_from(status.len() - mark).unwrap()).await.unwrap();
    if with_a_tenant {
        let connection = open_sqlite(path).await;
        fill(&connection, 1).await;
        sea_orm::ConnectionTrait::execute_unprepared(&connection, "PRAGMA foreign_keys = OFF").await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&connection, "DELETE FROM tenants").await.unwrap();
        connection.close().await.unwrap();
    }
    let db = Database::open(&settings).await.unwrap();
    let services =
        Services::new(db, Clock::system(), Entropy, SharedState::of_one_node(), EphemeralSettings::default());
    let tx = services.db.system(SystemReason::Bootstrap).read().await.unwrap();
    platform_marks::is_set(&tx, PlatformMark::FirstTenant).await.unwrap()
}

#[tokio::test]
async fn an_upgrade_knows_that_there_was_a_tenant_though_none_is_left() {
    let folder = tempfile::tempdir().unwrap();

    let with = is_first_tenant_recorded_after_upgrade(&folder.path().join("with.db"), true).await;
    let without = is_first_tenant_recorded_after_upgrade(&folder.path().join("without.db"), false).await;

    assert!(with && !without);
}
