//! The node's metrics, for Prometheus. Every metric is a field of [`Metrics`], which callers reach through their
//! services: there is no global, and nothing is looked up by name while counting.

mod cells;
mod labels;
mod process;
mod routes;
mod row;
mod samples;
mod table;
mod tenants;
#[cfg(test)]
mod tests;
mod text;

pub use cells::{Counter, Flag, Gauge, Histogram, HotCounter, MirroredCounter};
pub use labels::{
    AdmissionLimit, Carrier, Cell, EventKind, Label, Labeled, Method, OpenJobStatus, PageOutcome, ReaderExit,
    SandboxLayer, SignInOutcome, TokenRefusal, TransactionMode,
};
pub use process::ProcessMetrics;
pub use routes::Routes;
pub use row::Row;
pub use table::Metrics;
pub use tenants::{TenantMeter, TenantMeters, render as tenants_text};
pub use text::Text;
