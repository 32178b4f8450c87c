//! Crawl jobs: users create, cancel and retry them; workers claim them and report; timers emit merged
//! progress and requeue the jobs of silent workers.

pub mod settings;
pub mod state;
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
pub mod progress_flush;
pub mod sweep;

mod alert;
mod end;
mod enqueue;
mod events;
pub(in crate::domain) mod lease;
mod lost_pages;
mod poll;
pub(in crate::domain) mod validation;
pub(in crate::domain) mod view;

#[cfg(test)]
mod tests;

pub use count::active;
pub use lease::Lease;
