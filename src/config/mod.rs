//! Floor 1: the configuration, read and validated whole before anything starts.

mod settings;

mod catalogue;
mod fault;
mod form;
mod layers;

mod contradictions;
mod sections;
mod spelling;

mod print;
mod reference;

pub mod network;

pub use fault::{Fault, report};
pub use reference::markdown_table;
pub use sections::auth::OwnAlgorithm;
pub use sections::auth::{AuthSettings, SigningKey};
pub use sections::bootstrap::{BootstrapSettings, FirstAdmin};
pub use sections::cluster::ClusterSettings;
pub use sections::cors::CorsSettings;
pub use sections::crawler::CrawlerSettings;
pub use sections::database::{DatabaseSettings, DatabaseUrl};
pub use sections::eventlog::EventLogSettings;
pub use sections::issuers::{Algorithm, Issuer, IssuerKeys, UserClaim};
pub use sections::limits::LimitSettings;
pub use sections::rooms::RoomSettings;
pub use sections::server::ServerSettings;
pub use sections::telemetry::{LogFormat, TelemetrySettings};
pub use sections::uploads::UploadSettings;
pub use settings::{Settings, Store};

#[cfg(test)]
mod tests;
