//! Converts the configuration to the settings of each part.

use std::time::Duration;

use crate::auth::password::{Cost, PasswordSettings};
use crate::auth::token::mint::Lifetime;
use crate::config::{Settings, Store};
use crate::crawler::reader::{ReaderProgram, ReaderSettings};
use crate::crawler::settings::CrawlerSettings;
use crate::domain::ephemeral::EphemeralSettings;
use crate::domain::identity::IdentitySettings;
use crate::domain::jobs::settings::JobSettings;
use crate::domain::kept_pages::settings::KeptPageSettings;
use crate::domain::limits::LimitSettings;
use crate::domain::limits::quota::{Quota, Quotas};
use crate::domain::log_retention::LogRetention;
use crate::domain::row_retention::RowRetention;
use crate::domain::visits;
use crate::http::body::BodySettings;
use crate::http::serve::ServeSettings;
use crate::session::admission::AdmissionSettings;
use crate::session::connection_limits::ConnectionLimits;
use crate::session::settings::SessionSettings;
use crate::storage::DatabaseSettings;

/// Requests that are answered even when a node has no capacity left for others.
const PROBES: &[&str] = &["/livez", "/readyz"];
/// The longest silence of a stream before a keep-alive is sent (see `docs/protocol.md`).
const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);
/// The echo accepts what conformance tests send: 16 MiB.
const ECHO_BYTES: usize = 16 * 1024 * 1024 + 1024;

pub fn database(settings: &Settings) -> DatabaseSettings {
    match settings.store() {
        Store::Sqlite { path } => DatabaseSettings::Sqlite { path },
        Store::Postgres { url } => DatabaseSettings::Postgres {
            url,
            system_url: settings.database.system_url.clone(),
            migrate_url: settings.database.migrate_url.clone(),
            migrate: settings.database.migrate,
            max_connections: settings.database.max_connections,
            statement_time: settings.database.statement_timeout,
        },
    }
}

pub fn sessions(settings: &Settings) -> SessionSettings {
    let limits = &settings.limits;
    SessionSettings {
        connection_limits: ConnectionLimits {
            sockets: limits.sockets_per_user as usize,
            uploads: limits.upload_sockets_per_user as usize,
            streams: limits.streams_per_user as usize,
        },
        max_connections: settings.server.max_connections,
        max_per_address: limits.connections_per_address.map(|most| most as usize),
        max_subscriptions: limits.subscriptions_per_socket,
        queue_bytes: limits.queue_bytes,
        message_bytes: limits.message_bytes,
        echo_message_bytes: limits.message_bytes.max(ECHO_BYTES),
        messages_per_second: limits.messages_per_second,
        heartbeat: limits.heartbeat(),
        stream_heartbeat: STREAM_HEARTBEAT,
        reconnect_spread: settings.server.shutdown_grace().min(Duration::from_secs(10)),
        admission: AdmissionSettings {
            connects: limits.connects_in_flight,
            joins: limits.joins_in_flight,
            max_waiting: limits.connects_waiting,
        },
    }
}

/// The limits of callers, and of tenants unless operators have overridden them.
pub fn limits(settings: &Settings) -> LimitSettings {
    let limits = &settings.limits;
    let by_quota = [
        (Quota::Connections, limits.connections_per_tenant.map(u64::from)),
        (Quota::ConnectsPerSecond, limits.connects_per_tenant),
        (Quota::MessagesPerSecond, limits.messages_per_tenant),
        (Quota::BytesOutPerSecond, limits.bytes_out_per_tenant),
        (Quota::RequestsPerSecond, limits.requests_per_tenant),
        (Quota::HistoryEvents, Some(settings.eventlog.retention_events)),
        (Quota::UploadBytes, settings.uploads.tenant_bytes),
        (Quota::PendingJobs, limits.pending_jobs_per_tenant),
    ];
    let mut quotas = Quotas::default();
    by_quota.into_iter().for_each(|(quota, number)| quotas.set(quota, number));
    LimitSettings {
        requests_per_caller: limits.requests_per_user,
        requests_per_address: limits.requests_per_address,
        quotas,
    }
}

/// The settings of the job queue.
pub fn jobs(settings: &Settings) -> JobSettings {
    let limits = &settings.limits;
    JobSettings {
        retake: limits.retake_delay(),
        waiting_claims_per_key: limits.waiting_claims_per_key,
        waiting_claims_per_tenant: limits.waiting_claims_per_tenant,
    }
}

pub fn log_retention(settings: &Settings) -> LogRetention {
    let eventlog = &settings.eventlog;
    LogRetention {
        age: chrono::TimeDelta::from_std(eventlog.retention()).unwrap_or(chrono::TimeDelta::MAX),
        events: i64::try_from(eventlog.retention_events).unwrap_or(i64::MAX),
        bytes: eventlog.retention_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
    }
}

pub fn row_retention(settings: &Settings) -> RowRetention {
    let database = &settings.database;
    let days = |days: Option<u32>| days.map(|days| chrono::TimeDelta::days(i64::from(days)));
    RowRetention {
        audit_log: days(database.audit_log_days),
        notifications: days(database.notification_days),
        job_logs: days(database.job_log_days),
        finished_jobs: days(database.finished_job_days),
        page_visits: Some(visits::RETENTION),
    }
}

pub fn ephemeral(settings: &Settings) -> EphemeralSettings {
    let rooms = &settings.rooms;
    EphemeralSettings { create_on_join: rooms.create_on_join, presence_grace: rooms.presence_grace() }
}

pub fn serve(settings: &Settings) -> ServeSettings {
    let server = &settings.server;
    ServeSettings {
        header_timeout: server.header_timeout(),
        keep_alive: server.keep_alive(),
        body_timeout: server.body_timeout(),
        max_connections: server.max_connections,
        probes: PROBES,
        drain: server.shutdown_grace(),
        ..ServeSettings::default()
    }
}

pub fn bodies(settings: &Settings) -> BodySettings {
    BodySettings {
        body_bytes: settings.limits.body_bytes,
        batch_bytes: settings.limits.batch_bytes,
        in_flight_bytes: settings.limits.bodies_in_flight_bytes,
        read_timeout: settings.server.body_timeout(),
    }
}

pub fn passwords(settings: &Settings) -> PasswordSettings {
    let cost = Cost {
        memory_kib: settings.auth.password_memory_kib,
        passes: settings.auth.password_iterations,
        ..Cost::default()
    };
    PasswordSettings { cost, ..PasswordSettings::default() }
}

pub fn identity(settings: &Settings, address: std::net::SocketAddr) -> IdentitySettings {
    let auth = &settings.auth;
    let span = |duration: Duration| chrono::TimeDelta::from_std(duration).unwrap_or(chrono::TimeDelta::MAX);
    // Nothing is taken from a request's Host header, which any client can set.
    let bound = (!address.ip().is_unspecified()).then(|| format!("http://{address}"));
    IdentitySettings {
        // The configuration enforces the range of a lifetime.
        access_ttl: u32::try_from(auth.access_ttl_seconds)
            .ok()
            .and_then(Lifetime::from_secs)
            .unwrap_or(Lifetime::DEFAULT),
        refresh_ttl: span(auth.refresh_ttl()),
        password_link_ttl: span(auth.password_link_ttl()),
        registration: auth.registration,
        default_tenant: auth.default_tenant.clone(),
        sessions_per_account: u64::from(settings.limits.sessions_per_user),
        sign_ins_per_account: settings.limits.sign_ins_per_user,
        sign_ins_per_tenant: settings.limits.sign_ins_per_tenant,
        public_url: settings.server.public_url.clone().or(bound),
    }
}

/// The address in the AsyncAPI document. A node that is bound to all addresses has at least its loopback address.
pub fn advertised_url(settings: &Settings, bound: std::net::SocketAddr) -> String {
    let own = || {
        if bound.ip().is_unspecified() {
            return format!("http://localhost:{}", bound.port());
        }
        format!("http://{bound}")
    };
    settings.server.public_url.clone().unwrap_or_else(own)
}

/// How much of the crawler's pages is kept.
pub fn kept_pages(settings: &Settings) -> KeptPageSettings {
    KeptPageSettings { budget_bytes: settings.crawler.keep_pages_bytes() }
}

pub fn crawler(settings: &Settings, program: ReaderProgram) -> CrawlerSettings {
    let crawler = &settings.crawler;
    CrawlerSettings {
        user_agent: Some(crawler.user_agent.clone()).filter(|own| !own.is_empty()),
        max_pages: i64::from(crawler.max_pages),
        max_depth: i64::from(crawler.max_depth),
        job_time: crawler.job_timeout(),
        retries: crawler.retries,
        crawl_delay: crawler.crawl_delay(),
        requests_per_host_max: crawler.requests_per_host_max,
        connect_timeout: crawler.connect_timeout(),
        read_timeout: crawler.read_timeout(),
        total_timeout: crawler.total_timeout(),
        max_page_bytes: crawler.page_bytes,
        readers: ReaderSettings {
            program,
            readers: crawler.readers,
            memory_bytes: crawler.reader_memory_bytes(),
            page_time: crawler.reader_timeout(),
            pages_bytes: crawler.pages_bytes(),
            ..ReaderSettings::default()
        },
        allowed_private_hosts: crawler.allowed_private_hosts.clone(),
        ..CrawlerSettings::default()
    }
}
