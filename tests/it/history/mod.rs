//! What clients wrote and read, and a checker for the faults in it, used at the end of every fault test. It knows the
//! wire format only. `mutations.rs` tests the checker itself with mutated histories, each of which it must reject.

mod check;
mod generated;
mod mutations;
mod record;

pub use check::Kind;
pub use record::{Entry, Fact, History, Reader, Role, Seen, Tenant, number};
