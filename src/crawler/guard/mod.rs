//! The guard against server-side request forgery: a tenant may name any URL, the crawler goes only where the public
//! internet is. Every hop passes [`Guard::check`]; every address that a name gives passes [`classify`] before a
//! socket is opened to it, and no other address is ever connected to.

mod address;
mod dns;
mod ports;
mod ranges;
mod target;
#[cfg(test)]
mod tests;

pub use address::{Verdict, classify};
pub use dns::{GuardedResolver, Lookup, Resolver, SystemResolver};
pub use ranges::SpecialRange;
pub use target::{Guard, InvalidPrivateHost, Reach, Refusal, parse_allowed_private_hosts};
