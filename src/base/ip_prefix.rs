//! The prefix of an IP address that counts as one client. An IPv6 subscriber has a whole /64, so all of it counts as
//! one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One client, by address: an IPv4 address, or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpPrefix(IpAddr);

impl IpPrefix {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() & (!0 << 64)).into()),
            v4 => Self(v4),
        }
    }

    /// The larger network around it, which often has one owner: a /24 of IPv4, a /48 of IPv6.
    pub fn network(self) -> Self {
        match self.0 {
            IpAddr::V4(v4) => Self(Ipv4Addr::from_bits(v4.to_bits() & (!0 << 8)).into()),
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() & (!0 << 80)).into()),
        }
    }

    /// The first address of the prefix; an IPv4 address is mapped to IPv6.
    pub fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> IpPrefix {
        IpPrefix::of(text.parse().unwrap())
    }

    #[test]
    fn a_64_of_ipv6_is_one_prefix_and_so_is_an_ipv4_address_in_any_form() {
        assert_eq!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:2:ffff::9"));
        assert_ne!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:3::1"));
        assert_eq!(prefix("::ffff:192.0.2.7"), prefix("192.0.2.7"));
        assert_ne!(prefix("192.0.2.8"), prefix("192.0.2.7"));
    }

    #[test]
    fn a_network_is_a_24_of_ipv4_and_a_48_of_ipv6() {
        let network = |text| prefix(text).network();

        assert_eq!(network("192.0.2.7"), network("192.0.2.255"));
        assert_ne!(network("192.0.2.7"), network("192.0.3.7"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:ffff::1"));
        assert_ne!(network("2001:db8:1::"), network("2001:db8:2::"));
    }
}
