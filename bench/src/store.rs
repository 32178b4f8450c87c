//! The store of one server: a data folder or a database of its own, and the subcommands on it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::Outcome;
use crate::postgres::Database;

/// The settings of every server: no limits that the load would reach, cheap passwords, and heartbeats so long that
/// sockets need not answer a ping during a measurement.
const COMMON: &[(&str, &str)] = &[
    ("LOTLINE__SERVER__BIND", "127.0.0.1:0"),
    ("LOTLINE__SERVER__MAX_CONNECTIONS", "100000"),
    ("LOTLINE__SERVER__SHUTDOWN_SECONDS", "5"),
    ("LOTLINE__AUTH__ACCESS_TTL_SECONDS", "86400"),
    ("LOTLINE__AUTH__PASSWORD_MEMORY_KIB", "64"),
    ("LOTLINE__AUTH__PASSWORD_ITERATIONS", "1"),
    ("LOTLINE__LIMITS__REQUESTS_PER_USER", "0"),
    ("LOTLINE__LIMITS__SOCKETS_PER_USER", "100000"),
    ("LOTLINE__LIMITS__STREAMS_PER_USER", "1000"),
    ("LOTLINE__LIMITS__CONNECTS_WAITING", "100000"),
    // The subscribers share the cores with the server: a saturated server must not close them as slow.
    ("LOTLINE__LIMITS__QUEUE_BYTES", "67108864"),
    ("LOTLINE__LIMITS__HEARTBEAT_SECONDS", "60"),
    ("LOTLINE__TELEMETRY__LOG_FILTER", "warn"),
];

pub struct Store {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    database: Option<Database>,
    _folder: TempDir,
}

impl Store {
    /// A fresh store for `binary`: on the PostgreSQL server of `superuser`, or on SQLite.
    pub async fn create(
        binary: &Path,
        superuser: Option<&str>,
        settings: &[(&str, String)],
    ) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut environment: Vec<(String, String)> = COMMON.iter().map(owned).collect();
        environment.push(("LOTLINE__SERVER__DATA_DIR".to_owned(), folder.path().display().to_string()));
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let database = match superuser {
            Some(superuser) => Some(Database::create(superuser).await?),
            None => None,
        };
        environment.extend(database.iter().flat_map(Database::environment));
        let store = Self { binary: binary.to_owned(), environment, database, _folder: folder };
        store.migrate().await?;
        Ok(store)
    }

    /// SQLite migrates itself.
    async fn migrate(&self) -> Outcome<()> {
        let Some(database) = &self.database else { return Ok(()) };
        self.subcommand(&["migrate", "up"], "").await?;
        database.grant().await
    }

    /// The program with the store's settings, and only the path from this process's environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env_clear().kill_on_drop(true);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a subcommand with `given` on its standard input; its output.
    pub async fn subcommand(&self, words: &[&str], given: &str) -> Outcome<String> {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // A subcommand that reads nothing may have ended already.
            let _ = input.write_all(given.as_bytes()).await;
        }
        let ended = child.wait_with_output().await?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("lotline {}: {}", words.join(" "), said.trim()).into());
        }
        Ok(String::from_utf8(ended.stdout)?.trim().to_owned())
    }

    pub async fn remove(self) -> Outcome<()> {
        match self.database {
            Some(database) => database.remove().await,
            None => Ok(()),
        }
    }
}
