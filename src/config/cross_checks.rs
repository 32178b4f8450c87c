//! Checks across keys: values that are valid alone and invalid together.

use std::net::SocketAddr;

use super::reader::ConfigReader;
use super::sections::database::DatabaseUrl;
use super::settings::Settings;

/// Reports every contradicting pair, at the key that was changed.
pub(super) fn check(settings: &Settings, reader: &mut ConfigReader) {
    let crawler = &settings.crawler;
    let pairs = [
        (
            settings.limits.batch_bytes < settings.limits.body_bytes,
            ["limits.batch_bytes", "limits.body_bytes"],
            "limits.batch_bytes must not be less than limits.body_bytes",
        ),
        (
            settings.limits.bodies_in_flight_bytes / 4 < settings.limits.batch_bytes,
            ["limits.bodies_in_flight_bytes", "limits.batch_bytes"],
            "limits.bodies_in_flight_bytes must be four times limits.batch_bytes or more: a tenant may hold half of \
             them, and a batch takes its size twice",
        ),
        (
            settings.auth.refresh_ttl_seconds <= settings.auth.access_ttl_seconds,
            ["auth.refresh_ttl_seconds", "auth.access_ttl_seconds"],
            "auth.refresh_ttl_seconds must be more than auth.access_ttl_seconds",
        ),
        (
            crawler.total_timeout_seconds < crawler.connect_timeout_seconds,
            ["crawler.total_timeout_seconds", "crawler.connect_timeout_seconds"],
            "crawler.total_timeout_seconds must not be less than crawler.connect_timeout_seconds",
        ),
        (
            crawler.pages_bytes() < 2 * crawler.page_bytes as u64,
            ["crawler.pages_mb", "crawler.page_bytes"],
            "crawler.pages_mb must have room for two pages of crawler.page_bytes",
        ),
        (
            settings.uploads.tenant_bytes.is_some_and(|all| all < settings.uploads.max_bytes),
            ["uploads.tenant_bytes", "uploads.max_bytes"],
            "uploads.tenant_bytes must be 0 or no less than uploads.max_bytes",
        ),
    ];
    for (contradicts, keys, message) in pairs {
        if contradicts && reader.all_valid(&keys) {
            let key = reader.first_overridden(&keys).unwrap_or(keys[0]);
            reader.refuse(key, message);
        }
    }
    refuse_roles_without_postgres(settings, reader);
    refuse_incomplete_bucket(settings, reader);
    refuse_open_metrics(settings, reader);
    refuse_shared_address(settings, reader);
}

/// Metrics are served to the machine itself, or to clients with the key.
fn refuse_open_metrics(settings: &Settings, reader: &mut ConfigReader) {
    let (key, bind) = ("telemetry.metrics_key", "telemetry.metrics_bind");
    let telemetry = &settings.telemetry;
    let is_open = telemetry.metrics_bind.is_some_and(|bind| !bind.ip().to_canonical().is_loopback());
    if is_open && telemetry.metrics_key.is_none() && reader.all_valid(&[key, bind]) {
        reader.refuse(
            bind,
            "is no loopback address, so it needs telemetry.metrics_key, which is asked for there",
        );
    }
}

/// Of two listeners on one address the second would be told that another process uses it.
fn refuse_shared_address(settings: &Settings, reader: &mut ConfigReader) {
    let (metrics, server) = ("telemetry.metrics_bind", "server.bind");
    let address = settings.server.bind;
    let is_shared = settings.telemetry.metrics_bind.is_some_and(|bind| overlaps(bind, address));
    if is_shared && reader.all_valid(&[metrics, server]) {
        reader.refuse(metrics, "is the address of server.bind; give another port");
    }
}

/// Whether both cannot be listened on at once. Port 0 takes a free port.
fn overlaps(one: SocketAddr, other: SocketAddr) -> bool {
    let includes = |all: SocketAddr, one: SocketAddr| {
        all.ip() == one.ip() || (all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4()))
    };
    one.port() != 0 && one.port() == other.port() && (includes(one, other) || includes(other, one))
}

/// A bucket needs its keys, and settings of a bucket need a bucket.
fn refuse_incomplete_bucket(settings: &Settings, reader: &mut ConfigReader) {
    let uploads = &settings.uploads;
    let keys = [
        ("uploads.access_key_id", uploads.access_key_id.is_some()),
        ("uploads.secret_access_key", uploads.secret_access_key.is_some()),
    ];
    if uploads.bucket.is_some() {
        for (key, _) in keys.into_iter().filter(|(_, set)| !set) {
            if reader.all_valid(&["uploads.bucket", key]) {
                reader.refuse(key, "is needed with uploads.bucket");
            }
        }
        if uploads.dir.is_some() && reader.all_valid(&["uploads.bucket", "uploads.dir"]) {
            reader.refuse("uploads.dir", "must be empty with uploads.bucket: files go to one of the two");
        }
        return;
    }
    for (key, _) in
        keys.into_iter().chain([("uploads.endpoint", uploads.endpoint.is_some())]).filter(|(_, set)| *set)
    {
        if reader.all_valid(&["uploads.bucket", key]) {
            reader.refuse(key, "is for a bucket only; give uploads.bucket or leave it out");
        }
    }
}

/// A second role is for PostgreSQL; with SQLite it means that `database.url` was forgotten.
fn refuse_roles_without_postgres(settings: &Settings, reader: &mut ConfigReader) {
    let database = &settings.database;
    if matches!(database.url, Some(DatabaseUrl::Postgres(_))) {
        return;
    }
    let roles = [
        ("database.system_url", database.system_url.is_some()),
        ("database.migrate_url", database.migrate_url.is_some()),
        ("database.migrate", database.migrate),
    ];
    for (key, _) in roles.into_iter().filter(|(_, set)| *set) {
        if reader.all_valid(&["database.url", key]) {
            reader.refuse(key, "is for PostgreSQL only; give database.url as postgres://… or leave it out");
        }
    }
}
