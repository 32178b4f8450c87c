//! The IANA special-purpose address registries as a table. A row is refused even where the registry calls it globally
//! reachable (AS112, AMT): no property portal lives there.

use std::net::{Ipv4Addr, Ipv6Addr};

/// One block of addresses that is not the public internet, and the document that says so.
#[derive(Debug, PartialEq, Eq)]
pub struct SpecialRange {
    pub name: &'static str,
    pub rfc: &'static str,
    base: u128,
    length: u32,
}

impl SpecialRange {
    const fn v4(base: [u8; 4], length: u32, name: &'static str, rfc: &'static str) -> Self {
        Self { name, rfc, base: u32::from_be_bytes(base) as u128, length }
    }

    const fn v6(base: [u16; 8], length: u32, name: &'static str, rfc: &'static str) -> Self {
        let [a, b, c, d, e, f, g, h] = base;
        let base = Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits();
        Self { name, rfc, base, length }
    }

    fn contains(&self, bits: u128, width: u32) -> bool {
        // A length of 0 would shift by the whole width; no row has one.
        (bits ^ self.base) >> (width - self.length) == 0
    }
}

/// The row that `address` belongs to, if it is special.
pub(super) fn find_v4(address: Ipv4Addr) -> Option<&'static SpecialRange> {
    V4.iter().find(|range| range.contains(u128::from(address.to_bits()), 32))
}

/// The row that `address` belongs to, if it is special. What is not global unicast (2000::/3) is always special.
pub(super) fn find_v6(address: Ipv6Addr) -> Option<&'static SpecialRange> {
    let listed = V6.iter().find(|range| range.contains(address.to_bits(), 128));
    listed.or_else(|| (!GLOBAL_UNICAST.contains(address.to_bits(), 128)).then_some(&UNASSIGNED))
}

static GLOBAL_UNICAST: SpecialRange =
    SpecialRange::v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, "global unicast", "RFC 4291");

static UNASSIGNED: SpecialRange =
    SpecialRange::v6([0; 8], 1, "outside of global unicast", "RFC 4291 section 2.4");

static V4: [SpecialRange; 19] = [
    SpecialRange::v4([0, 0, 0, 0], 8, "this network", "RFC 791"),
    SpecialRange::v4([10, 0, 0, 0], 8, "private use", "RFC 1918"),
    SpecialRange::v4([100, 64, 0, 0], 10, "shared address space", "RFC 6598"),
    SpecialRange::v4([127, 0, 0, 0], 8, "loopback", "RFC 1122"),
    // Not in the registry, but the platform endpoint of a large cloud, reachable from inside of it only.
    SpecialRange::v4([168, 63, 129, 16], 32, "cloud platform endpoint", "provider documentation"),
    SpecialRange::v4([169, 254, 0, 0], 16, "link local", "RFC 3927"),
    SpecialRange::v4([172, 16, 0, 0], 12, "private use", "RFC 1918"),
    SpecialRange::v4([192, 0, 0, 0], 24, "IETF protocol assignments", "RFC 6890"),
    SpecialRange::v4([192, 0, 2, 0], 24, "documentation", "RFC 5737"),
    SpecialRange::v4([192, 31, 196, 0], 24, "AS112", "RFC 7535"),
    SpecialRange::v4([192, 52, 193, 0], 24, "AMT", "RFC 7450"),
    SpecialRange::v4([192, 88, 99, 0], 24, "6to4 relay anycast", "RFC 7526"),
    SpecialRange::v4([192, 168, 0, 0], 16, "private use", "RFC 1918"),
    SpecialRange::v4([192, 175, 48, 0], 24, "AS112", "RFC 7534"),
    SpecialRange::v4([198, 18, 0, 0], 15, "benchmarking", "RFC 2544"),
    SpecialRange::v4([198, 51, 100, 0], 24, "documentation", "RFC 5737"),
    SpecialRange::v4([203, 0, 113, 0], 24, "documentation", "RFC 5737"),
    SpecialRange::v4([224, 0, 0, 0], 4, "multicast", "RFC 5771"),
    // The limited broadcast address (RFC 919) is its last one.
    SpecialRange::v4([240, 0, 0, 0], 4, "reserved", "RFC 1112"),
];

/// More specific rows come first. Forms that contain an IPv4 address are taken apart in `address.rs` before this.
static V6: [SpecialRange; 17] = [
    SpecialRange::v6([0; 8], 128, "unspecified", "RFC 4291"),
    SpecialRange::v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback", "RFC 4291"),
    SpecialRange::v6([0; 8], 96, "IPv4-compatible", "RFC 4291"),
    SpecialRange::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated", "RFC 2765"),
    SpecialRange::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local-use NAT64", "RFC 8215"),
    SpecialRange::v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard only", "RFC 6666"),
    SpecialRange::v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix", "RFC 9780"),
    SpecialRange::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo", "RFC 4380"),
    SpecialRange::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocol assignments", "RFC 2928"),
    SpecialRange::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation", "RFC 3849"),
    SpecialRange::v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112", "RFC 7534"),
    SpecialRange::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation", "RFC 9637"),
    SpecialRange::v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing", "RFC 9602"),
    SpecialRange::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local", "RFC 4193"),
    SpecialRange::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link local", "RFC 4291"),
    SpecialRange::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site local", "RFC 3879"),
    SpecialRange::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast", "RFC 4291"),
];
