//! Crawl jobs: people make, stop and repeat them; workers claim them and report; timers tell merged progress and take
//! back what silent workers held.

pub mod job;
pub mod settings;
pub mod wakeups;

pub mod cancel;
pub mod create;
pub mod executions;
pub mod follow_log;
pub mod get;
pub mod items;
pub mod list;
pub mod logs;
pub mod retry;

pub mod builtin;
pub mod claim;
pub mod complete;
pub mod fail;
pub mod heartbeat;
pub mod progress;
pub mod release;
pub mod start;

pub mod count;
pub mod merge;
pub mod sweep;

mod alert;
pub(in crate::domain) mod check;
mod end;
pub(in crate::domain) mod lease;
mod look;
mod lost_pages;
mod queue;
mod tell;
pub(in crate::domain) mod view;

#[cfg(test)]
mod tests;

pub use count::active;
pub use lease::Lease;
