//! The root key, under which the server keys in the database are sealed.

use super::Rule;
use data_encoding::BASE64URL_NOPAD;
use std::fmt;
use zeroize::Zeroizing;

/// The 32 secret bytes of a root key. `Debug` prints none of them, and they are wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RootKeyBytes(Zeroizing<[u8; 32]>);

impl RootKeyBytes {
    /// The bytes themselves, for the one place that derives keys from them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RootKeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKeyBytes(…)")
    }
}

/// An optional root key. Neither what is set nor what was refused is ever shown.
pub(in crate::config) struct SealingKey;

impl Rule for SealingKey {
    type Value = Option<RootKeyBytes>;
    const SECRET: bool = true;

    fn initial(&self) -> Option<RootKeyBytes> {
        None
    }

    fn kind(&self) -> &'static str {
        "secret"
    }

    fn allowed(&self) -> String {
        "32 bytes in base64url without padding (43 characters)".to_owned()
    }

    fn read(&self, text: &str) -> Result<Option<RootKeyBytes>, String> {
        let wrong = || format!("must be {}", self.allowed());
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| wrong())?);
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| wrong())?;
        Ok(Some(RootKeyBytes(Zeroizing::new(key))))
    }

    fn show(&self, value: &Option<RootKeyBytes>) -> String {
        if value.is_some() { "(set, not shown)".to_owned() } else { "(not set)".to_owned() }
    }

    fn json(&self, _value: &Option<RootKeyBytes>) -> serde_json::Value {
        serde_json::Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_key_is_thirty_two_bytes() {
        let text = BASE64URL_NOPAD.encode(&[7; 32]);
        let key = SealingKey.read(&text).expect("a key").expect("set");
        assert_eq!(key.expose(), &[7; 32]);
    }

    #[test]
    fn a_refused_root_key_is_not_repeated() {
        for bytes in [0, 16, 31, 33, 64] {
            let text = BASE64URL_NOPAD.encode(&vec![7; bytes]);
            let message = SealingKey.read(&text).unwrap_err();
            assert!(message.contains("32 bytes") && (text.is_empty() || !message.contains(&text)), "{message}");
        }
        assert!(SealingKey.read("not base64!").is_err());
    }

    #[test]
    fn a_root_key_is_never_shown() {
        let key = SealingKey.read(&BASE64URL_NOPAD.encode(b"0123456789abcdef0123456789abcdef")).expect("a key");
        assert_eq!(format!("{key:?}"), "Some(RootKeyBytes(…))");
        assert_eq!(SealingKey.show(&key), "(set, not shown)");
        assert!(SealingKey.json(&key).is_null());
    }
}
