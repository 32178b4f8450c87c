//! Layer 1: the configuration, read and validated completely before anything starts.

mod load;
mod settings;

mod error;
mod ignored_variables;
mod keys;
mod layers;
mod reader;
mod redact;
mod suggest;
mod table_reader;

mod cross_checks;
mod sections;

mod docs_table;
mod print;

pub mod network;

pub use docs_table::markdown_table;
pub use error::{ConfigError, format_errors};
pub use ignored_variables::ignored_variables;
pub use sections::auth::OwnAlgorithm;
pub use sections::auth::{AuthSettings, SigningSecret};
pub use sections::bootstrap::{BootstrapSettings, FirstAdmin};
pub use sections::cluster::ClusterSettings;
pub use sections::cors::CorsSettings;
pub use sections::crawler::CrawlerSettings;
pub use sections::database::{DatabaseSettings, DatabaseUrl};
pub use sections::eventlog::EventLogSettings;
pub use sections::issuers::{Algorithm, Issuer, IssuerKeySource, UserClaim};
pub use sections::limits::LimitSettings;
pub use sections::rooms::RoomSettings;
pub use sections::server::ServerSettings;
pub use sections::telemetry::{LogFormat, TelemetrySettings};
pub use sections::uploads::UploadSettings;
pub use settings::{Settings, Store};

#[cfg(test)]
mod tests;
