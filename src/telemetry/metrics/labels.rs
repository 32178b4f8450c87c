//! The labels of metrics. Every label is a closed set in the code, so that the number of series is bounded whatever
//! the clients do: never a tenant, a user, an id or a text.

use super::cells::{Counter, Flag, Gauge, Histogram, HotCounter, MirroredCounter};
use super::samples::Samples;
use crate::protocol::event::Event;
use crate::protocol::message::GapReason;
use crate::protocol::problem::{CloseCode, Code};

/// A closed set of label values.
pub trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// Every value, in the order of [`Label::index`].
    fn words() -> Vec<String>;
    fn index(self) -> usize;
}

/// A metric that can be read.
pub trait Cell: Default {
    /// The Prometheus type.
    const KIND: &'static str;
    /// The names of the labels, in order.
    fn label_names() -> Vec<&'static str> {
        Vec::new()
    }
    fn read(&self, samples: &mut Samples<'_>);
}

macro_rules! plain_cells {
    ($($cell:ident $kind:literal;)*) => {$(
        impl Cell for $cell {
            const KIND: &'static str = $kind;

            fn read(&self, samples: &mut Samples<'_>) {
                samples.value(self.get() as f64);
            }
        }
    )*};
}

plain_cells! {
    Counter "counter";
    HotCounter "counter";
    MirroredCounter "counter";
    Gauge "gauge";
}

impl Cell for Flag {
    const KIND: &'static str = "gauge";

    fn read(&self, samples: &mut Samples<'_>) {
        if let Some(stands) = self.get() {
            samples.flag(stands);
        }
    }
}

impl Cell for Histogram {
    const KIND: &'static str = "histogram";

    fn read(&self, samples: &mut Samples<'_>) {
        samples.histogram(self);
    }
}

/// One metric for each value of a label.
#[derive(Debug)]
pub struct Labeled<L, C> {
    cells: Box<[C]>,
    label: std::marker::PhantomData<L>,
}

impl<L: Label, C: Cell> Default for Labeled<L, C> {
    fn default() -> Self {
        let cells = L::words().iter().map(|_| C::default()).collect();
        Self { cells, label: std::marker::PhantomData }
    }
}

impl<L: Label, C: Cell> Labeled<L, C> {
    /// The metric of a value. Frequent callers keep the reference.
    pub fn of(&self, label: L) -> &C {
        &self.cells[label.index()]
    }
}

impl<L: Label, C: Cell> Cell for Labeled<L, C> {
    const KIND: &'static str = C::KIND;

    fn label_names() -> Vec<&'static str> {
        std::iter::once(L::NAME).chain(C::label_names()).collect()
    }

    fn read(&self, samples: &mut Samples<'_>) {
        for (word, cell) in L::words().iter().zip(&self.cells) {
            samples.within(L::NAME, word, |samples| cell.read(samples));
        }
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident($label:literal) { $($variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant,)* }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl Label for $name {
            const NAME: &'static str = $label;

            fn words() -> Vec<String> {
                Self::ALL.iter().map(|one| one.word().to_owned()).collect()
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    )*};
}

labels! {
    /// The transport of a connection.
    Carrier("carrier") {
        Socket = "socket",
        Upload = "upload",
        Stream = "stream",
    }
    /// A request's method.
    Method("method") {
        Get = "GET",
        Post = "POST",
        Put = "PUT",
        Patch = "PATCH",
        Delete = "DELETE",
        Other = "other",
    }
    /// A durable event's type.
    EventKind("kind") {
        JobUpdate = "job_update",
        PropertyNotification = "property_notification",
        PropertyUpdate = "property_update",
        SystemNotification = "system_notification",
        AdminNotification = "admin_notification",
        SystemAlert = "system_alert",
        UploadCompleted = "upload_completed",
        Chat = "chat",
        DirectMessage = "direct_message",
        MessageEdited = "message_edited",
        MessageDeleted = "message_deleted",
        System = "system",
    }
    /// Whether a transaction may write.
    TransactionMode("mode") {
        Read = "read",
        Write = "write",
    }
    /// The status of an unfinished job.
    OpenJobStatus("status") {
        Pending = "pending",
        Running = "running",
    }
    /// The outcome of an attempt to sign in.
    SignInOutcome("outcome") {
        Succeeded = "succeeded",
        Failed = "failed",
        Throttled = "throttled",
        Busy = "busy",
    }
    /// What a caller waited for when it was refused.
    AdmissionLimit("gate") {
        Connects = "connects",
        Requests = "requests",
        Joins = "joins",
    }
    /// Why a token was refused.
    TokenRefusal("reason") {
        Malformed = "malformed",
        Algorithm = "algorithm",
        UnknownKey = "unknown_key",
        Signature = "signature",
        Issuer = "issuer",
        Claims = "claims",
        NotYetValid = "not_yet_valid",
        Expired = "expired",
        Unknown = "unknown",
        Inactive = "inactive",
    }
    /// A layer of the page readers' sandbox.
    SandboxLayer("layer") {
        Process = "process",
        OomScore = "oom_score",
        Memory = "memory",
        Cpu = "cpu",
        Descriptors = "descriptors",
        NoNewPrivs = "no_new_privs",
        LandlockFiles = "landlock_files",
        LandlockTcp = "landlock_tcp",
        LandlockScope = "landlock_scope",
        Seccomp = "seccomp",
    }
    /// Why a page reader ended.
    ReaderExit("cause") {
        Replaced = "replaced",
        OverMemory = "over_memory",
        OverTime = "over_time",
        Broke = "broke",
        NotStarted = "not_started",
        Cancelled = "cancelled",
        Stopped = "stopped",
    }
    /// The outcome of a page that the crawler requested.
    PageOutcome("outcome") {
        Read = "read",
        NotModified = "not_modified",
        Elsewhere = "elsewhere",
        Unreadable = "unreadable",
        Refused = "refused",
        Status = "status",
        Timeout = "timeout",
        Failed = "failed",
    }
}

impl EventKind {
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Job { .. } => Self::JobUpdate,
            Event::Property { .. } => Self::PropertyUpdate,
            Event::NewProperties { .. } => Self::PropertyNotification,
            Event::Broadcast { .. } => Self::SystemNotification,
            Event::AdminNotice { .. } => Self::AdminNotification,
            Event::Alert { .. } => Self::SystemAlert,
            Event::Chat { .. } => Self::Chat,
            Event::Direct { .. } => Self::DirectMessage,
            Event::Edited { .. } => Self::MessageEdited,
            Event::Deleted { .. } => Self::MessageDeleted,
            Event::Joined { .. } | Event::Left { .. } | Event::Room { .. } => Self::System,
            Event::UploadCompleted { .. } => Self::UploadCompleted,
        }
    }
}

impl Method {
    pub fn of(method: &http::Method) -> Self {
        let word = if method == http::Method::HEAD { "GET" } else { method.as_str() };
        Self::ALL.iter().copied().find(|one| one.word() == word).unwrap_or(Self::Other)
    }
}

impl Label for CloseCode {
    const NAME: &'static str = "code";

    fn words() -> Vec<String> {
        Self::ALL.iter().map(|code| code.number().to_string()).collect()
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl Label for Code {
    const NAME: &'static str = "code";

    fn words() -> Vec<String> {
        Self::ALL.iter().map(|code| code.row().name.to_owned()).collect()
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl Label for GapReason {
    const NAME: &'static str = "reason";

    fn words() -> Vec<String> {
        ["malformed", "other_log", "future", "trimmed"].map(str::to_owned).into()
    }

    fn index(self) -> usize {
        match self {
            Self::Malformed => 0,
            Self::OtherLog => 1,
            Self::Future => 2,
            Self::Trimmed => 3,
        }
    }
}
