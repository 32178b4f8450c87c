//! A node in a process of its own under mixed load: two tenants, writers of every kind, readers that change their carrier
//! at every cut. What it comes to is a history for the judge.

mod cast;
mod node;
mod outcome;
mod readers;
mod run;
mod writers;

pub use cast::{Cast, Company, PASSWORD};
pub use node::{Node, Whereabouts};
pub use outcome::Outcome;
pub use readers::{Carrier, Habit, Person, follow, reads_log};
pub use run::{Ended, Run};
