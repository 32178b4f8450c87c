//! Changes the configuration of a running node: on SIGHUP it is read again from the same sources. Either all of it is
//! valid and applied, or nothing changes. Connections are not affected.

use std::sync::Weak;

use super::signing_keys;
use crate::config::{ConfigError, Settings};
use crate::domain::identity::Identity;
use crate::http::client_ip::TrustedProxies;
use crate::http::web_origin::OriginPolicy;
use crate::telemetry::subscriber::FilterHandle;

/// The keys that are applied while the node runs.
const RELOADABLE_KEYS: [&str; 6] = [
    "telemetry.log_filter",
    "cors.allowed_origins",
    "server.trusted_proxies",
    "auth.keys",
    "auth.key_files",
    "auth.algorithm",
];

/// Reads the configuration again.
type LoadSettings = Box<dyn Fn() -> Result<Settings, Vec<ConfigError>> + Send + Sync>;

/// The source of a configuration, and the one that the node was started with.
pub struct Reload {
    load: LoadSettings,
    filter: FilterHandle,
    started: Settings,
}

/// The parts of a running node that can be reconfigured.
pub struct Reloadable {
    pub origins: OriginPolicy,
    pub proxies: TrustedProxies,
    /// Weak, so that it does not delay the node's end.
    pub identity: Weak<Identity>,
}

impl Reload {
    pub fn new(
        load: impl Fn() -> Result<Settings, Vec<ConfigError>> + Send + Sync + 'static,
        filter: FilterHandle,
        started: Settings,
    ) -> Self {
        Self { load: Box::new(load), filter, started }
    }

    /// Reads and applies the configuration; logs the result.
    pub fn apply(&self, parts: &Reloadable) {
        let settings = match (self.load)() {
            Ok(settings) => settings,
            Err(faults) => return log_refusal(faults.iter()),
        };
        if let Err(fault) = self.install(&settings, parts) {
            return log_refusal([fault].iter());
        }
        let waiting =
            self.started.changed_keys(&settings).into_iter().filter(|key| !RELOADABLE_KEYS.contains(key));
        let waiting: Vec<&str> = waiting.collect();
        if !waiting.is_empty() {
            tracing::warn!(keys = waiting.join(", "), "these keys have changed and need a restart");
        }
        tracing::info!("the configuration was read again and is in force");
    }

    /// Fallible steps come first, so that a configuration is never applied in part.
    fn install(&self, settings: &Settings, parts: &Reloadable) -> Result<(), String> {
        let identity = parts.identity.upgrade().ok_or("the node is shutting down")?;
        let ring = signing_keys::load_checked(settings, &identity).map_err(|error| error.to_string())?;
        self.filter.set(&settings.telemetry.log_filter).map_err(|error| error.to_string())?;
        signing_keys::install(ring, &identity);
        parts.origins.replace(&settings.cors.allowed_origins);
        parts.proxies.replace(&settings.server.trusted_proxies);
        Ok(())
    }
}

fn log_refusal<'f>(faults: impl Iterator<Item = &'f (impl std::fmt::Display + 'f)>) {
    for fault in faults {
        tracing::error!(%fault, "the configuration was not read again");
    }
    tracing::error!("the configuration in force stays as it was");
}
