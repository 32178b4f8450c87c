//! Transactions with a border: a `TenantTx` reads and writes one tenant's rows only, a `SystemTx` sees all. The helpers
//! here add or stamp the tenant; sea-orm's own finders are banned everywhere else (`clippy.toml`).
#![expect(clippy::disallowed_methods, reason = "the scoped helpers are built on the finders they replace")]

use sea_orm::sea_query::{IntoCondition, OnConflict};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, DatabaseTransaction, DbErr, DeleteMany, EntityTrait,
    IntoActiveModel, QueryFilter, Select, UpdateMany,
};

use super::entity::TenantOwned;
use super::error::Result;
use crate::base::ids::TenantId;

/// A transaction in which only one tenant exists. Dropping it without a commit undoes it.
pub struct TenantTx {
    pub(super) tx: DatabaseTransaction,
    tenant_id: TenantId,
}

impl TenantTx {
    pub(super) fn new(tx: DatabaseTransaction, tenant_id: TenantId) -> Self {
        Self { tx, tenant_id }
    }

    /// Whose rows these are.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// Makes the changes last: when this returns, they are on disk.
    pub async fn commit(self) -> Result<()> {
        Ok(self.tx.commit().await?)
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

    /// Inserts a row as the tenant's own, whatever it says of its tenant.
    pub(super) async fn insert<A>(&self, mut row: A) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        A::Entity: TenantOwned,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        row.set(A::Entity::tenant_column(), self.tenant_id.0.into());
        Ok(row.insert(&self.tx).await?)
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
        A::Entity::insert_many(stamped).exec_without_returning(&self.tx).await?;
        Ok(())
    }

    /// Like [`TenantTx::insert_all`], and gives the rows as stored, in no order.
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
        Ok(A::Entity::insert_many(stamped).exec_with_returning(&self.tx).await?)
    }

    /// Like [`TenantTx::insert_all_returning`], but passes over rows whose unique key is taken.
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
            Err(other) => Err(other.into()),
        }
    }
}

/// A transaction that sees every tenant: login, key and ticket look-ups, head poll, sweeps.
pub struct SystemTx {
    pub(super) tx: DatabaseTransaction,
}

impl SystemTx {
    /// Makes the changes last: when this returns, they are on disk.
    pub async fn commit(self) -> Result<()> {
        Ok(self.tx.commit().await?)
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
        Ok(row.insert(&self.tx).await?)
    }
}
