//! The store and the identity alone, for subcommands that do not serve. Only a few of them create a store or keys: in
//! a wrong folder all others would succeed on an empty one.

use tokio_util::task::TaskTracker;

use super::error_line::ErrorLine;
use super::node::{IdentityContext, build_identity};
use super::signing_keys::MissingKeys;
use super::start_error::StartError;
use super::wiring as parts;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::cluster::SharedState;
use crate::config::{Settings, Store};
use crate::domain::ephemeral::EphemeralSettings;
use crate::domain::identity::Identity;
use crate::domain::op::Services;
use crate::storage::Database;

/// The identity on the existing store, for subcommands that neither sign nor verify a token.
pub(super) async fn command_identity(settings: &Settings) -> Result<Identity, ErrorLine> {
    existing(settings, MissingKeys::Temporary).await
}

/// The same with the server's keys, which must exist too.
pub(super) async fn signing_identity(settings: &Settings) -> Result<Identity, ErrorLine> {
    existing(settings, MissingKeys::Refuse).await
}

/// The same for the first subcommand of a deployment: a missing store is created, and so are missing keys.
pub(super) async fn first_identity(settings: &Settings) -> Result<Identity, ErrorLine> {
    open(settings, MissingKeys::Generate).await.map_err(|error| error.to_string())
}

/// Refuses where there is no SQLite store.
pub(super) fn require_store(settings: &Settings) -> Result<(), ErrorLine> {
    let Store::Sqlite { path } = settings.store() else { return Ok(()) };
    // A path that cannot be looked at is named by the attempt to open it.
    if path.try_exists().unwrap_or(true) {
        return Ok(());
    }
    Err(match settings.database.url {
        Some(_) => format!("there is no database {}; set database.url to the server's", path.display()),
        None => format!(
            "there is no database in {}; run this where the server's data folder is, or set server.data_dir",
            settings.server.data_dir.display()
        ),
    })
}

async fn existing(settings: &Settings, missing_keys: MissingKeys) -> Result<Identity, ErrorLine> {
    require_store(settings)?;
    let missing_keys = match settings.store() {
        Store::Sqlite { .. } => missing_keys,
        // Several machines may work on it, each with its own data folder.
        Store::Postgres { .. } => MissingKeys::Generate,
    };
    open(settings, missing_keys).await.map_err(|error| error.to_string())
}

async fn open(settings: &Settings, missing_keys: MissingKeys) -> Result<Identity, StartError> {
    let db = Database::open(&parts::database(settings)).await?;
    let shared = SharedState::of_one_node();
    let services = Services::new(db, Clock::system(), Entropy, shared, EphemeralSettings::default());
    let context = IdentityContext { work: &TaskTracker::new(), address: settings.server.bind, missing_keys };
    build_identity(settings, &services, context)
}
