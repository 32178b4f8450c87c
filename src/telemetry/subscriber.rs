//! Installs the log: one line per event on standard error, as text or JSON, with a filter that can be changed while
//! the node runs.

use tracing::Subscriber;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use super::scrub::ScrubbingMakeWriter;
use crate::config::{LogFormat, TelemetrySettings};

/// Why the log could not be installed or changed.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter does not parse; a level or a filter such as lotline=debug,warn is accepted")]
    Filter(#[from] ParseError),
    #[error("the log is set up already")]
    Installed(#[from] TryInitError),
    #[error("the log is gone")]
    Gone(#[from] reload::Error),
}

/// Changes the log filter while the node runs. Clones change the same log.
#[derive(Clone, Debug)]
pub struct FilterHandle(reload::Handle<EnvFilter, Registry>);

impl FilterHandle {
    /// Logs by `filter` from now on; an invalid one leaves the old filter in place.
    pub fn set(&self, filter: &str) -> Result<(), TelemetryError> {
        Ok(self.0.reload(parse_filter(filter)?)?)
    }

    /// The current filter.
    pub fn current(&self) -> Result<String, TelemetryError> {
        Ok(self.0.with_current(ToString::to_string)?)
    }
}

/// The log target of the migration library, which logs each migration on every start; unless the filter names it,
/// only failures are logged. The name is written in two parts, because only `storage` may name that library.
const MIGRATOR: &str = concat!("sea", "_orm_migration");

fn parse_filter(filter: &str) -> Result<EnvFilter, ParseError> {
    let parsed = EnvFilter::builder().parse(filter)?;
    if filter.contains(MIGRATOR) {
        return Ok(parsed);
    }
    Ok(parsed.add_directive(format!("{MIGRATOR}=error").parse()?))
}

/// Installs the process's log, on standard error. Once per process: the tracing crates keep it in a global.
pub fn install(settings: &TelemetrySettings) -> Result<FilterHandle, TelemetryError> {
    let (subscriber, handle) = subscriber(settings, std::io::stderr)?;
    subscriber.try_init()?;
    Ok(handle)
}

/// A log that writes to `writer`, scrubbed, for callers that need one of their own.
pub fn subscriber<W>(
    settings: &TelemetrySettings,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, FilterHandle), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse_filter(&settings.log_filter)?);
    // No colours: their escapes would separate a name from its value, and the scrubber would not recognise it.
    let lines = fmt::layer().with_ansi(false).with_writer(ScrubbingMakeWriter(writer));
    let layer = match settings.log_format {
        LogFormat::Pretty => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    Ok((Registry::default().with(filter).with(layer), FilterHandle(handle)))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use http::Method;
    use parking_lot::Mutex;
    use secrecy::SecretString;
    use tracing::{debug, error, info, subscriber::with_default};

    use super::*;
    use crate::base::ids::{TenantId, UserId};
    use crate::telemetry::request::{RequestStart, record_caller, record_status, request_span};

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5LWNhbmFyeS1jYW5hcnk";
    const KEY: &str = "llk_0192f0c17a9b7c31a5d2e4f60718293a_Y2FuYXJ5LWNhbmFyeS1jYW5hcnk";

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log_format: LogFormat, log_filter: &str, act: impl FnOnce(&FilterHandle)) -> String {
        let page = LogBuffer::default();
        let settings = TelemetrySettings {
            log_format,
            log_filter: log_filter.to_owned(),
            stall_limit: None,
            tenant_metrics: None,
            metrics_key: None,
            metrics_bind: None,
        };
        let to = page.clone();
        let (subscriber, handle) = subscriber(&settings, move || to.clone()).unwrap();
        with_default(subscriber, || act(&handle));
        String::from_utf8(page.0.lock().clone()).unwrap()
    }

    fn leave_canaries_everywhere() {
        let target = format!("/ws?token={JWT}&ticket=canary-ticket&since=4");
        let traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let client = Some([192, 0, 2, 1].into());
        let start =
            RequestStart { method: &Method::GET, target: &target, request_id: "req-1", client, traceparent };
        let span = request_span(&start);
        record_caller(&span, Some(TenantId(3)), Some(UserId(7)));
        record_status(&span, 401);
        let _entered = span.entered();
        info!(token = "canary-field", "refused {JWT}");
        info!(key = KEY, authorization = "Bearer canary-bearer", "a field of its own");
        error!(body = %format!("{{\"password\": \"canary-password\"}}"), cause = ?format!("header {KEY}"), "nested");
        error!(secret = ?SecretString::from("canary-secrecy"), "link /setup#{KEY}");
        info!("two lines\n{JWT}");
    }

    #[test]
    fn canaries_left_in_messages_fields_and_spans_never_reach_the_log() {
        for format in [LogFormat::Pretty, LogFormat::Json] {
            let log = logged(format, "info", |_| leave_canaries_everywhere());

            assert!(!log.contains("canary"), "{log}");
            assert!(!log.contains("Y2FuYXJ5") && !log.contains("c2lnbm") && !log.contains("eyJ"), "{log}");
            assert_eq!(log.lines().count(), 5, "{log}");
            for told in ["req-1", "192.0.2.1", "4bf92f3577b34da6a3ce929d0e0e4736", "since=4", "401"] {
                assert!(log.lines().all(|line| line.contains(told)), "{told} in {log}");
            }
        }
    }

    #[test]
    fn a_json_log_stays_json_after_masking() {
        let log = logged(LogFormat::Json, "info", |_| leave_canaries_everywhere());

        for line in log.lines() {
            let event: serde_json::Value = serde_json::from_str(line).expect(line);
            assert_eq!(event["span"]["tenant.id"], 3);
            assert_eq!(event["span"]["user.id"], 7);
            assert_eq!(event["span"]["http.target"], "/ws?token=***&ticket=***&since=4");
        }
    }

    #[test]
    fn the_filter_can_be_changed_while_the_log_runs() {
        let log = logged(LogFormat::Pretty, "warn", |handle| {
            debug!("unheard");
            handle.set("debug").unwrap();
            debug!("heard");
            assert!(matches!(handle.set("lotline=loud"), Err(TelemetryError::Filter(_))));
            assert!(handle.current().unwrap().contains("debug"));
        });

        assert!(log.contains("heard") && !log.contains("unheard"), "{log}");
    }

    #[test]
    fn the_migrator_is_logged_only_when_named() {
        let says = |_: &FilterHandle| info!(target: MIGRATOR, "Applying all pending migrations");

        assert_eq!(logged(LogFormat::Pretty, "info", says), "");
        assert_eq!(logged(LogFormat::Pretty, "debug,lotline=trace", says), "");
        assert_ne!(logged(LogFormat::Pretty, &format!("warn,{MIGRATOR}=info"), says), "");
    }
}
