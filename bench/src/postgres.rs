//! A database of its own on a PostgreSQL server, with an owner and a plain role, as in a deployment.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::Command;

use crate::Outcome;

/// Numbers the databases of this process.
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub struct Database {
    superuser: String,
    name: String,
    owner: String,
    server: String,
}

impl Database {
    pub async fn create(superuser: &str) -> Outcome<Self> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench_{}_{number}", std::process::id());
        let address = |role| as_role(superuser, role, &name).ok_or("--postgres is no postgres://… address");
        let (owner, server) = (address("owner")?, address("app")?);
        let database = Self { superuser: superuser.to_owned(), name, owner, server };
        database
            .sql(&format!("CREATE ROLE {0}_owner LOGIN CREATEROLE PASSWORD '{0}'", database.name))
            .await?;
        database.sql(&format!("CREATE ROLE {0}_app LOGIN PASSWORD '{0}'", database.name)).await?;
        database.sql(&format!("CREATE DATABASE {0} OWNER {0}_owner", database.name)).await?;
        Ok(database)
    }

    /// The environment variables of a server that uses it.
    pub fn environment(&self) -> [(String, String); 2] {
        [
            ("LOTLINE__DATABASE__URL".to_owned(), self.server.clone()),
            ("LOTLINE__DATABASE__MIGRATE_URL".to_owned(), self.owner.clone()),
        ]
    }

    /// Grants the server's role access; the migrations create the group roles.
    pub async fn grant(&self) -> Outcome<()> {
        self.sql(&format!("GRANT lotline_tenant, lotline_system TO {}_app", self.name)).await
    }

    pub async fn remove(self) -> Outcome<()> {
        self.sql(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await?;
        self.sql(&format!("DROP ROLE {}_app", self.name)).await?;
        // The first owner made the group roles; while they exist, it is their grantor and cannot be dropped.
        let _ = self.sql(&format!("DROP ROLE {}_owner", self.name)).await;
        Ok(())
    }

    async fn sql(&self, words: &str) -> Outcome<()> {
        let arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", words, &self.superuser];
        let ended = Command::new("psql").args(arguments).output().await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(format!("psql: {}", String::from_utf8_lossy(&ended.stderr).trim()).into())
    }
}

/// The address of `database` for its role, on the server that `superuser` names.
fn as_role(superuser: &str, role: &str, database: &str) -> Option<String> {
    let (scheme, rest) = superuser.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    (!host.is_empty()).then(|| format!("{scheme}://{database}_{role}:{database}@{host}/{database}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_reached_on_the_superusers_server() {
        let address = as_role("postgres://root:secret@db.example:5433/postgres", "app", "bench_1");

        assert_eq!(address.as_deref(), Some("postgres://bench_1_app:bench_1@db.example:5433/bench_1"));
    }

    #[test]
    fn an_address_without_a_host_is_refused() {
        assert_eq!(as_role("postgres:///postgres", "app", "bench_1"), None);
        assert_eq!(as_role("db.example", "app", "bench_1"), None);
    }
}
