//! `[telemetry]`: what is logged and how it looks.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::config::form::Form;

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    pub log_format: LogFormat,
    /// Known to parse as a filter.
    pub log_filter: String,
    /// None: the watchdog is off.
    pub stall: Option<Duration>,
    /// Tenants with figures of their own; none: that path is off.
    pub tenant_metrics: Option<usize>,
}

impl TelemetrySettings {
    pub(in crate::config) fn read(form: &mut Form) -> Self {
        let filter = "a level (error, warn, info, debug, trace, off) or a filter such as lotline=debug,warn";
        Self {
            log_format: form
                .text("telemetry.log_format", "pretty or json", log_format)
                .unwrap_or(LogFormat::Pretty),
            log_filter: form.text("telemetry.log_filter", filter, log_filter).unwrap_or_default(),
            stall: Some(form.integer("telemetry.stall_seconds", 0..=3_600_u64))
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            tenant_metrics: Some(form.integer("telemetry.tenant_metrics", 0..=1_000_u32))
                .filter(|most| *most > 0)
                .map(|most| most as usize),
        }
    }
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "pretty" => Some(LogFormat::Pretty),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn log_filter(text: &str) -> Option<String> {
    // The parser takes a lone misspelt level for the name of a module, and would then log nothing at all.
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    let plain = |part: &str| part.contains(['=', '[', ':']) || levels.contains(&part.to_lowercase().as_str());
    let meant = text.split(',').all(|part| plain(part.trim()));
    (meant && EnvFilter::builder().parse(text).is_ok()).then(|| text.to_owned())
}
