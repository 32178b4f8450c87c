//! Floor 2: who a caller is and what they may. Judges facts that callers loaded; does no I/O.

mod failures;
mod shared_table;

pub mod admit;
pub mod mark;
pub mod password;
pub mod permission;
pub mod principal;
pub mod role;
pub mod scope;
pub mod secret;
pub mod throttle;
pub mod ticket;
pub mod token;
