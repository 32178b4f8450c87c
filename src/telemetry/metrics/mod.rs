//! The node's figures, as Prometheus reads them. Every figure is a field of [`Metrics`] that whoever counts holds
//! through its kernel: there is no global, and nothing is looked up by name while counting.

mod cells;
mod labels;
mod process;
mod routes;
mod table;
mod tenants;
#[cfg(test)]
mod tests;
mod text;

pub use cells::{Counter, Flag, Gauge, Histogram, HotCounter, Total};
pub use labels::{
    By, Carrier, Cell, Direction, EventKind, JobState, Label, Method, PageOutcome, ReaderEnd, SandboxLayer,
    SignIn, TokenRefusal,
};
pub use process::ProcessFigures;
pub use routes::Routes;
pub use table::{Metrics, Row};
pub use tenants::{TenantMeter, TenantMeters, text as tenants_text};
pub use text::Text;
