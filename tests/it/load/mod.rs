//! A node in a process of its own under mixed load: two tenants, writers of every kind, readers that change their carrier
//! at every cut. What it comes to is a history for the judge.

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
