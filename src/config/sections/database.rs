//! `[database]`: where data is stored, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::rules::zero_is_unlimited;
use crate::config::reader::ConfigReader;

/// The value of `database.url`.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(SecretString),
}

#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `None`: the file in the data folder, see [`crate::config::Settings::store`].
    pub url: Option<DatabaseUrl>,
    pub system_url: Option<SecretString>,
    pub migrate_url: Option<SecretString>,
    pub migrate: bool,
    pub max_connections: u32,
    /// `None`: no limit.
    pub statement_timeout: Option<Duration>,
    /// `None` in these four: kept for ever.
    pub audit_log_days: Option<u32>,
    pub notification_days: Option<u32>,
    pub job_log_days: Option<u32>,
    pub finished_job_days: Option<u32>,
}

impl DatabaseSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let either = "postgres://USER:PASSWORD@HOST/NAME or sqlite:PATH (without parameters)";
        let postgres_only = "postgres://USER:PASSWORD@HOST/NAME";
        Self {
            url: reader.connection("database.url", either, |text| sqlite(text).or_else(|| postgres(text))),
            system_url: reader.connection("database.system_url", postgres_only, secret_postgres),
            migrate_url: reader.connection("database.migrate_url", postgres_only, secret_postgres),
            migrate: reader.flag("database.migrate"),
            max_connections: reader.integer("database.max_connections", 2..=1_000),
            statement_timeout: zero_is_unlimited(reader.integer("database.statement_seconds", 0..=3_600))
                .map(Duration::from_secs),
            audit_log_days: zero_is_unlimited(reader.integer("database.audit_log_days", 0..=36_500)),
            notification_days: zero_is_unlimited(reader.integer("database.notification_days", 0..=36_500)),
            job_log_days: zero_is_unlimited(reader.integer("database.job_log_days", 0..=36_500)),
            finished_job_days: zero_is_unlimited(reader.integer("database.finished_job_days", 0..=36_500)),
        }
    }
}

/// `sqlite:PATH` or `sqlite://PATH`. An in-memory database cannot be shared between the writer and the readers, and
/// parameters could undo the promised durability, so both are refused.
fn sqlite(text: &str) -> Option<DatabaseUrl> {
    let rest = text.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let plain = !path.is_empty() && !path.contains(['?', '#', '\0']) && !path.contains(":memory:");
    plain.then(|| DatabaseUrl::Sqlite(PathBuf::from(path)))
}

fn postgres(text: &str) -> Option<DatabaseUrl> {
    secret_postgres(text).map(DatabaseUrl::Postgres)
}

fn secret_postgres(text: &str) -> Option<SecretString> {
    let url = url::Url::parse(text).ok()?;
    // Without `//` the text would parse as an opaque address, which no driver supports.
    let usable = matches!(url.scheme(), "postgres" | "postgresql") && !url.cannot_be_a_base();
    usable.then(|| SecretString::from(text))
}
