//! A node in its own process under mixed load: two tenants, writers of every kind, readers that change their carrier
//! at every disconnect. The result is a history for the checker.

mod accounts;
mod node;
mod outcome;
mod readers;
mod run;
mod writers;

pub use accounts::{Accounts, OPERATOR, PASSWORD, TenantAccounts};
pub use node::{Node, NodeClient};
pub use outcome::Outcome;
pub use readers::{Carrier, ReaderSpec, SwitchPolicy, follow, read_log};
pub use run::{Run, RunResult};
