//! `X-Forwarded-For` and the networks of proxies: nobody is somewhere that neither the connection nor a trusted proxy
//! said.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use rescind_domain::address::{InvalidNetwork, IpNet, client_address};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let values: Vec<&str> = rest.split('\n').collect();
    let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(client_address(peer, &values, &[]), peer);
    let elsewhere = IpNet::parse("192.0.2.0/24").unwrap();
    assert_eq!(client_address(peer, &values, &[elsewhere]), peer);
    let everywhere = ["0.0.0.0/0", "::/0"].map(|net| IpNet::parse(net).unwrap());
    let found = client_address(peer, &values, &everywhere);
    assert_eq!(found, found.to_canonical());
    match IpNet::parse(first) {
        Ok(net) | Err(InvalidNetwork::HostBits(net)) => {
            assert_eq!(IpNet::parse(&net.to_string()), Ok(net));
            let found = client_address(peer, &values, &[net]);
            assert!(net.contains(peer) || found == peer);
        }
        Err(InvalidNetwork::Address | InvalidNetwork::Prefix) => {}
    }
});
