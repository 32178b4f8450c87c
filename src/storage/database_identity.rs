//! Detects a restored or replaced PostgreSQL database. PostgreSQL's tools restore rows, epochs included, without
//! notice to this program; they can't restore the identifiers that are read here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use sha2::{Digest, Sha256};
use sqlx::Row;

/// Epochs stay below 2^53, so that clients may read them as numbers.
const EPOCH_BITS: i64 = (1 << 53) - 1;

/// The identity of a database: the cluster (a copy by `pg_basebackup` has the same, hence the timeline, which a
/// recovery or a promotion changes), the database (`pg_restore` into another), and the table of events (`--clean`
/// restores over the same). The timeline is read from the name of the write-ahead log's file, which changes at once;
/// the control file has it only after the next checkpoint.
const IDENTITY_QUERY: &str = "SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
        CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())::text
             ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        to_regclass('events')::oid)";

/// The identity that was found last; changes when the server behind the address does.
#[derive(Clone, Default)]
pub struct DatabaseIdentity {
    hash: Arc<AtomicI64>,
}

impl DatabaseIdentity {
    /// A hash of this identity; 0 on SQLite, where `lotline restore` mints new epochs.
    pub fn hash(&self) -> i64 {
        self.hash.load(Ordering::Relaxed)
    }

    /// The epoch of a log that is stored with `epoch`, in a database of this identity.
    pub(super) fn epoch(&self, stored: i64) -> i64 {
        (stored ^ self.hash()) & EPOCH_BITS
    }

    /// Queries the identity again, on a connection that may have been open all the while.
    pub(super) async fn refresh(&self, connection: &DatabaseConnection) -> Result<(), DbErr> {
        let row =
            connection.query_one_raw(Statement::from_string(DbBackend::Postgres, IDENTITY_QUERY)).await?;
        let words: String =
            row.ok_or_else(|| DbErr::RecordNotFound("the history".to_owned()))?.try_get_by_index(0)?;
        self.hash.store(hash_of(&words), Ordering::Relaxed);
        Ok(())
    }

    /// Queries it on every new connection: a server that is replaced closes all the old ones.
    pub(super) fn refresh_on_connect(&self, options: &mut ConnectOptions) {
        let identity = self.clone();
        options.map_sqlx_postgres_pool_opts(move |pool| {
            let identity = identity.clone();
            pool.after_connect(move |connection, _| {
                let identity = identity.clone();
                Box::pin(async move {
                    let words: String =
                        sqlx::query(IDENTITY_QUERY).fetch_one(connection).await?.try_get(0)?;
                    identity.hash.store(hash_of(&words), Ordering::Relaxed);
                    Ok(())
                })
            })
        });
    }
}

fn hash_of(words: &str) -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Sha256::digest(words.as_bytes())[..8]);
    i64::from_le_bytes(bytes) & EPOCH_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_identity_has_another_epoch_and_the_same_one_the_same() {
        let here = DatabaseIdentity { hash: Arc::new(AtomicI64::new(hash_of("7/00000001/5/9"))) };
        let there = DatabaseIdentity { hash: Arc::new(AtomicI64::new(hash_of("7/00000002/5/9"))) };

        assert_eq!(here.epoch(42), here.epoch(42));
        assert_ne!(here.epoch(42), there.epoch(42));
        assert!((0..1 << 53).contains(&here.epoch(i64::MAX)));
        assert_eq!(DatabaseIdentity::default().epoch(42), 42);
    }
}
