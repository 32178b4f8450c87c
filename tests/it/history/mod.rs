//! What clients wrote and read, and the faults in it: the judge at the end of every fault test. It knows the wire and
//! nothing of the server. `mutations.rs` is its own test: spoilt histories, each of which it must see through.

mod check;
mod generated;
mod mutations;
mod record;

pub use check::Kind;
pub use record::{Entry, Fact, History, Reader, Role, Seen, Tenant, number};
