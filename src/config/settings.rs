//! The whole configuration as types; the node gets it in parts.

use std::path::PathBuf;

use secrecy::SecretString;

use super::print::{EffectiveValue, render};
use super::sections::auth::AuthSettings;
use super::sections::bootstrap::BootstrapSettings;
use super::sections::cluster::ClusterSettings;
use super::sections::cors::CorsSettings;
use super::sections::crawler::CrawlerSettings;
use super::sections::database::{DatabaseSettings, DatabaseUrl};
use super::sections::eventlog::EventLogSettings;
use super::sections::limits::LimitSettings;
use super::sections::rooms::RoomSettings;
use super::sections::server::ServerSettings;
use super::sections::telemetry::TelemetrySettings;
use super::sections::uploads::UploadSettings;

/// The configuration of a node. Its debug output shows no secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    pub server: ServerSettings,
    pub database: DatabaseSettings,
    pub cluster: ClusterSettings,
    pub auth: AuthSettings,
    pub cors: CorsSettings,
    pub limits: LimitSettings,
    pub eventlog: EventLogSettings,
    pub crawler: CrawlerSettings,
    pub rooms: RoomSettings,
    pub uploads: UploadSettings,
    pub telemetry: TelemetrySettings,
    pub bootstrap: BootstrapSettings,
    pub(super) effective: Vec<EffectiveValue>,
}

/// The effective store.
#[derive(Clone, Debug)]
pub enum Store {
    Sqlite { path: PathBuf },
    Postgres { url: SecretString },
}

impl Settings {
    /// The effective values, as TOML with secrets hidden and a note of each value's source.
    pub fn to_toml(&self) -> String {
        render(&self.effective)
    }

    /// The keys with a different value in `new`, in order.
    pub fn changed_keys(&self, new: &Self) -> Vec<&'static str> {
        let pairs = self.effective.iter().zip(&new.effective);
        let differs = |(old, new): &(&EffectiveValue, &EffectiveValue)| {
            old.value != new.value || (old.is_masked() && old.fingerprint != new.fingerprint)
        };
        pairs.filter(differs).map(|(old, _)| old.key).collect()
    }

    /// The keys that were read, in order.
    #[cfg(test)]
    pub(super) fn effective_keys(&self) -> impl Iterator<Item = &'static str> {
        self.effective.iter().map(|shown| shown.key)
    }

    /// The store: what `database.url` names, or the file in the data folder.
    pub fn store(&self) -> Store {
        match &self.database.url {
            Some(DatabaseUrl::Postgres(url)) => Store::Postgres { url: url.clone() },
            Some(DatabaseUrl::Sqlite(path)) => Store::Sqlite { path: path.clone() },
            None => Store::Sqlite { path: self.server.data_dir.join("lotline.db") },
        }
    }

    /// The folder of uploaded files.
    pub fn uploads_dir(&self) -> PathBuf {
        self.uploads.dir.clone().unwrap_or_else(|| self.server.data_dir.join("uploads"))
    }

    /// The folder of generated signing keys.
    pub fn keys_dir(&self) -> PathBuf {
        self.server.data_dir.join("keys")
    }
}
