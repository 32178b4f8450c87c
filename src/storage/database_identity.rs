//! Which history a PostgreSQL database has. Its own tools put rows back without a word to this program, epochs
//! included; what they cannot put back is where the rows are.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use sha2::{Digest, Sha256};
use sqlx::Row;

/// Epochs stay below 2^53 for clients that look.
const EPOCH_BITS: i64 = (1 << 53) - 1;

/// What tells one history from another: the cluster (`pg_basebackup` onto a new one is not told apart by it, hence
/// the timeline, which a recovery or a promotion ends), the database (`pg_restore` into another), and the table of
/// events (`pg_restore --clean` over the same). A timeline is named by the write-ahead log's file, at once; the
/// control file knows of it only after the next checkpoint.
const IDENTITY_QUERY: &str = "SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
        CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())::text
             ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        to_regclass('events')::oid)";

/// The history that was found last; changes when the server behind the address does.
#[derive(Clone, Default)]
pub struct DatabaseIdentity {
    hash: Arc<AtomicI64>,
}

impl DatabaseIdentity {
    /// A number that stands for this history; 0 on SQLite, where `lotline restore` mints new epochs.
    pub fn hash(&self) -> i64 {
        self.hash.load(Ordering::Relaxed)
    }

    /// The epoch of a log that is stored with `epoch`, in this history.
    pub(super) fn epoch(&self, stored: i64) -> i64 {
        (stored ^ self.hash()) & EPOCH_BITS
    }

    /// Asks once more, on a connection that may have stood all the while.
    pub(super) async fn refresh(&self, connection: &DatabaseConnection) -> Result<(), DbErr> {
        let row =
            connection.query_one_raw(Statement::from_string(DbBackend::Postgres, IDENTITY_QUERY)).await?;
        let words: String =
            row.ok_or_else(|| DbErr::RecordNotFound("the history".to_owned()))?.try_get_by_index(0)?;
        self.hash.store(hash_of(&words), Ordering::Relaxed);
        Ok(())
    }

    /// Asks on every new connection: a server that was replaced has cut all the old ones.
    pub(super) fn refresh_on_connect(&self, options: &mut ConnectOptions) {
        let lineage = self.clone();
        options.map_sqlx_postgres_pool_opts(move |pool| {
            let lineage = lineage.clone();
            pool.after_connect(move |connection, _| {
                let lineage = lineage.clone();
                Box::pin(async move {
                    let words: String =
                        sqlx::query(IDENTITY_QUERY).fetch_one(connection).await?.try_get(0)?;
                    lineage.hash.store(hash_of(&words), Ordering::Relaxed);
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
