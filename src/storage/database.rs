//! Opening the store and its two doors.

use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{
    AccessMode, ConnAcquireErr, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use secrecy::SecretString;

use super::error::{Error, OpenError, Result};
use super::lineage::Lineage;
use super::scope::{SystemTx, TenantTx};
use super::store_lock::StoreLock;
use super::{postgres, schema, sqlite};
use crate::auth::scope::{SystemReason, TenantScope};
use crate::base::clock::{Clock, Stopwatch};
use crate::base::ids::TenantId;
use crate::base::turns::{self, LineFull};
use crate::telemetry::metrics::{Direction, Metrics};
use crate::telemetry::writes::Writes;

/// Where the store is and who opens it.
#[derive(Clone, Debug)]
pub enum DatabaseSettings {
    /// One file, migrated at the start.
    Sqlite { path: PathBuf },
    /// `url` is the tenant door's role, `system_url` the system door's (the same role when absent), `migrate_url`
    /// the owner of the tables; `migrate`: bring the schema up at the start.
    Postgres {
        url: SecretString,
        system_url: Option<SecretString>,
        migrate_url: Option<SecretString>,
        migrate: bool,
        max_connections: u32,
        /// How long a statement of a tenant's reading transaction may take; `None`: for ever.
        statement_time: Option<Duration>,
    },
}

/// Transactions of one tenant that may wait for SQLite's writer; one more is refused as busy.
const MOST_WRITES_WAITING: usize = 256;
/// Transactions of one tenant that may wait for one of PostgreSQL's connections; one more is refused as busy.
const MOST_WAITING: usize = 4096;
/// How long a transaction waits for a connection of PostgreSQL's; the pool's own time begins after it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Replays of one tenant that may wait for a page; beyond it a connection is told to come back later.
const MOST_REPLAYS_WAITING: usize = 16_384;

/// Tenants take turns; `None` is the system's own line.
type Turns = turns::Turns<Option<TenantId>>;
pub(super) type Turn = turns::Turn<Option<TenantId>>;

/// The open store.
#[derive(Clone)]
pub struct Database {
    doors: Doors,
    transactions: Arc<AtomicU64>,
    gauges: Gauges,
    lineage: Lineage,
    replays: Turns,
}

/// The right to read a page of a log now; it ends when it is dropped.
pub struct ReplayTurn {
    _turn: Turn,
}

/// Where transactions are counted. The store is the first part of a node that is opened, so it brings the figures.
#[derive(Clone, Default)]
pub(super) struct Gauges {
    pub(super) metrics: Arc<Metrics>,
    pub(super) writes: Arc<Writes>,
}

#[derive(Clone)]
enum Doors {
    /// One writer, because SQLite has one; a second connection would only wait for it and time out.
    Sqlite {
        write: DatabaseConnection,
        read: DatabaseConnection,
        writers: Turns,
        readers: Turns,
        _open: Arc<StoreLock>,
    },
    /// Tenants take turns at the tenants' pool. The system's work takes them, too, where it uses that pool.
    Postgres {
        tenant: DatabaseConnection,
        system: DatabaseConnection,
        shared_role: bool,
        turns: Turns,
        statement_time: Option<Duration>,
    },
}

impl Database {
    /// Opens the store, brings the schema up where that is asked for, and refuses what would be unsafe.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        let lineage = Lineage::default();
        let replays_at_once = match settings {
            // One connection always stays for those who read something else.
            DatabaseSettings::Sqlite { .. } => sqlite::READERS as usize - 1,
            DatabaseSettings::Postgres { max_connections, .. } => (*max_connections as usize / 2).max(1),
        };
        let doors = match settings {
            DatabaseSettings::Sqlite { path } => {
                let open = StoreLock::share(path)?;
                let write = sqlite::open_writer(path).await?;
                schema::bring_up(&write).await?;
                let read = sqlite::open_readers(path).await?;
                Doors::Sqlite {
                    write,
                    read,
                    writers: Turns::new(1, MOST_WRITES_WAITING),
                    readers: Turns::shared(
                        sqlite::READERS as usize,
                        sqlite::READERS as usize - 1,
                        MOST_WAITING,
                    ),
                    _open: Arc::new(open),
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
                let tenant = postgres::connect_pool(url, *max_connections, &lineage).await?;
                schema::require_current(&tenant).await?;
                let system = match system_url {
                    Some(url) => postgres::connect_pool(url, (*max_connections / 2).max(2), &lineage).await?,
                    None => tenant.clone(),
                };
                let shared_role = system_url.is_none();
                postgres::check_roles(&tenant, &system, shared_role).await?;
                let turns = Turns::new(*max_connections as usize, MOST_WAITING);
                Doors::Postgres { tenant, system, shared_role, turns, statement_time: *statement_time }
            }
        };
        let replays = Turns::new(replays_at_once, MOST_REPLAYS_WAITING);
        Ok(Self { doors, transactions: Arc::default(), gauges: Gauges::default(), lineage, replays })
    }

    /// The tenant's door: transactions that see this tenant's rows only.
    pub fn tenant(&self, scope: &TenantScope) -> TenantDoor<'_> {
        TenantDoor { db: self, scope: *scope }
    }

    /// The system's door: transactions that see every tenant. The reason is for the reader of the calling line.
    pub fn system(&self, reason: SystemReason) -> SystemDoor<'_> {
        SystemDoor { db: self, _reason: reason }
    }

    /// Transactions that were begun since the start, for the metrics.
    pub fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// The doors, for a transaction that is counted.
    fn enter(&self) -> &Doors {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        &self.doors
    }

    /// The figures of the node that this store belongs to.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.gauges.metrics
    }

    /// The writing transactions that are open, and whether the disk takes them.
    pub fn writes(&self) -> &Arc<Writes> {
        &self.gauges.writes
    }

    /// A number that stands for the history that the rows are of: when it changes, the server was restored or
    /// replaced, and no position of before holds.
    pub fn history(&self) -> i64 {
        self.lineage.mark()
    }

    /// Asks PostgreSQL which history its rows are of now. Connections ask when they are made; a restore over the same
    /// tables cuts none of those that stand.
    pub async fn look_at_history(&self) -> Result<()> {
        match &self.doors {
            Doors::Sqlite { .. } => Ok(()),
            Doors::Postgres { system, .. } => Ok(self.lineage.ask(system).await?),
        }
    }

    /// Waits for the right to read a page of the tenant's log. So many replays read at once, and the tenants take turns:
    /// a storm of one tenant's readers leaves connections to everybody else.
    pub async fn replay_turn(&self, scope: &TenantScope) -> Result<ReplayTurn> {
        let turn = self.replays.wait(Some(scope.tenant_id())).await.map_err(|LineFull| Error::Busy)?;
        Ok(ReplayTurn { _turn: turn })
    }

    /// The same for the node itself, which delivers to every tenant: it stands in no tenant's line.
    pub async fn node_turn(&self) -> Result<ReplayTurn> {
        let turn = self.replays.wait(None).await.map_err(|LineFull| Error::Busy)?;
        Ok(ReplayTurn { _turn: turn })
    }

    /// How many wait for the one writer of SQLite, or for a connection of PostgreSQL's pool.
    pub fn changes_waiting(&self) -> usize {
        match &self.doors {
            Doors::Sqlite { writers, .. } => writers.waiting(),
            Doors::Postgres { turns, .. } => turns.waiting(),
        }
    }

    /// How many wait for such a right.
    pub fn replays_waiting(&self) -> usize {
        self.replays.waiting()
    }

    /// Which engine this is, in one word.
    pub fn engine(&self) -> &'static str {
        match self.doors {
            Doors::Sqlite { .. } => "sqlite",
            Doors::Postgres { .. } => "postgresql",
        }
    }

    /// Closes every connection; on SQLite this also folds the write-ahead log into the file.
    pub async fn close(self) -> Result<()> {
        match self.doors {
            Doors::Sqlite { write, read, .. } => {
                read.close().await?;
                write.close().await?;
            }
            Doors::Postgres { tenant, system, .. } => {
                tenant.close().await?;
                system.close().await?;
            }
        }
        Ok(())
    }
}

pub struct TenantDoor<'a> {
    db: &'a Database,
    scope: TenantScope,
}

impl<'a> TenantDoor<'a> {
    /// A transaction that may write. On SQLite it holds the one writer from its first moment.
    #[track_caller]
    pub fn begin(self) -> impl Future<Output = Result<TenantTx>> + Send + 'a {
        let place = Location::caller();
        async move {
            let tx = self.open(AccessMode::ReadWrite, Seen::AsItChanges).await?;
            Ok(tx.watched(place))
        }
    }

    /// A transaction that only reads.
    pub async fn read(self) -> Result<TenantTx> {
        self.open(AccessMode::ReadOnly, Seen::AsItChanges).await
    }

    /// A transaction that only reads, and sees everything as it was at its first statement.
    pub async fn snapshot(self) -> Result<TenantTx> {
        self.open(AccessMode::ReadOnly, Seen::AsOfItsBeginning).await
    }

    async fn open(self, mode: AccessMode, seen: Seen) -> Result<TenantTx> {
        let tenant_id = self.scope.tenant_id();
        let waited = Stopwatch::start();
        let (tx, turn) = match self.db.enter() {
            Doors::Sqlite { write, read, writers, readers, .. } => {
                let turn = sqlites_turn(writers, readers, Some(tenant_id), mode).await?;
                (sqlite_transaction(write, read, mode).await?, Some(turn))
            }
            Doors::Postgres { tenant, shared_role, turns, statement_time, .. } => {
                let turn = pools_turn(turns, Some(tenant_id)).await?;
                let tx = postgres_transaction(tenant, mode, seen).await?;
                let time = time_of(mode, seen, *statement_time);
                postgres::enter_tenant(&tx, tenant_id, *shared_role, time).await?;
                (tx, Some(turn))
            }
        };
        self.db.gauges.waited(mode, waited);
        let (gauges, lineage) = (self.db.gauges.clone(), self.db.lineage.clone());
        Ok(TenantTx::new(tx, tenant_id, gauges, lineage, turn))
    }
}

pub struct SystemDoor<'a> {
    db: &'a Database,
    _reason: SystemReason,
}

impl<'a> SystemDoor<'a> {
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
        let (tx, turn) = match self.db.enter() {
            Doors::Sqlite { write, read, writers, readers, .. } => {
                let turn = sqlites_turn(writers, readers, None, mode).await?;
                (sqlite_transaction(write, read, mode).await?, Some(turn))
            }
            Doors::Postgres { system, shared_role: true, turns, .. } => {
                let turn = pools_turn(turns, None).await?;
                let tx = postgres_transaction(system, mode, Seen::AsItChanges).await?;
                postgres::enter_system(&tx).await?;
                (tx, Some(turn))
            }
            Doors::Postgres { system, shared_role: false, .. } => {
                (postgres_transaction(system, mode, Seen::AsItChanges).await?, None)
            }
        };
        self.db.gauges.waited(mode, waited);
        Ok(SystemTx::new(tx, self.db.gauges.clone(), turn))
    }
}

impl Gauges {
    fn waited(&self, mode: AccessMode, since: Stopwatch) {
        let direction = match mode {
            AccessMode::ReadWrite => Direction::Write,
            AccessMode::ReadOnly => Direction::Read,
        };
        self.metrics.begin_seconds.of(direction).observe(since.elapsed());
    }

    /// Notes a write that failed for want of room, and hands the outcome on.
    pub(super) fn judged<T>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(Error::Full(_)) = &outcome {
            self.metrics.disk_full.one();
            self.writes.disk_is_full();
        }
        outcome
    }
}

/// A turn at the one writer, or at the readers, of which a tenant never has the last one: its searches delay another's
/// read by one of them.
async fn sqlites_turn(
    writers: &Turns,
    readers: &Turns,
    party: Option<TenantId>,
    mode: AccessMode,
) -> Result<Turn> {
    match mode {
        AccessMode::ReadOnly => pools_turn(readers, party).await,
        AccessMode::ReadWrite => writers.wait(party).await.map_err(|LineFull| Error::Busy),
    }
}

/// A turn at a pool, which alone would serve in the order of asking: a tenant that asks for a thousand
/// transactions would stand before everybody else.
async fn pools_turn(turns: &Turns, party: Option<TenantId>) -> Result<Turn> {
    let clock = Clock::system();
    tokio::select! {
        biased;
        turn = turns.wait(party) => turn.map_err(|LineFull| Error::Busy),
        () = clock.sleep(PATIENCE) => {
            Err(Error::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
        }
    }
}

async fn sqlite_transaction(
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

/// How long a statement of such a transaction may take. A change is bounded by its body and may wait for another's lock,
/// retention changes too, and a snapshot is what exports read: these have no longest time.
fn time_of(mode: AccessMode, seen: Seen, of_reading: Option<Duration>) -> Option<Duration> {
    match (mode, seen) {
        (AccessMode::ReadOnly, Seen::AsItChanges) => of_reading,
        (AccessMode::ReadOnly, Seen::AsOfItsBeginning) | (AccessMode::ReadWrite, _) => None,
    }
}

/// What a transaction sees of those that commit while it is open. On SQLite every transaction sees one moment.
#[derive(Clone, Copy)]
enum Seen {
    AsItChanges,
    AsOfItsBeginning,
}

async fn postgres_transaction(
    pool: &DatabaseConnection,
    mode: AccessMode,
    seen: Seen,
) -> Result<DatabaseTransaction> {
    let isolation_level = match seen {
        Seen::AsItChanges => None,
        Seen::AsOfItsBeginning => Some(IsolationLevel::RepeatableRead),
    };
    let options = TransactionOptions { access_mode: Some(mode), isolation_level, ..Default::default() };
    Ok(pool.begin_with_options(options).await?)
}
