//! Scoped transactions: a `TenantTx` reads and writes one tenant's rows only, a `SystemTx` sees all. The helpers here
//! add the tenant as a filter or a value; sea-orm's own finders are banned everywhere else (`clippy.toml`).
#![expect(clippy::disallowed_methods, reason = "the scoped helpers are built on the finders they replace")]

use std::panic::Location;

use sea_orm::sea_query::{IntoCondition, OnConflict};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, DatabaseTransaction, DbErr, DeleteMany, EntityTrait,
    IntoActiveModel, QueryFilter, Select, UpdateMany,
};

use super::database_identity::DatabaseIdentity;
use super::entity::TenantOwned;
use super::error::{Error, Result};
use super::held_tx::HeldTx;
use super::permits::TxPermit;
use super::store_telemetry::StoreTelemetry;
use crate::base::clock::Stopwatch;
use crate::base::ids::TenantId;
use crate::telemetry::open_transactions::OpenTransactionGuard;

/// A transaction that sees one tenant only. Dropping it without a commit rolls it back.
pub struct TenantTx {
    pub(super) tx: HeldTx,
    tenant_id: TenantId,
    identity: DatabaseIdentity,
    telemetry: StoreTelemetry,
    /// Set while it may write, so that one that stays open is noticed.
    open: Option<OpenTransactionGuard>,
}

impl TenantTx {
    pub(super) fn new(
        tx: DatabaseTransaction,
        tenant_id: TenantId,
        telemetry: StoreTelemetry,
        identity: DatabaseIdentity,
        permit: Option<TxPermit>,
    ) -> Self {
        Self { tx: HeldTx::new(tx, permit), tenant_id, identity, telemetry, open: None }
    }

    pub(super) fn watched(mut self, place: &'static Location<'static>) -> Self {
        self.open = Some(self.telemetry.writes.register(place));
        self
    }

    /// The tenant that the rows belong to.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// The epoch that a log stored with `epoch` has in this database.
    pub(super) fn epoch(&self, stored: i64) -> i64 {
        self.identity.epoch(stored)
    }

    /// Commits the changes: when this returns, they are on disk.
    pub async fn commit(self) -> Result<()> {
        commit(self.tx, &self.telemetry).await
    }

    pub(super) fn select<E: TenantOwned>(&self) -> Select<E> {
        E::find().filter(E::tenant_is(self.tenant_id.0))
    }

    pub(super) fn update<E: TenantOwned>(&self) -> UpdateMany<E> {
        E::update_many().filter(E::tenant_is(self.tenant_id.0))
    }

    pub(super) fn delete<E: TenantOwned>(&self, which: impl IntoCondition) -> DeleteMany<E> {
        E::delete_many().filter(E::tenant_is(self.tenant_id.0)).filter(which.into_condition())
    }

    /// Inserts a row as the tenant's own, whatever its tenant column holds.
    pub(super) async fn insert<A>(&self, mut row: A) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        A::Entity: TenantOwned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        row.set(A::Entity::tenant_column(), self.tenant_id.0.into());
        self.telemetry.record_outcome(row.insert(&self.tx).await.map_err(Error::from))
    }

    /// Inserts several rows in one statement, all as the tenant's own.
    pub(super) async fn insert_all<A>(&self, rows: Vec<A>) -> Result<()>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        A::Entity: TenantOwned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let stamped = rows.into_iter().map(|mut row| {
            row.set(A::Entity::tenant_column(), self.tenant_id.0.into());
            row
        });
        let inserted = A::Entity::insert_many(stamped).exec_without_returning(&self.tx).await;
        self.telemetry.record_outcome(inserted.map(|_| ()).map_err(Error::from))
    }

    /// Like [`TenantTx::insert_all`], and returns the rows as stored, in no order.
    pub(super) async fn insert_all_returning<A>(
        &self,
        rows: Vec<A>,
    ) -> Result<Vec<<A::Entity as EntityTrait>::Model>>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        A::Entity: TenantOwned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let stamped = rows.into_iter().map(|mut row| {
            row.set(A::Entity::tenant_column(), self.tenant_id.0.into());
            row
        });
        let inserted = A::Entity::insert_many(stamped).exec_with_returning(&self.tx).await;
        self.telemetry.record_outcome(inserted.map_err(Error::from))
    }

    /// Like [`TenantTx::insert_all_returning`], but skips rows with a unique key that is taken.
    pub(super) async fn insert_new<A>(&self, rows: Vec<A>) -> Result<Vec<<A::Entity as EntityTrait>::Model>>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        A::Entity: TenantOwned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let stamped = rows.into_iter().map(|mut row| {
            row.set(A::Entity::tenant_column(), self.tenant_id.0.into());
            row
        });
        let insert = A::Entity::insert_many(stamped).on_conflict(OnConflict::new().do_nothing().to_owned());
        match insert.exec_with_returning(&self.tx).await {
            Ok(new) => Ok(new),
            Err(DbErr::RecordNotInserted) => Ok(Vec::new()),
            Err(other) => self.telemetry.record_outcome(Err(other.into())),
        }
    }
}

/// A transaction that sees every tenant: login, key and ticket look-ups, head poll, sweeps.
pub struct SystemTx {
    pub(super) tx: HeldTx,
    gauges: StoreTelemetry,
    open: Option<OpenTransactionGuard>,
}

impl SystemTx {
    pub(super) fn new(tx: DatabaseTransaction, gauges: StoreTelemetry, permit: Option<TxPermit>) -> Self {
        Self { tx: HeldTx::new(tx, permit), gauges, open: None }
    }

    pub(super) fn watched(mut self, place: &'static Location<'static>) -> Self {
        self.open = Some(self.gauges.writes.register(place));
        self
    }

    /// Commits the changes: when this returns, they are on disk.
    pub async fn commit(self) -> Result<()> {
        commit(self.tx, &self.gauges).await
    }

    pub(super) fn select<E: EntityTrait>(&self) -> Select<E> {
        E::find()
    }

    pub(super) fn update<E: EntityTrait>(&self) -> UpdateMany<E> {
        E::update_many()
    }

    pub(super) fn delete<E: EntityTrait>(&self, which: impl IntoCondition) -> DeleteMany<E> {
        E::delete_many().filter(which.into_condition())
    }

    pub(super) async fn insert<A>(&self, row: A) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        self.gauges.record_outcome(row.insert(&self.tx).await.map_err(Error::from))
    }

    /// Inserts a row unless there is one with the same value in `key`, which is unique.
    pub(super) async fn insert_if_absent<A>(
        &self,
        row: A,
        key: <A::Entity as EntityTrait>::Column,
    ) -> Result<()>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
    {
        let unless = OnConflict::column(key).do_nothing().to_owned();
        let insert = A::Entity::insert(row).on_conflict(unless);
        match insert.exec_without_returning(&self.tx).await {
            Ok(_) | Err(DbErr::RecordNotInserted) => Ok(()),
            Err(other) => self.gauges.record_outcome(Err(other.into())),
        }
    }
}

/// Commits, and records how long that took.
async fn commit(tx: HeldTx, telemetry: &StoreTelemetry) -> Result<()> {
    let watch = Stopwatch::start();
    let committed = telemetry.record_outcome(tx.commit().await.map_err(Error::from));
    telemetry.metrics.commit_seconds.observe(watch.elapsed());
    committed
}
