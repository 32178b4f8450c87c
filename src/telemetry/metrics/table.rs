//! All metrics of a node in one table: field, exported name and help text. The table in `docs/operations.md` is
//! generated from it.

use std::fmt::Write;
use std::time::Duration;

use super::cells::{Counter, Flag, Gauge, Histogram, HotCounter, MirroredCounter};
use super::labels::{
    AdmissionLimit, Carrier, Cell, EventKind, Labeled, Method, OpenJobStatus, PageOutcome, ReaderExit,
    SandboxLayer, SignInOutcome, TokenRefusal, TransactionMode,
};
use super::process::ProcessMetrics;
use super::routes::{Durations, ResponseCounters, Routes};
use super::row::Row;
use super::tenants::{self, TenantMeters};
use super::text::Text;
use crate::protocol::message::GapReason;
use crate::protocol::problem::{CloseCode, Code};

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ty = $name:literal;)*) => {
        /// The metrics of one node. Counting is a method call on a field; nothing is looked up.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $help])+ pub $field: $kind,)*
            /// Metrics of single tenants; served on a path of their own.
            pub tenants: TenantMeters,
        }

        impl Metrics {
            /// Every metric, in the order of output.
            pub fn rows() -> Vec<Row> {
                vec![$(Row {
                    name: $name,
                    kind: <$kind as Cell>::KIND,
                    labels: <$kind as Cell>::label_names(),
                    help: concat!($($help,)+).trim_ascii(),
                },)*]
            }

            fn write(&self, text: &mut Text) {
                $(text.family($name, concat!($($help,)+).trim_ascii(), &self.$field);)*
            }
        }
    };
}

metrics! {
    /// Requests answered; a socket counts once at its upgrade, a stream at its start.
    http_requests: Routes<ResponseCounters> = "lotline_http_requests_total";
    /// Seconds from a request's head to its response's head.
    http_seconds: Durations = "lotline_http_request_duration_seconds";
    /// Refusals by problem code, including those sent as a close frame.
    refusals: Labeled<Code, Counter> = "lotline_refusals_total";

    /// Open connections.
    connections: Labeled<Carrier, Gauge> = "lotline_connections_open";
    /// Connections opened.
    opened: Labeled<Carrier, Counter> = "lotline_connections_opened_total";
    /// Connections closed, by the server's close code; 1000 also when the client closed.
    closed: Labeled<CloseCode, Counter> = "lotline_connections_closed_total";
    /// Tenants with an open connection.
    active_tenants: Gauge = "lotline_tenants_active";
    /// Messages from clients.
    messages_in: HotCounter = "lotline_messages_received_total";
    /// Frames delivered to connections, by carrier.
    frames_out: Labeled<Carrier, HotCounter> = "lotline_frames_delivered_total";
    /// Bytes of these frames, by carrier.
    bytes_out: Labeled<Carrier, HotCounter> = "lotline_delivered_bytes_total";
    /// Bytes queued for readers.
    queued_bytes: Gauge = "lotline_queued_bytes";
    /// Events by which the slowest reader of any tenant is behind its log's head.
    lag: Gauge = "lotline_slowest_reader_lag_events";
    /// Ephemeral messages dropped because a reader was slow.
    dropped: Counter = "lotline_passing_dropped_total";
    /// Users online, each counted once over all sockets.
    users_online: Gauge = "lotline_users_online";
    /// Sockets that show a listing.
    viewers: Gauge = "lotline_viewers";
    /// Typing notifications dropped by the rate limit.
    typing_dropped: Counter = "lotline_typing_dropped_total";
    /// Readers closed because their mailbox was full.
    overflows: Counter = "lotline_mailbox_overflows_total";
    /// Replays started by connections.
    replays: Counter = "lotline_replays_total";
    /// Pages of the log read by replays.
    replay_pages: Counter = "lotline_replay_pages_total";
    /// Log reads waiting for a permit.
    replays_waiting: Gauge = "lotline_replays_waiting";
    /// Gaps reported to readers, by reason.
    gaps: Labeled<GapReason, Counter> = "lotline_gaps_told_total";

    /// Events committed by this node, by type.
    events: Labeled<EventKind, Counter> = "lotline_events_appended_total";
    /// Events found by polling the logs' heads rather than by a notification at the commit.
    polled_events: Counter = "lotline_events_found_by_poll_total";
    /// Events read from a log with a routing unknown to this version; no reader gets them.
    unknown_routings: Counter = "lotline_events_of_unknown_routing_total";
    /// Seconds since the logs' heads were last polled.
    poll_age: Gauge = "lotline_head_poll_age_seconds";
    /// Duration of commits in seconds.
    commit_seconds: Histogram = "lotline_commit_duration_seconds";
    /// Seconds that a transaction waited for its connection; on SQLite writers wait for each other here.
    begin_seconds: Labeled<TransactionMode, Histogram> = "lotline_transaction_wait_seconds";
    /// Open write transactions.
    open_writes: Gauge = "lotline_write_transactions_open";
    /// Age in seconds of the oldest open write transaction.
    oldest_write: Gauge = "lotline_write_transaction_oldest_seconds";
    /// Writes that failed because the disk is full.
    disk_full: Counter = "lotline_disk_full_total";

    /// Unfinished jobs, by status; at most ten seconds old.
    jobs: Labeled<OpenJobStatus, Gauge> = "lotline_jobs";
    /// Expired leases of workers that were silent.
    leases_lost: Counter = "lotline_leases_lost_total";
    /// Pages requested by the crawler, by outcome.
    crawled_pages: Labeled<PageOutcome, Counter> = "lotline_crawled_pages_total";
    /// 1 for each layer of the page readers' sandbox that this system offers, 0 for each that it does not.
    reader_sandbox: Labeled<SandboxLayer, Flag> = "lotline_crawler_reader_sandbox";
    /// Reader processes started.
    readers_started: Counter = "lotline_crawler_readers_started_total";
    /// Reader processes ended, or pages given up where there are no reader processes, by cause.
    reader_ends: Labeled<ReaderExit, Counter> = "lotline_crawler_reader_ends_total";

    /// Attempts to sign in with a password.
    sign_ins: Labeled<SignInOutcome, Counter> = "lotline_sign_ins_total";
    /// Callers refused because too many authenticate or join at once, by limit.
    admission_refused: Labeled<AdmissionLimit, Counter> = "lotline_admission_refused_total";
    /// Tokens refused, by reason.
    token_refusals: Labeled<TokenRefusal, Counter> = "lotline_token_refusals_total";
    /// Credentials checked with cached account data.
    cache_hits: MirroredCounter = "lotline_account_cache_hits_total";
    /// Credentials checked with a query to the store.
    cache_misses: MirroredCounter = "lotline_account_cache_misses_total";

    /// Live tasks of the runtime.
    tasks: Gauge = "lotline_runtime_tasks_alive";
    /// Worker threads of the runtime.
    workers: Gauge = "lotline_runtime_workers";
    /// Times that the runtime missed the watchdog's deadline.
    stalls: Counter = "lotline_runtime_stalls_total";
    /// Seconds for which the runtime has not responded; 0 while it does.
    stalled: Gauge = "lotline_runtime_stalled_seconds";
    /// 1 while the node is shutting down.
    leaving: Gauge = "lotline_leaving";

    /// Resident memory in bytes.
    resident: Gauge = "process_resident_memory_bytes";
    /// Open file descriptors.
    open_fds: Gauge = "process_open_fds";
    /// Limit of open file descriptors.
    max_fds: Gauge = "process_max_fds";
    /// CPU seconds used.
    cpu: MirroredCounter = "process_cpu_seconds_total";
    /// Start time of the node, in seconds since the epoch.
    started: Gauge = "process_start_time_seconds";
}

/// Not in the table, because it is only a label: 1, with the version.
const BUILD_INFO: &str = "lotline_build_info";

impl Metrics {
    pub fn count_refusal(&self, code: Code) {
        self.refusals.of(code).inc();
    }

    /// Counts an answered request.
    pub fn record_response(&self, route: Option<usize>, method: Method, status: u16, took: Duration) {
        self.http_requests.of(route).of(method, status).inc();
        self.http_seconds.of(route).observe(took);
    }

    /// Sets the metrics of the process.
    pub fn set_process(&self, figures: &ProcessMetrics) {
        self.resident.set(figures.resident_bytes as f64);
        self.open_fds.set(figures.open_fds as f64);
        self.max_fds.set(figures.max_fds as f64);
        self.cpu.set(figures.cpu_seconds);
    }

    /// All metrics in the Prometheus format.
    pub fn text(&self) -> String {
        let mut text = Text::default();
        let version = std::iter::once((env!("CARGO_PKG_VERSION"), 1.0));
        text.series(BUILD_INFO, "1, labelled with the version.", "gauge", "version", version);
        self.write(&mut text);
        text.into_string()
    }

    /// The table of all metrics for the documentation, in Markdown.
    pub fn markdown_table() -> String {
        let mut table = String::from("| name | kind | labels | meaning |\n| --- | --- | --- | --- |\n");
        let _ = writeln!(table, "| `{BUILD_INFO}` | gauge | version | 1, labelled with the version. |");
        for Row { name, kind, labels, help } in Self::rows().into_iter().chain(tenants::rows()) {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
        }
        table
    }
}
