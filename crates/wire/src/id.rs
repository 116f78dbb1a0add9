//! Identifiers: opaque, prefixed by kind, 128 random bits where we make them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE32_DNSSEC;

/// The text is not an identifier of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind} id: expected {expected}")]
pub struct InvalidId {
    kind: &'static str,
    expected: &'static str,
}

/// Decodes lower-case base32hex without padding into exactly `N` bytes; any second spelling of the same bytes is refused.
pub(crate) fn decode_base32<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // The decoder takes capitals, too.
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) || BASE32_DNSSEC.decode_len(text.len()) != Ok(N) {
        return None;
    }
    BASE32_DNSSEC.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What the text form begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id of these 16 bytes, which its maker drew from a CSPRNG.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(&BASE32_DNSSEC.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .and_then(decode_base32)
                    .map(Self)
                    .ok_or(InvalidId { kind: $kind, expected: concat!($prefix, " and 26 characters of 0-9 a-v, as it was given") })
            }
        }

        text_serde!($name);
    };
}

macro_rules! text_serde {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_serde;

random_id!(
    /// A person with an account (`sub` of the tokens that a session is given).
    UserId, "user", "usr_"
);
random_id!(
    /// One sign-in on one device: the `sid` of OpenID Connect. It names, it does not grant.
    SessionId, "session", "ses_"
);
random_id!(
    /// One access token: its `jti` (RFC 7519 §4.1.7).
    TokenId, "token", "tok_"
);

macro_rules! named_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { kind: $kind, expected: $expected })
                }
            }
        }

        text_serde!($name);
    };
}

/// Characters that need no escaping anywhere: URL, form, header, log line (RFC 3986 §2.3 unreserved).
fn unreserved(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

named_id!(
    /// A client as in OAuth (RFC 6749 §2.2): 1–64 unreserved characters, never beginning like a user id, because a
    /// client that acts for itself is the `sub` of its tokens.
    ClientId, "client", "1 to 64 characters of A-Z a-z 0-9 - . _ ~, not beginning with usr_",
    |text| unreserved(text, 64) && !text.starts_with(UserId::PREFIX)
);
named_id!(
    /// A key: the `kid` of a signing key (RFC 7517 §4.5), or the name of a MAC key. Other issuers name keys like mailboxes
    /// (RFC 7520 §3), so `@` may be there.
    KeyId, "key", "1 to 64 characters of A-Z a-z 0-9 - . _ ~ @",
    |text| !text.is_empty() && text.split('@').all(|part| part.is_empty() || unreserved(part, 64)) && text.len() <= 64
);

/// The longest name that another issuer may give to itself, to a subject or to a session, in bytes: what OpenID Connect
/// Core §2 allows for `sub`.
const MAX_FOREIGN: usize = 255;

named_id!(
    /// Another issuer of tokens, exactly as they spell it in `iss` (RFC 7519 §4.1.1).
    Issuer, "issuer", "1 to 255 bytes without spaces and control characters",
    |text| (1..=MAX_FOREIGN).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
);
named_id!(
    /// What another issuer calls a subject (`sub`, RFC 7519 §4.1.2) or a session (`sid`, OpenID Connect Front-Channel Logout
    /// §3): it means something beside the issuer only.
    ForeignId, "foreign", "1 to 255 bytes without control characters",
    |text| (1..=MAX_FOREIGN).contains(&text.len()) && !text.contains(char::is_control)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_issuers_are_taken_as_they_are_within_bounds() {
        for good in ["https://id.example/realms/a", "auth0|5f7c", "CN=Ann Lee,OU=Ä", &"x".repeat(255)] {
            assert_eq!(good.parse::<ForeignId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a\nb", "a\u{0}", "\u{85}", &"x".repeat(256)] {
            assert!(bad.parse::<ForeignId>().is_err(), "{bad:?}");
            assert!(bad.parse::<Issuer>().is_err(), "{bad:?}");
        }
        assert!("https://id.example /".parse::<Issuer>().is_err());
    }

    #[test]
    fn an_id_reads_back_what_it_wrote_and_nothing_else() {
        let id = UserId::from_bytes([7; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), 30);
        assert_eq!(text.parse(), Ok(id));
        assert!(text.to_uppercase().parse::<UserId>().is_err());
        assert!(text.replace("usr_", "ses_").parse::<UserId>().is_err());
        // The last character carries 3 bits of the id; the two that are left over must be zero.
        let mut other = text.clone();
        let last = other.pop();
        other.push(if last == Some('s') { 't' } else { 's' });
        assert_ne!(other.parse(), Ok(id));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let text = UserId::from_bytes(*b"\xff\x00sixteen bytes\x80").to_string();
        assert!(text.parse::<UserId>().is_ok());
        for (at, letter) in text.char_indices().skip(UserId::PREFIX.len()) {
            let mut other = text.clone();
            other.replace_range(at..=at, &letter.to_uppercase().to_string());
            assert_eq!(other.parse::<UserId>().is_ok(), other == text, "{other}");
        }
        // Of the last character's five bits three belong to the id, and the other two must be zero.
        let front = &text[..text.len() - 1];
        let ends = (b'0'..=b'9').chain(b'a'..=b'v').map(char::from);
        let read = ends.filter_map(|end| format!("{front}{end}").parse::<UserId>().ok());
        let spelled: Vec<String> = read.map(|id| id.to_string()).collect();
        assert_eq!(spelled, ["0", "4", "8", "c", "g", "k", "o", "s"].map(|end| format!("{front}{end}")));
        for more in ["", "0", "w", "ä", "0=", "00"] {
            assert_eq!(format!("{front}{more}").parse::<UserId>().is_ok(), more == "0", "{more}");
        }
    }

    #[test]
    fn a_client_cannot_be_named_like_a_user() {
        assert!("mobile-app".parse::<ClientId>().is_ok());
        assert!("usr_x".parse::<ClientId>().is_err());
        assert!("".parse::<ClientId>().is_err());
        assert!("a b".parse::<ClientId>().is_err());
        assert!("x".repeat(65).parse::<ClientId>().is_err());
    }
}
