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
pub use target::{Guard, InvalidPrivateHost, Reach, parse_allowed_private_hosts};

use std::net::IpAddr;

/// Why a URL or an address is not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("only http and https are fetched")]
    Scheme,
    #[error("a URL with a user name or password is not fetched")]
    UserInfo,
    #[error("the URL is longer than {0} bytes")]
    TooLong(usize),
    #[error("the host is not a public name: {0}")]
    Host(&'static str),
    #[error("port {0} belongs to another protocol")]
    Port(u16),
    #[error("the address {address} is not public: {} ({})", .range.name, .range.rfc)]
    Address { address: IpAddr, range: &'static SpecialRange },
}
