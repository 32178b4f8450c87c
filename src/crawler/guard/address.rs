//! Whether an address is on the public internet. An IPv6 address that contains an IPv4 one is classified by that one:
//! otherwise `::ffff:127.0.0.1` would bypass the table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ranges::{self, SpecialRange};

/// The result of [`classify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Refused(&'static SpecialRange),
}

/// Whether a socket may be opened to `address`.
pub fn classify(address: IpAddr) -> Verdict {
    let special = match address {
        IpAddr::V4(v4) => ranges::find_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    };
    special.map_or(Verdict::Allowed, Verdict::Refused)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static SpecialRange> {
    match embedded_v4(address) {
        Some(EmbeddedIpv4::Destination(v4)) => ranges::find_v4(v4),
        Some(EmbeddedIpv4::Alongside(v4)) => ranges::find_v4(v4).or_else(|| ranges::find_v6(address)),
        None => ranges::find_v6(address),
    }
}

/// An IPv4 address inside of an IPv6 one.
enum EmbeddedIpv4 {
    /// The packet goes to this address, whatever the prefix says.
    Destination(Ipv4Addr),
    /// The packet may end there, and the prefix has to be public as well.
    Alongside(Ipv4Addr),
}

fn embedded_v4(address: Ipv6Addr) -> Option<EmbeddedIpv4> {
    match address.segments() {
        // IPv4-mapped (RFC 4291 section 2.5.5.2): the kernel opens an IPv4 socket.
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(EmbeddedIpv4::Destination(v4(high, low))),
        // The well-known NAT64 prefix (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(EmbeddedIpv4::Destination(v4(high, low))),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Some(EmbeddedIpv4::Destination(v4(high, low))),
        // Teredo (RFC 4380): the client's address, inverted. The prefix itself is refused.
        [0x2001, 0, .., high, low] => Some(EmbeddedIpv4::Alongside(v4(!high, !low))),
        // ISATAP (RFC 5214) under any prefix; 0200 sets the universal bit.
        [.., 0 | 0x0200, 0x5efe, high, low] => Some(EmbeddedIpv4::Alongside(v4(high, low))),
        // IPv4-compatible (RFC 4291 section 2.5.5.1); the prefix is refused. `::` and `::1` are rows of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(EmbeddedIpv4::Alongside(v4(high, low))),
        _ => None,
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}
