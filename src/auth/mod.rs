//! Layer 2: authentication and authorisation. Judges records that callers loaded; does no I/O.

mod failures;
mod fair_lru;

pub mod authenticate;
pub mod fingerprint;
pub mod key_scope;
pub mod password;
pub mod permission;
pub mod principal;
pub mod revocation;
pub mod seal;
pub mod secret;
pub mod tenant_scope;
pub mod throttle;
pub mod ticket;
pub mod token;
