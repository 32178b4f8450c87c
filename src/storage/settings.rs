//! What opens the store: its place and its roles.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Where the store is, and the roles that open it.
#[derive(Clone, Debug)]
pub enum DatabaseSettings {
    /// One file, migrated at the start.
    Sqlite { path: PathBuf },
    /// `url` is the tenant pool's role, `system_url` the system pool's (the same role when absent), `migrate_url` the
    /// owner of the tables; `migrate`: bring the schema up at the start.
    Postgres {
        url: SecretString,
        system_url: Option<SecretString>,
        migrate_url: Option<SecretString>,
        migrate: bool,
        max_connections: u32,
        /// Time limit of a statement in a tenant's read-only transaction; `None`: no limit.
        statement_time: Option<Duration>,
    },
}
