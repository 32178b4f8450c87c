//! Crawl jobs: users create, cancel and retry them; workers claim them and report; timers emit merged
//! progress and requeue the jobs of silent workers.

pub mod state;

pub mod claims;
pub mod queue;
pub mod worker_reports;

pub mod logs;
pub mod read;

pub mod lease;
pub mod settings;
pub mod wakeups;

mod events;
mod execution;
mod reread;
pub(in crate::domain) mod validation;
pub(in crate::domain) mod view;

#[cfg(test)]
mod tests;
