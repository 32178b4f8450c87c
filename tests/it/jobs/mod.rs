//! Which worker gets a job, and when: after a lost worker, among tenants, and among waiting claims. Jobs that schedules
//! start.

mod claims;
mod drift;
mod fairness;
mod losses;
pub mod nodes;
mod reread;
mod schedules;
pub mod site;
mod suspects;
mod visits;
