//! Databases of places in MaxMind's format 2.0, as small as they can be, made from JSON.

use std::net::IpAddr;

use serde_json::{Value, json};

/// The bits of a record of the search tree.
const RECORD: usize = 24;

/// What separates the tree from the data.
const SEPARATOR: [u8; 16] = [0; 16];

/// A database of networks (address and prefix) and what is said of each.
pub(crate) fn database(kind: &str, networks: &[(&str, u8, Value)]) -> Vec<u8> {
    let (mut tree, mut data) = (vec![[Branch::Nothing; 2]], Vec::new());
    for (address, prefix, value) in networks {
        let offset = data.len();
        data.extend(encoded(value));
        insert(&mut tree, &bits(address, *prefix), offset);
    }
    let metadata = json!({
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_700_000_000,
        "database_type": kind, "description": {"en": "Made for a test"}, "ip_version": 6, "languages": ["en"],
        "node_count": tree.len(), "record_size": RECORD,
    });
    let marker = b"\xab\xcd\xefMaxMind.com";
    [&written(&tree)[..], &SEPARATOR, &data, marker, &encoded(&metadata)].concat()
}

/// A record as databases of cities have it.
pub(crate) fn city(code: &str, [country, land, stadt]: [&str; 3], [region, city]: [&str; 2]) -> Value {
    json!({
        "country": {"iso_code": code, "names": {"en": country, "de": land}},
        "subdivisions": [{"names": {"en": region}}, {"names": {"en": "A part of that part"}}],
        "city": {"names": {"en": city, "de": stadt, "pt-BR": "Cidade"}},
        "location": {"latitude": 3, "time_zone": "Europe/Lisbon"},
    })
}

#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    Data(usize),
}

/// The bits of a network in the tree; those of IPv4 are below `::/96`.
fn bits(address: &str, prefix: u8) -> Vec<usize> {
    let (number, prefix) = match address.parse().expect("an address") {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), prefix + 96),
        IpAddr::V6(v6) => (u128::from(v6), prefix),
    };
    (0..prefix).map(|at| usize::from(number >> (127 - at) & 1 == 1)).collect()
}

fn insert(tree: &mut Vec<[Branch; 2]>, bits: &[usize], offset: usize) {
    let (last, way) = bits.split_last().expect("a prefix");
    let mut at = 0;
    for bit in way {
        at = match tree[at][*bit] {
            Branch::Node(next) => next,
            Branch::Nothing | Branch::Data(_) => {
                tree.push([Branch::Nothing; 2]);
                let next = tree.len() - 1;
                tree[at][*bit] = Branch::Node(next);
                next
            }
        };
    }
    tree[at][*last] = Branch::Data(offset);
}

fn written(tree: &[[Branch; 2]]) -> Vec<u8> {
    let record = |branch: &Branch| match branch {
        Branch::Nothing => tree.len(),
        Branch::Node(at) => *at,
        Branch::Data(offset) => tree.len() + SEPARATOR.len() + offset,
    };
    let bytes = |branch| u32::try_from(record(branch)).expect("a small tree").to_be_bytes()[1..].to_vec();
    tree.iter().flatten().flat_map(bytes).collect()
}

/// A value of the data section: its type and size, and what it holds.
fn encoded(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => [control(2, text.len()), text.as_bytes().to_vec()].concat(),
        Value::Number(_) => encoded_number(value, 5, 2),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                // The format wants these wider than others.
                let value = match name.as_str() {
                    "node_count" => encoded_number(value, 6, 4),
                    "build_epoch" => encoded_number(value, 9, 8),
                    _ => encoded(value),
                };
                [encoded(&json!(name)), value].concat()
            };
            [control(7, members.len()), members.iter().flat_map(member).collect()].concat()
        }
        Value::Array(items) => [control(11, items.len()), items.iter().flat_map(encoded).collect()].concat(),
        Value::Null | Value::Bool(_) => panic!("not needed yet"),
    }
}

fn encoded_number(value: &Value, kind: u8, size: usize) -> Vec<u8> {
    let bytes = value.as_u64().expect("a whole number").to_be_bytes();
    [control(kind, size), bytes[8 - size..].to_vec()].concat()
}

fn control(kind: u8, size: usize) -> Vec<u8> {
    let (bits, more) = match size {
        0..29 => (u8::try_from(size).expect("small"), None),
        _ => (29, Some(u8::try_from(size - 29).expect("not that long"))),
    };
    let head = if kind < 8 { vec![kind << 5 | bits] } else { vec![bits, kind - 7] };
    head.into_iter().chain(more).collect()
}
