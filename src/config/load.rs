//! Loads the configuration: every section is read, then the values are compared with each other.

use std::path::Path;

use super::cross_checks;
use super::error::ConfigError;
use super::layers::Layers;
use super::reader::ConfigReader;
use super::sections::auth::AuthSettings;
use super::sections::bootstrap::BootstrapSettings;
use super::sections::cluster::ClusterSettings;
use super::sections::cors::CorsSettings;
use super::sections::crawler::CrawlerSettings;
use super::sections::database::DatabaseSettings;
use super::sections::eventlog::EventLogSettings;
use super::sections::limits::LimitSettings;
use super::sections::rooms::RoomSettings;
use super::sections::server::ServerSettings;
use super::sections::telemetry::TelemetrySettings;
use super::sections::uploads::UploadSettings;
use super::settings::Settings;

impl Settings {
    /// Reads defaults, file and environment, or returns all errors in them.
    pub fn load(
        config_file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = ConfigReader::new(Layers::merge(config_file, env));
        // In the order of the default file, which is the order of `to_toml`.
        let mut settings = Self {
            server: ServerSettings::read(&mut reader),
            database: DatabaseSettings::read(&mut reader),
            cluster: ClusterSettings::read(&mut reader),
            auth: AuthSettings::read(&mut reader),
            cors: CorsSettings::read(&mut reader),
            limits: LimitSettings::read(&mut reader),
            eventlog: EventLogSettings::read(&mut reader),
            crawler: CrawlerSettings::read(&mut reader),
            rooms: RoomSettings::read(&mut reader),
            uploads: UploadSettings::read(&mut reader),
            telemetry: TelemetrySettings::read(&mut reader),
            bootstrap: BootstrapSettings::read(&mut reader),
            effective: Vec::new(),
        };
        cross_checks::check(&settings, &mut reader);
        settings.effective = reader.finish()?;
        Ok(settings)
    }
}
