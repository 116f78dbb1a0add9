//! Refresh tokens: one spelling each, and what is read is what is in it.

#![no_main]

use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use rescind_domain::refresh_token::{PREFIX, take_apart};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        check(text);
    }
    // Nobody finds the prefix and the length by chance.
    check(&format!("{PREFIX}{}", BASE64URL_NOPAD.encode(data)));
    let mut right = [1; 93];
    let length = data.len().min(92);
    right[1..=length].copy_from_slice(&data[..length]);
    let text = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&right));
    assert!(take_apart(&text).is_some());
    check(&text);
});

fn check(text: &str) {
    let Some(token) = take_apart(text) else { return };
    let bytes = BASE64URL_NOPAD.decode(text.strip_prefix(PREFIX).unwrap().as_bytes()).unwrap();
    assert_eq!(bytes.len(), 93);
    assert_eq!(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes)), text, "a second spelling");
    let chain = token.unverified_chain;
    assert_eq!(bytes[0], 1);
    assert_eq!(chain.user.as_bytes(), &bytes[11..27]);
    assert_eq!(chain.session.as_bytes(), &bytes[27..43]);
    assert_eq!(chain.index.to_be_bytes(), bytes[43..45]);
    assert_eq!(token.unverified_key.0, bytes[53..61]);
    let _ = token.unverified_key.key_id();
}
