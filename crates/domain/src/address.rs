//! Where a request comes from: the address of the client, also behind reverse proxies.
//!
//! Each proxy appends to `X-Forwarded-For` the address that it was called from. So the header reads from the right:
//! what the nearest proxy wrote is as trustworthy as that proxy, and everything left of the first hop that is not a
//! trusted proxy was, for all we know, written by the client. Acceptance case E2.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How many hops are read, from the right, before the last one that was good is taken. Real chains have a handful; the
/// bound keeps a header of thousands from costing anything.
pub const MAX_HOPS: usize = 32;

/// The longest textual address with brackets, zone and port has fewer bytes than this; longer hops are malformed.
const MAX_HOP_BYTES: usize = 80;

/// A network: an address and the number of leading bits that count.
///
/// IPv4 networks hold IPv4-mapped IPv6 addresses too, because both are brought to the same form first; `::/0` therefore
/// holds no IPv4 address, however it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpNet {
    address: IpAddr,
    prefix: u8,
}

impl IpNet {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or a single address.
    ///
    /// # Errors
    /// [`InvalidNetwork`], also if bits are set beyond the prefix: whoever wrote `10.1.2.3/8` meant either more or less
    /// than they wrote, and this decides whom to trust.
    pub fn parse(text: &str) -> Result<Self, InvalidNetwork> {
        let text = text.trim();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork::Address)?;
        let written = match prefix {
            None => width(address),
            Some(digits) => parse_prefix(digits).filter(|&n| n <= width(address)).ok_or(InvalidNetwork::Prefix)?,
        };
        let (address, prefix) = unmapped(address, written);
        let net = Self { address: masked(address, prefix), prefix };
        if net.address == address { Ok(net) } else { Err(InvalidNetwork::HostBits(net)) }
    }

    /// Whether `address` lies in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix) == self.address
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// What stands before the `/` is no IP address.
    #[error("not an IP address (expected something like 10.0.0.0/8 or 2001:db8::/32)")]
    Address,
    /// What stands after the `/` is no number, or greater than the address has bits.
    #[error("the number after the / must be from 0 to 32 for IPv4, from 0 to 128 for IPv6")]
    Prefix,
    /// Bits are set beyond the prefix. Holds the network that the prefix gives.
    #[error("the address has bits beyond its prefix; did you mean {0}?")]
    HostBits(IpNet),
}

/// The address of the client that sent a request.
///
/// `peer` is the other end of the connection, `forwarded_for` the values of all `X-Forwarded-For` headers in the order
/// in which they came, `trusted` the networks of the proxies in front. The header is read from the right as long as the
/// hop before was a trusted proxy, over at most [`MAX_HOPS`] hops; a hop that is no address ends the reading, and the
/// last good one is the answer. With a `peer` that is not trusted the header is not looked at. The answer is never an
/// IPv4-mapped IPv6 address.
pub fn client_address(peer: IpAddr, forwarded_for: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    // RFC 9110, section 5.3: several headers of one name are one list in their order.
    let mut hops = forwarded_for.iter().rev().flat_map(|value| value.rsplit(',')).take(MAX_HOPS);
    while trusted.iter().any(|net| net.contains(client)) {
        match hops.next().map(str::trim) {
            None => break,
            // RFC 9110, section 5.6.1.2: empty elements of a list count for nothing.
            Some("") => {}
            Some(hop) => match parse_hop(hop) {
                None => break,
                Some(address) => client = address,
            },
        }
    }
    client
}

/// One hop: an address, as some proxies write it with its port, an IPv6 one possibly in brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    if hop.len() > MAX_HOP_BYTES {
        return None;
    }
    let bare = || hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare().or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

fn parse_prefix(digits: &str) -> Option<u8> {
    // `parse` alone would take a sign.
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// A network of IPv4-mapped addresses as the IPv4 network that it is.
fn unmapped(address: IpAddr, prefix: u8) -> (IpAddr, u8) {
    match (address, prefix.checked_sub(96)) {
        (IpAddr::V6(v6), Some(rest)) => v6.to_ipv4_mapped().map_or((address, prefix), |v4| (IpAddr::V4(v4), rest)),
        _ => (address, prefix),
    }
}

/// `address` with all but its first `prefix` bits cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| IpNet::parse(text).unwrap()).collect()
    }

    fn client(peer: &str, forwarded_for: &[&str], trusted: &[&str]) -> String {
        client_address(ip(peer), forwarded_for, &nets(trusted)).to_string()
    }

    #[test]
    fn e2_the_header_of_an_untrusted_peer_is_ignored() {
        assert_eq!(client("203.0.113.7", &["198.51.100.1"], &[]), "203.0.113.7");
        assert_eq!(client("203.0.113.7", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.7");
        assert_eq!(client("::ffff:203.0.113.7", &["198.51.100.1"], &["::/0"]), "203.0.113.7");
    }

    #[test]
    fn e2_the_nearest_hop_that_is_no_proxy_is_the_client() {
        let proxies = &["10.0.0.0/8", "2001:db8:1::/48"];
        assert_eq!(client("10.0.0.1", &["198.51.100.1"], proxies), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, 10.0.0.9,10.1.2.3"], proxies), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1", "10.0.0.9", "10.1.2.3"], proxies), "198.51.100.1");
        assert_eq!(client("2001:db8:1::1", &["2001:db8:2::5"], proxies), "2001:db8:2::5");
        assert_eq!(client("10.0.0.1", &[], proxies), "10.0.0.1", "no header at all");
        assert_eq!(client("10.0.0.1", &["10.0.0.2, 10.0.0.3"], proxies), "10.0.0.2", "proxies only: the farthest");
    }

    #[test]
    fn e2_what_the_client_wrote_itself_does_not_count() {
        let proxies = &["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &["127.0.0.1, 10.0.0.2, 203.0.113.7"], proxies), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["127.0.0.1", "203.0.113.7, 10.0.0.2"], proxies), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, 203.0.113.7"], proxies), "203.0.113.7");
    }

    #[test]
    fn e2_a_malformed_hop_ends_the_reading_at_the_last_good_one() {
        let proxies = &["10.0.0.0/8"];
        for bad in [
            "unknown",
            "_hidden",
            "300.1.1.1",
            "1.2.3",
            "1.2.3.4:99999",
            "1.2.3.4:",
            "[::1",
            "::1]",
            "[1.2.3.4]",
            "01.2.3.4",
            "1.2.3.4 5.6.7.8",
            "example.com",
            "\"1.2.3.4\"",
            "\u{0}",
            "é",
        ] {
            let header = format!("198.51.100.1, {bad}, 10.0.0.2");
            assert_eq!(client("10.0.0.1", &[&header], proxies), "10.0.0.2", "{bad:?}");
            assert_eq!(client("10.0.0.1", &[bad], proxies), "10.0.0.1", "{bad:?}");
        }
        let long = format!("198.51.100.1, {}", "1".repeat(1_000_000));
        assert_eq!(client("10.0.0.1", &[&long], proxies), "10.0.0.1");
        let padded = format!("[2001:db8::1%{}]:1", "0".repeat(MAX_HOP_BYTES));
        assert_eq!(client("10.0.0.1", &[&padded], proxies), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_empty_elements_are_accepted() {
        let proxies = &["10.0.0.0/8"];
        for (hop, expected) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("2001:db8::5", "2001:db8::5"),
            ("[2001:db8::5]", "2001:db8::5"),
            ("[2001:db8::5]:4711", "2001:db8::5"),
            ("2001:DB8:0::5", "2001:db8::5"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("[::ffff:198.51.100.1]:4711", "198.51.100.1"),
            (" \t198.51.100.1\t ", "198.51.100.1"),
            ("198.51.100.1, ,,", "198.51.100.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[hop], proxies), expected, "{hop:?}");
        }
        assert_eq!(client("10.0.0.1", &["198.51.100.1", "", " "], proxies), "198.51.100.1");
    }

    #[test]
    fn mapped_addresses_are_the_ipv4_addresses_that_they_stand_for() {
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1"], &["::ffff:10.0.0.0/104"]), "198.51.100.1");
        assert_eq!(IpNet::parse("::ffff:0:0/96").unwrap().to_string(), "0.0.0.0/0");
    }

    #[test]
    fn g6_at_most_32_hops_are_read() {
        let hops = |n: usize| {
            let proxies = (0..n).rev().map(|i| format!("10.0.0.{i}")).collect::<Vec<_>>().join(",");
            client("10.1.1.1", &[&format!("198.51.100.1,{proxies}")], &["10.0.0.0/8"])
        };
        assert_eq!(hops(MAX_HOPS - 1), "198.51.100.1");
        assert_eq!(hops(MAX_HOPS), "10.0.0.31");
        assert_eq!(hops(200), "10.0.0.31");
        let empty = format!("198.51.100.1{}", ",".repeat(1_000_000));
        assert_eq!(client("10.1.1.1", &[&empty], &["10.0.0.0/8"]), "10.1.1.1", "empty elements are hops too");
    }

    #[test]
    fn networks_hold_what_their_prefix_says() {
        for (net, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1/32", "::ffff:127.0.0.1", "::1"),
            ("0.0.0.0/0", "255.1.2.3", "2001:db8::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::1", "::1", "::2"),
            ("::1/128", "::1", "::"),
            ("::/0", "ffff::1", "1.2.3.4"),
            (" fd00::/8 ", "fd12::1", "fc00::1"),
        ] {
            let parsed = IpNet::parse(net).unwrap();
            assert!(parsed.contains(ip(inside)), "{net} holds {inside}");
            assert!(!parsed.contains(ip(outside)), "{net} does not hold {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_and_a_slip_corrected() {
        for text in ["", "/", "/8", "10.0.0/8", "10.0.0.0.0/8", "localhost", "[::1]", "10.0.0.0 /8"] {
            assert_eq!(IpNet::parse(text), Err(InvalidNetwork::Address), "{text:?}");
        }
        for text in ["10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/8/8", "::/256"] {
            assert_eq!(IpNet::parse(text), Err(InvalidNetwork::Prefix), "{text:?}");
        }
        let slip = IpNet::parse("10.1.2.3/8").unwrap_err();
        assert_eq!(slip.to_string(), "the address has bits beyond its prefix; did you mean 10.0.0.0/8?");
        assert!(matches!(IpNet::parse("2001:db8::1/64"), Err(InvalidNetwork::HostBits(_))));
    }

    proptest! {
        #[test]
        fn g6_no_header_makes_it_panic_or_leave_the_trusted_path(
            peer: IpAddr, values in prop::collection::vec("[0-9a-f.:,\\[\\] x]{0,60}", 0..4)
        ) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            prop_assert_eq!(client_address(peer, &values, &[]), peer.to_canonical());
            let everything = nets(&["0.0.0.0/0", "::/0"]);
            let found = client_address(peer, &values, &everything);
            prop_assert_eq!(found, found.to_canonical());
        }

        #[test]
        fn a_network_is_read_back_from_what_it_shows(address: IpAddr, prefix in 0_u8..=128) {
            let address = address.to_canonical();
            let text = format!("{address}/{}", prefix.min(width(address)));
            let net = match IpNet::parse(&text) {
                Ok(net) | Err(InvalidNetwork::HostBits(net)) => net,
                Err(other) => return Err(TestCaseError::fail(format!("{text}: {other}"))),
            };
            prop_assert!(net.contains(address));
            prop_assert_eq!(IpNet::parse(&net.to_string()), Ok(net));
        }
    }
}
