//! Opening the store and its two pools.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, IsolationLevel, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use super::database_identity::DatabaseIdentity;
use super::error::{Error, OpenError, Result};
use super::permits::{
    MAX_WAITING, MAX_WRITES_WAITING, TxPermit, TxSemaphore, acquire_pool_permit, acquire_sqlite_permit,
};
use super::settings::DatabaseSettings;
use super::store_lock::StoreLock;
use super::store_telemetry::StoreTelemetry;
use super::tx::{SystemTx, TenantTx};
use super::{postgres, schema, sqlite};
use crate::auth::tenant_scope::{SystemReason, TenantScope};
use crate::base::clock::Stopwatch;
use crate::base::fair_semaphore::QueueFull;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::open_transactions::OpenTransactions;

/// Replays of one tenant that may wait to read a page; one more is refused as busy.
const MAX_REPLAYS_WAITING: usize = 16_384;

/// The open store.
#[derive(Clone)]
pub struct Database {
    pools: Pools,
    transactions: Arc<AtomicU64>,
    telemetry: StoreTelemetry,
    identity: DatabaseIdentity,
    replays: TxSemaphore,
}

/// The permit to read a page of a log; released when dropped.
pub struct LogReadPermit {
    _permit: TxPermit,
}

#[derive(Clone)]
enum Pools {
    /// One writer, because SQLite has one; a second connection would only wait for it and time out.
    Sqlite {
        write: DatabaseConnection,
        read: DatabaseConnection,
        writers: TxSemaphore,
        readers: TxSemaphore,
        _lock: Arc<StoreLock>,
    },
    /// The tenants' pool needs a permit, granted to tenants in turn; so does system work that uses that pool.
    Postgres {
        tenant: DatabaseConnection,
        system: DatabaseConnection,
        shared_role: bool,
        permits: TxSemaphore,
        statement_time: Option<Duration>,
    },
}

impl Database {
    /// Opens the store, brings the schema up where that is asked for, and refuses what would be unsafe.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        let identity = DatabaseIdentity::default();
        let replays_at_once = match settings {
            // One connection is always left for other reads.
            DatabaseSettings::Sqlite { .. } => sqlite::READERS as usize - 1,
            DatabaseSettings::Postgres { max_connections, .. } => (*max_connections as usize / 2).max(1),
        };
        let pools = match settings {
            DatabaseSettings::Sqlite { path } => {
                let open = StoreLock::shared(path)?;
                let write = sqlite::open_writer(path).await?;
                schema::bring_up(&write).await?;
                let read = sqlite::open_readers(path).await?;
                Pools::Sqlite {
                    write,
                    read,
                    writers: TxSemaphore::new(1, MAX_WRITES_WAITING),
                    readers: TxSemaphore::shared(
                        sqlite::READERS as usize,
                        sqlite::READERS as usize - 1,
                        MAX_WAITING,
                    ),
                    _lock: Arc::new(open),
                }
            }
            DatabaseSettings::Postgres {
                url,
                system_url,
                migrate_url,
                migrate,
                max_connections,
                statement_time,
            } => {
                if *migrate {
                    schema::migrate_up_postgres(migrate_url.as_ref().unwrap_or(url)).await?;
                }
                let tenant = postgres::connect_pool(url, *max_connections, &identity).await?;
                schema::require_current(&tenant).await?;
                let system = match system_url {
                    Some(url) => {
                        postgres::connect_pool(url, (*max_connections / 2).max(2), &identity).await?
                    }
                    None => tenant.clone(),
                };
                let shared_role = system_url.is_none();
                postgres::check_roles(&tenant, &system, shared_role).await?;
                let permits = TxSemaphore::new(*max_connections as usize, MAX_WAITING);
                Pools::Postgres { tenant, system, shared_role, permits, statement_time: *statement_time }
            }
        };
        let replays = TxSemaphore::new(replays_at_once, MAX_REPLAYS_WAITING);
        Ok(Self {
            pools,
            transactions: Arc::default(),
            telemetry: StoreTelemetry::default(),
            identity,
            replays,
        })
    }

    /// Transactions that see this tenant's rows only.
    pub fn tenant(&self, scope: &TenantScope) -> TenantPool<'_> {
        TenantPool { db: self, scope: *scope }
    }

    /// Transactions that see every tenant. The reason documents the call.
    pub fn system(&self, reason: SystemReason) -> SystemPool<'_> {
        SystemPool { db: self, _reason: reason }
    }

    /// Transactions begun since the start, for the metrics.
    pub fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// The pools; counts a transaction.
    fn counted_pools(&self) -> &Pools {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        &self.pools
    }

    /// The metrics of the node that this store belongs to.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.telemetry.metrics
    }

    /// The open writing transactions, and whether the disk accepts writes.
    pub fn writes(&self) -> &Arc<OpenTransactions> {
        &self.telemetry.writes
    }

    /// A number that identifies the database: when it changes, the server was restored or replaced, and earlier
    /// positions are invalid.
    pub fn identity_hash(&self) -> i64 {
        self.identity.hash()
    }

    /// Asks PostgreSQL for its identity again. Otherwise only new connections ask; a restore over the same tables
    /// closes no open connection.
    pub async fn refresh_identity(&self) -> Result<()> {
        match &self.pools {
            Pools::Sqlite { .. } => Ok(()),
            Pools::Postgres { system, .. } => Ok(self.identity.refresh(system).await?),
        }
    }

    /// Waits for a permit to read a page of the tenant's log. Concurrent replays are bounded and tenants are served
    /// in turn: many readers of one tenant leave connections to the others.
    pub async fn acquire_replay_permit(&self, scope: &TenantScope) -> Result<LogReadPermit> {
        let permit = self.replays.acquire(Some(scope.tenant_id())).await.map_err(|QueueFull| Error::Busy)?;
        Ok(LogReadPermit { _permit: permit })
    }

    /// The same for the node's own reads, which deliver to every tenant and have a queue of their own.
    pub async fn acquire_node_replay_permit(&self) -> Result<LogReadPermit> {
        let permit = self.replays.acquire(None).await.map_err(|QueueFull| Error::Busy)?;
        Ok(LogReadPermit { _permit: permit })
    }

    /// How many wait for the one writer of SQLite, or for a connection of PostgreSQL's pool.
    pub fn transactions_waiting(&self) -> usize {
        match &self.pools {
            Pools::Sqlite { writers, .. } => writers.waiting_count(),
            Pools::Postgres { permits, .. } => permits.waiting_count(),
        }
    }

    /// How many replays wait for a permit.
    pub fn replays_waiting(&self) -> usize {
        self.replays.waiting_count()
    }

    /// The engine's name.
    pub fn engine(&self) -> &'static str {
        match self.pools {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres { .. } => "postgresql",
        }
    }

    /// Closes every connection; on SQLite this also checkpoints the write-ahead log into the file.
    pub async fn close(self) -> Result<()> {
        match self.pools {
            Pools::Sqlite { write, read, .. } => {
                read.close().await?;
                write.close().await?;
            }
            Pools::Postgres { tenant, system, .. } => {
                tenant.close().await?;
                system.close().await?;
            }
        }
        Ok(())
    }
}

pub struct TenantPool<'a> {
    db: &'a Database,
    scope: TenantScope,
}

impl<'a> TenantPool<'a> {
    /// A transaction that may write. On SQLite it holds the one writer from the beginning.
    #[track_caller]
    pub fn begin(self) -> impl Future<Output = Result<TenantTx>> + Send + 'a {
        let place = Location::caller();
        async move {
            let tx = self.open(AccessMode::ReadWrite, Isolation::ReadCommitted).await?;
            Ok(tx.watched(place))
        }
    }

    /// A transaction that only reads.
    pub async fn read(self) -> Result<TenantTx> {
        self.open(AccessMode::ReadOnly, Isolation::ReadCommitted).await
    }

    /// A transaction that only reads, and sees everything as it was at its first statement.
    pub async fn snapshot(self) -> Result<TenantTx> {
        self.open(AccessMode::ReadOnly, Isolation::Snapshot).await
    }

    async fn open(self, mode: AccessMode, isolation: Isolation) -> Result<TenantTx> {
        let tenant_id = self.scope.tenant_id();
        let waited = Stopwatch::start();
        let (tx, permit) = match self.db.counted_pools() {
            Pools::Sqlite { write, read, writers, readers, .. } => {
                let permit = acquire_sqlite_permit(writers, readers, Some(tenant_id), mode).await?;
                (begin_sqlite(write, read, mode).await?, Some(permit))
            }
            Pools::Postgres { tenant, shared_role, permits, statement_time, .. } => {
                let permit = acquire_pool_permit(permits, Some(tenant_id)).await?;
                let tx = begin_postgres(tenant, mode, isolation).await?;
                let time = statement_timeout_for(mode, isolation, *statement_time);
                postgres::set_tenant(&tx, tenant_id, *shared_role, time).await?;
                (tx, Some(permit))
            }
        };
        self.db.telemetry.record_wait(mode, waited);
        let (gauges, identity) = (self.db.telemetry.clone(), self.db.identity.clone());
        Ok(TenantTx::new(tx, tenant_id, gauges, identity, permit))
    }
}

pub struct SystemPool<'a> {
    db: &'a Database,
    _reason: SystemReason,
}

impl<'a> SystemPool<'a> {
    /// A transaction that may write.
    #[track_caller]
    pub fn begin(self) -> impl Future<Output = Result<SystemTx>> + Send + 'a {
        let place = Location::caller();
        async move {
            let tx = self.open(AccessMode::ReadWrite).await?;
            Ok(tx.watched(place))
        }
    }

    /// A transaction that only reads.
    pub async fn read(self) -> Result<SystemTx> {
        self.open(AccessMode::ReadOnly).await
    }

    async fn open(self, mode: AccessMode) -> Result<SystemTx> {
        let waited = Stopwatch::start();
        let (tx, permit) = match self.db.counted_pools() {
            Pools::Sqlite { write, read, writers, readers, .. } => {
                let permit = acquire_sqlite_permit(writers, readers, None, mode).await?;
                (begin_sqlite(write, read, mode).await?, Some(permit))
            }
            Pools::Postgres { system, shared_role: true, permits, .. } => {
                let permit = acquire_pool_permit(permits, None).await?;
                let tx = begin_postgres(system, mode, Isolation::ReadCommitted).await?;
                postgres::set_system_role(&tx).await?;
                (tx, Some(permit))
            }
            Pools::Postgres { system, shared_role: false, .. } => {
                (begin_postgres(system, mode, Isolation::ReadCommitted).await?, None)
            }
        };
        self.db.telemetry.record_wait(mode, waited);
        Ok(SystemTx::new(tx, self.db.telemetry.clone(), permit))
    }
}

async fn begin_sqlite(
    write: &DatabaseConnection,
    read: &DatabaseConnection,
    mode: AccessMode,
) -> Result<DatabaseTransaction> {
    let (pool, lock) = match mode {
        // IMMEDIATE: a deferred transaction that upgrades half-way fails with "database is locked".
        AccessMode::ReadWrite => (write, SqliteTransactionMode::Immediate),
        AccessMode::ReadOnly => (read, SqliteTransactionMode::Deferred),
    };
    let options = TransactionOptions { sqlite_transaction_mode: Some(lock), ..Default::default() };
    Ok(pool.begin_with_options(options).await?)
}

/// The statement timeout of such a transaction. A change is bounded by its body and may wait for another's lock,
/// retention writes too, and exports read snapshots: these have no timeout.
fn statement_timeout_for(
    mode: AccessMode,
    isolation: Isolation,
    of_reading: Option<Duration>,
) -> Option<Duration> {
    match (mode, isolation) {
        (AccessMode::ReadOnly, Isolation::ReadCommitted) => of_reading,
        (AccessMode::ReadOnly, Isolation::Snapshot) | (AccessMode::ReadWrite, _) => None,
    }
}

/// What a transaction sees of others that commit while it is open. On SQLite every transaction is a snapshot.
#[derive(Clone, Copy)]
enum Isolation {
    ReadCommitted,
    Snapshot,
}

async fn begin_postgres(
    pool: &DatabaseConnection,
    mode: AccessMode,
    seen: Isolation,
) -> Result<DatabaseTransaction> {
    let isolation_level = match seen {
        Isolation::ReadCommitted => None,
        Isolation::Snapshot => Some(IsolationLevel::RepeatableRead),
    };
    let options = TransactionOptions { access_mode: Some(mode), isolation_level, ..Default::default() };
    Ok(pool.begin_with_options(options).await?)
}
