//! Pages are read where they can do no harm: in processes of our own binary that limit themselves before the first
//! byte, or where there are none, on a few threads. The parent trusts neither a page nor its reader.

mod failure;
pub(super) mod settings;

pub(super) mod byte_budget;
mod pool;

mod process;
mod threads;

mod at_most;
mod found;
mod handler;
mod last_rules;
mod response;
mod wire;

pub mod child;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod syscalls;

#[cfg(test)]
mod tests;

pub use byte_budget::{ByteBudget, PagePermit, TenantBudget};
pub use failure::ReadFailure;
pub use pool::ReaderPool;
pub use settings::{ReaderProgram, ReaderSettings};
