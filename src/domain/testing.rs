//! The fixture for tests of use cases: a store in a folder of its own, with a manual clock.

use std::time::Duration;

use chrono::DateTime;
use tempfile::TempDir;

use super::op::{Op, Origin, Services};
use crate::auth::key_scope::{KeyScope, Role};
use crate::auth::principal::{Principal, sample};
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::ids::{TenantId, UserId};
use crate::cluster::SharedState;
use crate::domain::ephemeral::EphemeralSettings;
use crate::storage::tenants::NewTenant;
use crate::storage::users::NewUser;
use crate::storage::{Database, DatabaseSettings, micros, tenants, users};

/// One node on a fresh store with one tenant.
pub(crate) struct World {
    pub(crate) services: Services,
    pub(crate) tenant: TenantId,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let mut world = Self::empty().await;
        world.tenant = add_tenant(&world.services, "acme").await;
        world
    }

    /// A node on a store that never had a tenant.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let clock = Clock::manual(DateTime::from_timestamp(1_764_000_000, 0).unwrap());
        Self {
            services: Services::new(
                db,
                clock,
                Entropy,
                SharedState::of_one_node(),
                EphemeralSettings::default(),
            ),
            tenant: TenantId(0),
            folder,
        }
    }

    /// A node that starts anew on the same store, as after a crash.
    pub(crate) async fn restarted(&self) -> Services {
        let db = open(&self.folder).await;
        Services::new(
            db,
            self.services.clock.clone(),
            Entropy,
            SharedState::of_one_node(),
            EphemeralSettings::default(),
        )
    }

    /// Everything that the store has on disk.
    pub(crate) fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// Another tenant of the same deployment.
    pub(crate) async fn another_tenant(&self) -> TenantId {
        add_tenant(&self.services, "other").await
    }

    /// An operation of a new user of the tenant.
    pub(crate) async fn user(&self, username: &str, role: Role) -> Op {
        let id = self.add_user(self.tenant, username, role).await;
        self.op(sample::user_of(self.tenant, id, role))
    }

    /// An operation of a new user's API key.
    pub(crate) async fn key(&self, maker: &str, scopes: &[KeyScope]) -> Op {
        self.key_in(self.tenant, maker, scopes).await
    }

    pub(crate) async fn key_in(&self, tenant: TenantId, maker: &str, scopes: &[KeyScope]) -> Op {
        let id = self.add_user(tenant, maker, Role::Member).await;
        self.op(sample::key_of(tenant, id, scopes))
    }

    pub(crate) async fn user_in(&self, tenant: TenantId, username: &str, role: Role) -> Op {
        let id = self.add_user(tenant, username, role).await;
        self.op(sample::user_of(tenant, id, role))
    }

    /// Advances the clock.
    pub(crate) fn advance_ms(&self, ms: u64) {
        self.services.clock.advance(Duration::from_millis(ms));
    }

    fn op(&self, principal: Principal) -> Op {
        Op::of_caller(&self.services, principal, Origin::default()).unwrap()
    }

    async fn add_user(&self, tenant: TenantId, username: &str, role: Role) -> UserId {
        let op = Op::of_system(&self.services, SystemReason::Bootstrap, tenant);
        let change = op.begin().await.unwrap();
        let new = NewUser {
            username,
            email: &format!("{username}@example.com"),
            display_name: None,
            role: role.name(),
            password_hash: None,
            now: micros(op.now()),
        };
        let user = users::insert(&change.tx, &new).await.unwrap();
        op.commit(change).await.unwrap();
        UserId(user.id)
    }
}

async fn open(folder: &TempDir) -> Database {
    let settings = DatabaseSettings::Sqlite { path: folder.path().join("test.db") };
    Database::open(&settings).await.unwrap()
}

async fn add_tenant(services: &Services, slug: &str) -> TenantId {
    let tx = services.db.system(SystemReason::Bootstrap).begin().await.unwrap();
    let new = NewTenant { slug, name: slug, log_epoch: 1, now: micros(services.clock.now()) };
    let tenant = tenants::insert(&tx, new).await.unwrap();
    tx.commit().await.unwrap();
    TenantId(tenant.id)
}
