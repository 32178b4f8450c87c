//! `[telemetry]`: logging and metrics.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use tracing_subscriber::EnvFilter;

use crate::config::reader::ConfigReader;

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    pub log_format: LogFormat,
    /// Already parsed once as a filter without an error.
    pub log_filter: String,
    /// `None`: the watchdog is off.
    pub stall_limit: Option<Duration>,
    /// The most tenants with metrics of their own; `None`: that path is off.
    pub tenant_metrics: Option<usize>,
    /// The key that a metrics collector presents.
    pub metrics_key: Option<SecretString>,
    /// A listener for metrics only.
    pub metrics_bind: Option<SocketAddr>,
}

impl TelemetrySettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let filter = "a level (error, warn, info, debug, trace, off) or a filter such as lotline=debug,warn";
        Self {
            log_format: reader
                .text("telemetry.log_format", "pretty or json", log_format)
                .unwrap_or(LogFormat::Pretty),
            log_filter: reader.text("telemetry.log_filter", filter, log_filter).unwrap_or_default(),
            stall_limit: Some(reader.integer("telemetry.stall_seconds", 0..=3_600_u64))
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            tenant_metrics: Some(reader.integer("telemetry.tenant_metrics", 0..=1_000_u32))
                .filter(|most| *most > 0)
                .map(|most| most as usize),
            metrics_key: reader.secret("telemetry.metrics_key", "16 visible characters or more", metrics_key),
            metrics_bind: reader.optional_text(
                "telemetry.metrics_bind",
                "an address and a port, such as 127.0.0.1:9001",
                |text| text.parse().ok(),
            ),
        }
    }
}

/// The minimum length of the key; its characters must be visible ASCII to fit into a header.
const METRICS_KEY_MIN_CHARS: usize = 16;

fn metrics_key(text: &str) -> bool {
    text.len() >= METRICS_KEY_MIN_CHARS && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "pretty" => Some(LogFormat::Pretty),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn log_filter(text: &str) -> Option<String> {
    // The parser takes a single misspelt level for the name of a module, and would then log nothing at all.
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    let plain = |part: &str| part.contains(['=', '[', ':']) || levels.contains(&part.to_lowercase().as_str());
    let meant = text.split(',').all(|part| plain(part.trim()));
    (meant && EnvFilter::builder().parse(text).is_ok()).then(|| text.to_owned())
}
