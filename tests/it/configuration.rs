//! Every key of `config/default.toml` has an effect. The test looks up a proof for each key of the file; it fails for
//! a key without a row and for a row with a proof that does not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lotline::app::wiring;
use lotline::app::{App, StartError};
use lotline::base::clock::Clock;
use lotline::config::Settings;
use lotline::crawler::reader::ReaderProgram;

/// How a key's effect is shown.
enum Proof {
    /// Another value builds a part of the running node differently, and a line outside of the configuration and the
    /// composition reads that part.
    Part(fn(&Settings) -> String, &'static str),
    /// The composition passes the value on with the first text; the receiver uses it with the second.
    PassedOn { by: (&'static str, &'static str), used: (&'static str, &'static str) },
    /// A test with this name in this file shows the effect on a running node.
    Test(&'static str, &'static str),
    /// The node refuses to start: the key is for several nodes, which are not supported yet.
    RefusedAtStart,
}

use Proof::{Part, PassedOn, RefusedAtStart, Test};

/// A key, a value other than the default, and the proof.
type Row = (&'static str, &'static str, Proof);

fn serve(settings: &Settings) -> String {
    format!("{:?}", wiring::serve(settings))
}

fn sessions(settings: &Settings) -> String {
    format!("{:?}", wiring::sessions(settings))
}

fn limits(settings: &Settings) -> String {
    format!("{:?}", wiring::limits(settings))
}

fn jobs(settings: &Settings) -> String {
    format!("{:?}", wiring::jobs(settings))
}

fn bodies(settings: &Settings) -> String {
    format!("{:?}", wiring::bodies(settings))
}

fn identity(settings: &Settings) -> String {
    format!("{:?}", wiring::identity(settings, settings.server.bind))
}

fn passwords(settings: &Settings) -> String {
    format!("{:?}", wiring::passwords(settings))
}

fn database(settings: &Settings) -> String {
    format!("{:?}", wiring::database(settings))
}

fn retention_of_rows(settings: &Settings) -> String {
    format!("{:?}", wiring::row_retention(settings))
}

fn retention(settings: &Settings) -> String {
    format!("{:?}", wiring::log_retention(settings))
}

fn ephemeral(settings: &Settings) -> String {
    format!("{:?}", wiring::ephemeral(settings))
}

fn crawler(settings: &Settings) -> String {
    format!("{:?}", wiring::crawler(settings, ReaderProgram::Threads))
}

fn kept_pages(settings: &Settings) -> String {
    format!("{:?}", wiring::kept_pages(settings))
}

const BUILD: &str = "src/app/node.rs";
const TIMERS: &str = "src/app/background.rs";
const UPLOADS: &str = "src/app/uploads.rs";
const BUCKET_TEST: Proof =
    Test("tests/it/uploads/bucket.rs", "a_file_of_several_parts_goes_on_after_a_cut_and_is_read_in_ranges");
const KEY_FILES_TEST: Proof =
    Test("tests/it/process/keys.rs", "the_first_key_file_of_the_algorithm_signs_and_all_verify");
const RELOAD_TEST: Proof =
    Test("tests/it/process/reload.rs", "origins_and_log_level_change_while_a_socket_stays_open");
const FIRST_ADMIN: Proof = PassedOn {
    by: (BUILD, "bootstrap::first_start(identity, &first.tenant, &first.username, &first.password)"),
    used: ("src/domain/identity/bootstrap.rs", "pub async fn first_start("),
};

fn rows_of_the_server() -> Vec<Row> {
    vec![
        (
            "server.bind",
            "127.0.0.1:0",
            Test("tests/it/process/bad_start.rs", "a_port_that_is_taken_is_named"),
        ),
        (
            "server.data_dir",
            "/tmp/elsewhere",
            Test("tests/it/process/bad_start.rs", "a_data_folder_that_cannot_be_written_is_named"),
        ),
        ("server.public_url", "https://lotline.example", Part(identity, "settings.public_url")),
        (
            "server.trusted_proxies",
            "10.0.0.0/8",
            Test("tests/it/limits/requests.rs", "a_forwarded_address_is_believed_from_a_trusted_proxy_only"),
        ),
        ("server.max_connections", "17", Part(serve, "self.max_connections")),
        ("server.header_timeout_seconds", "11", Part(serve, "settings.header_timeout")),
        ("server.body_timeout_seconds", "31", Part(serve, "settings.body_timeout")),
        (
            "server.request_timeout_seconds",
            "61",
            PassedOn {
                by: (BUILD, "request_timeout: settings.server.request_timeout()"),
                used: ("src/http/router.rs", "span: request_timeout"),
            },
        ),
        ("server.keep_alive_seconds", "76", Part(serve, "settings.keep_alive")),
        (
            "server.drain_delay_seconds",
            "1",
            Test(
                "tests/it/delivery/shutdown.rs",
                "load_balancers_get_their_delay_before_clients_are_disconnected",
            ),
        ),
        ("server.shutdown_seconds", "21", Part(serve, "settings.drain")),
    ]
}

fn rows_of_the_stores() -> Vec<Row> {
    vec![
        ("database.url", "postgres://a@127.0.0.1/b", Part(database, "DatabaseSettings::Postgres")),
        ("database.system_url", "postgres://a@127.0.0.1/c", Part(database, "system_url")),
        ("database.migrate_url", "postgres://a@127.0.0.1/d", Part(database, "migrate_url")),
        ("database.migrate", "true", Part(database, "migrate")),
        ("database.max_connections", "17", Part(database, "max_connections")),
        ("database.statement_seconds", "31", Part(database, "statement_time")),
        ("database.audit_log_days", "1", Part(retention_of_rows, "retention.audit_log")),
        ("database.notification_days", "1", Part(retention_of_rows, "retention.notifications")),
        ("database.job_log_days", "1", Part(retention_of_rows, "retention.job_logs")),
        ("database.finished_job_days", "1", Part(retention_of_rows, "retention.finished_jobs")),
        ("cluster.url", "redis://127.0.0.1", RefusedAtStart),
        ("cluster.prefix", "other", RefusedAtStart),
        ("eventlog.retention_seconds", "60", Part(retention, "retention.age")),
        ("eventlog.retention_events", "60", Part(retention, "retention.events")),
        ("eventlog.retention_bytes", "60", Part(retention, "retention.bytes")),
        (
            "eventlog.poll_ms",
            "60",
            PassedOn {
                by: (BUILD, "settings.eventlog.poll_interval()"),
                used: ("src/session/relay.rs", "services.clock.sleep(poll)"),
            },
        ),
        (
            "uploads.dir",
            "/tmp/elsewhere",
            PassedOn {
                by: (UPLOADS, "BlobStore::folder(settings.uploads_dir())"),
                used: ("src/blobs/store.rs", "pub fn folder("),
            },
        ),
        (
            "uploads.max_bytes",
            "60",
            Test("tests/it/uploads/quota.rs", "a_file_larger_than_may_be_is_refused_on_the_way"),
        ),
        ("uploads.tenant_bytes", "1099511627776", Part(limits, "Quota::UploadBytes")),
        (
            "uploads.abandoned_seconds",
            "61",
            PassedOn {
                by: (UPLOADS, "uploads.abandoned_after()"),
                used: ("src/domain/uploads/sweep.rs", "settings.abandoned_after"),
            },
        ),
        ("uploads.bucket", "files", BUCKET_TEST),
        ("uploads.endpoint", "http://127.0.0.1:1", BUCKET_TEST),
        (
            "uploads.region",
            "eu-central-1",
            PassedOn {
                by: (UPLOADS, "region: uploads.region.clone()"),
                used: ("src/blobs/s3.rs", "&settings.region"),
            },
        ),
        ("uploads.access_key_id", "id", BUCKET_TEST),
        ("uploads.secret_access_key", "a secret key", BUCKET_TEST),
    ]
}

fn rows_of_people() -> Vec<Row> {
    let own =
        |used| PassedOn { by: ("src/app/issuers.rs", "OwnIssuer::new(&auth.issuer, &auth.audience)"), used };
    vec![
        ("auth.registration", "true", Part(identity, "settings.registration")),
        ("auth.default_tenant", "acme", Part(identity, "settings.default_tenant")),
        ("auth.issuer", "other", own(("src/auth/token/issuers.rs", "pub struct OwnIssuer"))),
        ("auth.audience", "other", own(("src/auth/token/issuers.rs", "pub struct OwnIssuer"))),
        ("auth.access_ttl_seconds", "60", Part(identity, "settings.access_ttl")),
        ("auth.refresh_ttl_seconds", "90000", Part(identity, "settings.refresh_ttl")),
        ("auth.password_link_ttl_seconds", "60", Part(identity, "settings.password_link_ttl")),
        ("auth.algorithm", "EdDSA", KEY_FILES_TEST),
        ("auth.key_files", "/tmp/key.pem", KEY_FILES_TEST),
        (
            "auth.keys",
            "one:a secret of more than thirty-two bytes",
            Test("tests/it/tokens/keys.rs", "shared_secrets_are_not_shown"),
        ),
        (
            "auth.seal_key",
            "a secret of more than thirty-two bytes",
            Test("tests/it/process/seal_key.rs", "headers_outlast_the_data_folder_with_a_configured_key"),
        ),
        ("auth.password_memory_kib", "65", Part(passwords, "Params::new(memory_kib, passes")),
        ("auth.password_iterations", "3", Part(passwords, "Params::new(memory_kib, passes")),
        (
            "auth.issuers",
            r#"[{"issuer": "x", "key": "a secret of more than thirty-two bytes", "tenants": ["acme"]}]"#,
            Test("tests/it/tokens/issuers.rs", "a_published_key_speaks_for_its_issuer_and_tenants_only"),
        ),
        ("cors.allowed_origins", "https://app.example", RELOAD_TEST),
        ("rooms.create_on_join", "true", Part(ephemeral, "create_on_join")),
        ("rooms.presence_grace_seconds", "11", Part(ephemeral, "presence_grace")),
        (
            "telemetry.log_format",
            "json",
            PassedOn {
                by: ("src/app/dispatch.rs", "subscriber::install(&settings.telemetry)"),
                used: ("src/telemetry/subscriber.rs", "match settings.log_format"),
            },
        ),
        ("telemetry.log_filter", "debug", RELOAD_TEST),
        (
            "telemetry.stall_seconds",
            "11",
            PassedOn {
                by: (BUILD, "background::start_watchdog(&work, &registry, settings.telemetry.stall"),
                used: ("src/telemetry/watchdog.rs", "limit"),
            },
        ),
        (
            "telemetry.tenant_metrics",
            "1",
            Test("tests/it/operations/metrics.rs", "the_number_of_series_does_not_grow_with_tenants"),
        ),
        (
            "telemetry.metrics_key",
            "sixteen-characters",
            Test("tests/it/operations/metrics.rs", "only_the_key_and_operators_may_read_metrics"),
        ),
        (
            "telemetry.metrics_bind",
            "127.0.0.1:0",
            Test(
                "tests/it/operations/metrics.rs",
                "a_separate_listener_serves_metrics_only_and_needs_no_key",
            ),
        ),
        ("bootstrap.tenant", "acme", FIRST_ADMIN),
        ("bootstrap.username", "ann", FIRST_ADMIN),
        ("bootstrap.password", "seventeen herons", FIRST_ADMIN),
    ]
}

fn rows_of_limits() -> Vec<Row> {
    vec![
        ("limits.sockets_per_user", "7", Part(sessions, "=> self.sockets")),
        ("limits.upload_sockets_per_user", "7", Part(sessions, "=> self.uploads")),
        ("limits.streams_per_user", "7", Part(sessions, "=> self.streams")),
        ("limits.sessions_per_user", "7", Part(identity, "self.settings.sessions_per_account")),
        ("limits.sign_ins_per_user", "7", Part(identity, "settings.sign_ins_per_account")),
        ("limits.sign_ins_per_tenant", "7", Part(identity, "settings.sign_ins_per_tenant")),
        ("limits.connections_per_tenant", "7", Part(limits, "Quota::Connections")),
        ("limits.connections_per_address", "7", Part(sessions, "settings.max_per_address")),
        ("limits.connects_in_flight", "7", Part(sessions, "settings.connects")),
        ("limits.joins_in_flight", "7", Part(sessions, "settings.joins")),
        ("limits.connects_waiting", "7", Part(sessions, "settings.waiting")),
        ("limits.requests_per_user", "7", Part(limits, "settings.requests_per_caller")),
        ("limits.requests_per_tenant", "7", Part(limits, "Quota::RequestsPerSecond")),
        ("limits.requests_per_address", "7", Part(limits, "settings.requests_per_address")),
        ("limits.connects_per_tenant", "7", Part(limits, "Quota::ConnectsPerSecond")),
        ("limits.messages_per_tenant", "7", Part(limits, "Quota::MessagesPerSecond")),
        ("limits.bytes_out_per_tenant", "7", Part(limits, "Quota::BytesOutPerSecond")),
        ("limits.pending_jobs_per_tenant", "7", Part(limits, "Quota::PendingJobs")),
        ("limits.subscriptions_per_socket", "7", Part(sessions, "settings.max_subscriptions")),
        ("limits.message_bytes", "2048", Part(sessions, "settings.message_bytes")),
        ("limits.messages_per_second", "7", Part(sessions, "settings.messages_per_second")),
        ("limits.heartbeat_seconds", "7", Part(sessions, "settings.heartbeat")),
        ("limits.queue_bytes", "131072", Part(sessions, "settings.queue_bytes")),
        ("limits.body_bytes", "2048", Part(bodies, "settings.body_bytes")),
        ("limits.batch_bytes", "2097152", Part(bodies, "settings.batch_bytes")),
        ("limits.bodies_in_flight_bytes", "67108864", Part(bodies, "settings.in_flight_bytes")),
        (
            "limits.lease_seconds",
            "7",
            PassedOn {
                by: (BUILD, "LeaseLength(settings.limits.lease())"),
                used: ("src/http/workers.rs", "request.data::<LeaseLength>()"),
            },
        ),
        ("limits.retake_seconds", "7", Part(jobs, "self.retake.saturating_mul")),
        ("limits.waiting_claims_per_key", "7", Part(jobs, "settings.waiting_claims_per_key")),
        ("limits.waiting_claims_per_tenant", "7", Part(jobs, "settings.waiting_claims_per_tenant")),
    ]
}

fn rows_of_the_crawler() -> Vec<Row> {
    let runner = |by| PassedOn { by: (TIMERS, by), used: ("src/crawler/runner.rs", "limits") };
    vec![
        ("crawler.enabled", "false", runner("if !settings.crawler.enabled")),
        ("crawler.concurrency", "7", runner("jobs: settings.crawler.concurrency")),
        (
            "crawler.open_jobs_per_slot",
            "7",
            PassedOn {
                by: (TIMERS, "open_per_job: settings.crawler.open_jobs_per_slot"),
                used: ("src/crawler/runner.rs", "Slots::new(limits.jobs, limits.open_per_job"),
            },
        ),
        ("crawler.job_seconds", "7", Part(crawler, "settings.job_time")),
        ("crawler.user_agent", "Own/1", Part(crawler, "self.user_agent")),
        ("crawler.max_pages", "7", Part(crawler, "settings.max_pages")),
        ("crawler.max_depth", "7", Part(crawler, "settings.max_depth")),
        ("crawler.crawl_delay_ms", "7", Part(crawler, "settings.crawl_delay")),
        ("crawler.requests_per_host_max", "7", Part(crawler, "settings.requests_per_host_max")),
        ("crawler.connect_timeout_seconds", "7", Part(crawler, "settings.connect_timeout")),
        ("crawler.read_timeout_seconds", "7", Part(crawler, "settings.read_timeout")),
        ("crawler.total_timeout_seconds", "17", Part(crawler, "total_timeout")),
        ("crawler.page_bytes", "2048", Part(crawler, "max_page_bytes")),
        ("crawler.readers", "7", Part(crawler, "self.readers.map_or_else")),
        ("crawler.reader_memory_mb", "64", Part(crawler, "self.settings.memory_bytes")),
        ("crawler.reader_seconds", "7", Part(crawler, "self.settings.page_time")),
        ("crawler.pages_mb", "64", Part(crawler, "settings.pages_bytes")),
        ("crawler.retries", "7", Part(crawler, "settings.retries")),
        ("crawler.keep_pages_gib", "0.5", Part(kept_pages, "settings.budget_bytes")),
        ("crawler.allowed_private_hosts", "127.0.0.1:1", Part(crawler, "allowed_private_hosts")),
    ]
}

fn rows() -> Vec<Row> {
    [rows_of_the_server(), rows_of_the_stores(), rows_of_people(), rows_of_limits(), rows_of_the_crawler()]
        .into_iter()
        .flatten()
        .collect()
}

/// Other keys that a key requires.
fn required_with(key: &str) -> &'static [(&'static str, &'static str)] {
    const POSTGRES: &[(&str, &str)] = &[("database.url", "postgres://a@127.0.0.1/z")];
    const BUCKET: &[(&str, &str)] = &[
        ("uploads.bucket", "bucket"),
        ("uploads.access_key_id", "other"),
        ("uploads.secret_access_key", "another secret key"),
    ];
    const ADMIN: &[(&str, &str)] = &[
        ("bootstrap.tenant", "other"),
        ("bootstrap.username", "other"),
        ("bootstrap.password", "other password"),
    ];
    match key {
        "database.system_url"
        | "database.migrate_url"
        | "database.migrate"
        | "database.max_connections"
        | "database.statement_seconds" => POSTGRES,
        _ if key.starts_with("uploads.") && !["uploads.dir", "uploads.max_bytes"].contains(&key) => match key
        {
            "uploads.tenant_bytes" | "uploads.abandoned_seconds" => &[],
            _ => BUCKET,
        },
        _ if key.starts_with("bootstrap.") => ADMIN,
        _ => &[],
    }
}

fn load(pairs: &[(&str, &str)], folder: Option<&Path>) -> Settings {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    if let Some(folder) = folder {
        all.insert(variable("server.data_dir"), folder.display().to_string());
    }
    all.extend(pairs.iter().map(|(key, value)| (variable(key), (*value).to_owned())));
    Settings::load(None, all.into_iter())
        .unwrap_or_else(|faults| panic!("{}", lotline::config::format_errors(&faults)))
}

fn variable(key: &str) -> String {
    format!("LOTLINE__{}", key.replace('.', "__").to_uppercase())
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The sources outside of the configuration and the composition, without line ends: a line may break anywhere.
fn receivers() -> String {
    fn gather(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("src/config") && !path.ends_with("src/app") {
                gather(&path, text);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    gather(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    joined(&text)
}

/// Removes blanks, so that line breaks do not matter.
fn joined(text: &str) -> String {
    text.split_whitespace().collect()
}

fn keys_of_the_default_file() -> BTreeSet<String> {
    let table: toml::Table = read("config/default.toml").parse().unwrap();
    let sections = table.into_iter().map(|(section, value)| (section, value.as_table().unwrap().clone()));
    sections
        .flat_map(|(section, keys)| keys.into_iter().map(move |(key, _)| format!("{section}.{key}")))
        .collect()
}

#[test]
fn every_key_has_one_row_and_every_row_a_key() {
    let named: Vec<String> = rows().iter().map(|(key, _, _)| (*key).to_owned()).collect();

    let distinct: BTreeSet<String> = named.iter().cloned().collect();

    assert_eq!(distinct, keys_of_the_default_file());
    assert_eq!(distinct.len(), named.len(), "a key has two rows");
}

#[test]
fn another_value_of_each_key_is_taken_and_changes_what_runs() {
    let receivers = receivers();
    let mut wrong = Vec::new();
    for (key, value, proof) in rows() {
        let beside = required_with(key);
        let before = load(beside, None);
        let after = load(&[beside, &[(key, value)]].concat(), None);
        if !before.changed_keys(&after).contains(&key) {
            wrong.push(format!("{key}: {value} is no other value"));
        }
        let fault = match proof {
            Part(part, _) if part(&before) == part(&after) => Some("changes no part of the node".to_owned()),
            Part(_, words) if !receivers.contains(&joined(words)) => {
                Some(format!("{words:?} stands nowhere"))
            }
            PassedOn { by, used } => [by, used]
                .into_iter()
                .find(|(file, words)| !joined(&read(file)).contains(&joined(words)))
                .map(|(file, words)| format!("{words:?} does not stand in {file}")),
            Test(file, name) if !read(file).contains(&format!("fn {name}(")) => {
                Some(format!("{file} has no test {name}"))
            }
            Part(..) | Test(..) | RefusedAtStart => None,
        };
        wrong.extend(fault.map(|fault| format!("{key}: {fault}")));
    }

    assert_eq!(wrong.join("\n"), "");
}

#[tokio::test]
async fn what_is_for_several_nodes_is_refused_at_the_start() {
    for (key, value, _) in rows().iter().filter(|(_, _, proof)| matches!(proof, RefusedAtStart)) {
        let folder = tempfile::tempdir().unwrap();
        let settings = load(&[(key, value)], Some(folder.path()));

        let refused = App::build(&settings, Clock::system(), ReaderProgram::Threads).await.err();

        assert!(matches!(&refused, Some(StartError::OneNodeOnly { key: named }) if named == key), "{key}");
    }
}

#[test]
fn every_key_of_the_file_is_read_by_its_name() {
    for key in keys_of_the_default_file() {
        let (section, name) = key.split_once('.').unwrap();
        let file = match section {
            "auth" if name == "issuers" => "src/config/sections/issuers.rs".to_owned(),
            _ => format!("src/config/sections/{section}.rs"),
        };
        assert!(read(&file).contains(&format!("\"{key}\"")), "{file} does not read {key}");
    }
}
