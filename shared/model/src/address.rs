//! Which addresses may be connected to.
//!
//! People name hosts and URLs, and a name may resolve to anything. Unless the deployment is a local
//! one, addresses that mean this machine or its link are refused after resolution: among them the
//! metadata services of a cloud, which hand out credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the address means this machine, its link, or no single machine at all.
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_local_v4(v4),
        IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| is_local_v6(v6), is_local_v4),
    }
}

/// Whether the address means this machine, in either notation.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn is_local_v4(v4: Ipv4Addr) -> bool {
    v4.is_loopback()
        || v4.is_link_local() // with 169.254.169.254, instance metadata
        || v4.octets()[0] == 0 // "this network", RFC 1122 section 3.2.1.3
        || v4.is_multicast()
        || v4.is_broadcast()
}

fn is_local_v6(v6: Ipv6Addr) -> bool {
    let amazon = [0xfd00, 0x0ec2]; // fd00:ec2::/32: instance metadata, time and DNS
    v6.is_loopback()
        || v6.is_unspecified()
        || v6.is_unicast_link_local()
        || v6.is_multicast()
        || v6.segments().starts_with(&amazon)
}

/// The IPv4 address that an IPv6 address stands for: mapped or compatible (RFC 4291 section 2.5.5),
/// translated (64:ff9b::/96, RFC 6052; 64:ff9b:1::/48, RFC 8215; ::ffff:0:0:0/96, RFC 2765) or 6to4
/// (2002::/16, RFC 3056).
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low] => Some(from(high, low)),
        // `::` and `::1` are IPv6's own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_known_in_every_notation() {
        for local in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "::ffff:0:169.254.169.254",
            "::169.254.169.254",
            "2002:7f00:1::",
        ] {
            assert!(is_local(local.parse().expect("address")), "{local}");
        }
        for remote in ["192.0.2.1", "10.0.0.5", "2001:db8::1", "fd12:3456::1", "::ffff:192.0.2.1"] {
            assert!(!is_local(remote.parse().expect("address")), "{remote}");
        }
        assert!(is_loopback("::ffff:127.0.0.1".parse().expect("address")));
        assert!(!is_loopback("169.254.1.1".parse().expect("address")));
    }
}
