//! Every figure of a node, on one page: its place in the code, its name on the wire and what it says. The table in
//! `docs/operations.md` is made from this one.

use std::fmt::Write;
use std::time::Duration;

use super::cells::{Counter, Flag, Gauge, Histogram, HotCounter, MirroredCounter};
use super::labels::{
    Carrier, Cell, EventKind, Labeled, Method, OpenJobStatus, PageOutcome, ReaderExit, SandboxLayer,
    SignInOutcome, TokenRefusal, TransactionMode,
};
use super::process::ProcessMetrics;
use super::routes::{Durations, ResponseCounters, Routes};
use super::tenants::{self, TenantMeters};
use super::text::Text;
use crate::protocol::message::GapReason;
use crate::protocol::problem::{CloseCode, Code};

/// What is known of a figure without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: &'static str,
    pub kind: &'static str,
    pub labels: Vec<&'static str>,
    pub help: &'static str,
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ty = $name:literal;)*) => {
        /// The figures of one node. Counting is a method call on a field; nothing is looked up.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $help])+ pub $field: $kind,)*
            /// Figures of single tenants; told on a path of their own.
            pub tenants: TenantMeters,
        }

        impl Metrics {
            /// Every figure, in the order in which they are written.
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
    /// Requests answered; a socket counts as its upgrade, a stream as its beginning.
    http_requests: Routes<ResponseCounters> = "lotline_http_requests_total";
    /// Seconds from a request's head to its answer's head.
    http_seconds: Durations = "lotline_http_request_duration_seconds";
    /// Refusals by problem code, those told by a close frame included.
    refusals: Labeled<Code, Counter> = "lotline_refusals_total";

    /// Connections that are open.
    connections: Labeled<Carrier, Gauge> = "lotline_connections_open";
    /// Connections that began.
    opened: Labeled<Carrier, Counter> = "lotline_connections_opened_total";
    /// Connections that ended, by the code that the server ended them with; 1000 also when the client went.
    closed: Labeled<CloseCode, Counter> = "lotline_connections_closed_total";
    /// Tenants with an open connection.
    active_tenants: Gauge = "lotline_tenants_active";
    /// Messages from clients.
    messages_in: HotCounter = "lotline_messages_received_total";
    /// Frames handed to connections, by carrier.
    frames_out: Labeled<Carrier, HotCounter> = "lotline_frames_delivered_total";
    /// Bytes of these frames, by carrier.
    bytes_out: Labeled<Carrier, HotCounter> = "lotline_delivered_bytes_total";
    /// Bytes that wait for readers.
    queued_bytes: Gauge = "lotline_queued_bytes";
    /// Events that the slowest reader of any tenant is behind its log's head.
    lag: Gauge = "lotline_slowest_reader_lag_events";
    /// Passing messages that were dropped because a reader was slow.
    dropped: Counter = "lotline_passing_dropped_total";
    /// People who are there, over all their sockets.
    users_online: Gauge = "lotline_users_online";
    /// Sockets that show a listing.
    viewers: Gauge = "lotline_viewers";
    /// Words of typing that came sooner than is told.
    typing_dropped: Counter = "lotline_typing_dropped_total";
    /// Readers that were closed because their mailbox was full.
    overflows: Counter = "lotline_mailbox_overflows_total";
    /// Replays that connections began.
    replays: Counter = "lotline_replays_total";
    /// Pages of the log that replays read.
    replay_pages: Counter = "lotline_replay_pages_total";
    /// Reads of logs that wait for their turn.
    replays_waiting: Gauge = "lotline_replays_waiting";
    /// Gaps that readers were told of, by reason.
    gaps: Labeled<GapReason, Counter> = "lotline_gaps_told_total";

    /// Events that were committed here, by type.
    events: Labeled<EventKind, Counter> = "lotline_events_appended_total";
    /// Events that were found by comparing heads rather than handed over at the commit.
    polled_events: Counter = "lotline_events_found_by_poll_total";
    /// Events read from a log whose routing this version does not know; no reader gets them.
    unknown_routings: Counter = "lotline_events_of_unknown_routing_total";
    /// Seconds since the heads were last compared.
    poll_age: Gauge = "lotline_head_poll_age_seconds";
    /// Seconds that a commit took.
    commit_seconds: Histogram = "lotline_commit_duration_seconds";
    /// Seconds that a transaction waited for its connection; on SQLite writers wait for each other here.
    begin_seconds: Labeled<TransactionMode, Histogram> = "lotline_transaction_wait_seconds";
    /// Writing transactions that are open.
    open_writes: Gauge = "lotline_write_transactions_open";
    /// Age in seconds of the oldest of them.
    oldest_write: Gauge = "lotline_write_transaction_oldest_seconds";
    /// Writes that failed because the disk is full.
    disk_full: Counter = "lotline_disk_full_total";

    /// Jobs that are not over, by status; at most ten seconds old.
    jobs: Labeled<OpenJobStatus, Gauge> = "lotline_jobs";
    /// Leases of silent workers that were taken back.
    leases_lost: Counter = "lotline_leases_lost_total";
    /// Pages that the crawler asked for, by outcome.
    crawled_pages: Labeled<PageOutcome, Counter> = "lotline_crawled_pages_total";
    /// 1 for each layer of the page readers' sandbox that this system offers, 0 for each that it does not.
    reader_sandbox: Labeled<SandboxLayer, Flag> = "lotline_crawler_reader_sandbox";
    /// Reader processes that were started.
    readers_started: Counter = "lotline_crawler_readers_started_total";
    /// Reader processes that ended, and pages that were given up where there are none, by cause.
    reader_ends: Labeled<ReaderExit, Counter> = "lotline_crawler_reader_ends_total";

    /// Attempts to sign in with a password.
    sign_ins: Labeled<SignInOutcome, Counter> = "lotline_sign_ins_total";
    /// Tokens that were refused, by reason.
    token_refusals: Labeled<TokenRefusal, Counter> = "lotline_token_refusals_total";
    /// Credentials that were judged by what the cache knew.
    cache_hits: MirroredCounter = "lotline_account_cache_hits_total";
    /// Credentials that the store was asked about.
    cache_misses: MirroredCounter = "lotline_account_cache_misses_total";

    /// Tasks that are alive on the runtime.
    tasks: Gauge = "lotline_runtime_tasks_alive";
    /// Threads of the runtime that run tasks.
    workers: Gauge = "lotline_runtime_workers";
    /// Times that the runtime did not answer its watchdog in time.
    stalls: Counter = "lotline_runtime_stalls_total";
    /// Seconds that the runtime has not answered for; 0 while it does.
    stalled: Gauge = "lotline_runtime_stalled_seconds";
    /// 1 while the node is leaving.
    leaving: Gauge = "lotline_leaving";

    /// Bytes of memory that are resident.
    resident: Gauge = "process_resident_memory_bytes";
    /// Open file descriptors.
    open_fds: Gauge = "process_open_fds";
    /// How many file descriptors may be open.
    max_fds: Gauge = "process_max_fds";
    /// Seconds of CPU that were used.
    cpu: MirroredCounter = "process_cpu_seconds_total";
    /// When the node was started, in seconds since the epoch.
    started: Gauge = "process_start_time_seconds";
}

/// Beside the table, because it is all label: 1, with the version.
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

    /// Takes over what the system says of the process.
    pub fn set_process(&self, figures: &ProcessMetrics) {
        self.resident.set(figures.resident_bytes as f64);
        self.open_fds.set(figures.open_fds as f64);
        self.max_fds.set(figures.max_fds as f64);
        self.cpu.set(figures.cpu_seconds);
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = Text::default();
        let version = std::iter::once((env!("CARGO_PKG_VERSION"), 1.0));
        text.series(BUILD_INFO, "1, labelled with the version.", "gauge", "version", version);
        self.write(&mut text);
        text.into_string()
    }

    /// The table of all figures for the documentation, in Markdown.
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
