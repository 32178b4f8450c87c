//! Which worker gets a job, and when: after a lost worker, among tenants, and among waiting claims.

mod claims;
mod fairness;
mod losses;
pub mod nodes;
pub mod site;
mod suspects;
