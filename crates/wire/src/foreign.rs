//! Tokens of other issuers, which carry no position: what they say, and the rule by which they are cut by time.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};

use crate::claims::Audience;
use crate::id::{ForeignId, Issuer};
use crate::{json, jwt};

/// The rule for tokens without a position: whether a revocation written at `cut_at` covers a token that says to be issued at
/// `issued_at` (seconds since the Unix epoch). `cut_at` and `tolerance`, how far the clocks of both issuers may be apart, are
/// in milliseconds.
///
/// A token of the second of the cut is covered, as is one that may only seem later because its issuer's clock is ahead. One
/// that does not say when it was issued may be as old as can be, so any revocation covers it.
pub const fn is_cut(issued_at: Option<u64>, cut_at: u64, tolerance: u64) -> bool {
    let issued_at = match issued_at {
        Some(seconds) => seconds.saturating_mul(1000),
        None => 0,
    };
    issued_at <= cut_at.saturating_add(tolerance)
}

/// The issuer that strict JSON claims to be of, whoever signed it: it says whose keys to check the token with.
pub fn unverified_issuer(unverified_claims: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    let claimed: Claimed = json::from_slice(unverified_claims, jwt::DEPTH).ok()?;
    Some(claimed.iss)
}

/// The claims of another issuer's access token that are looked at (RFC 7519, RFC 9068 §2.2). Others are not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ForeignClaims {
    /// Who issued it.
    pub iss: Issuer,
    /// Whom it is about.
    pub sub: ForeignId,
    /// For whom it is.
    pub aud: Audience,
    /// When it expires, in seconds since the Unix epoch.
    #[serde(deserialize_with = "seconds")]
    pub exp: u64,
    /// When it was issued, in seconds since the Unix epoch.
    #[serde(default, deserialize_with = "seconds_if_there")]
    pub iat: Option<u64>,
    /// Not before, in seconds since the Unix epoch.
    #[serde(default, deserialize_with = "seconds_if_there")]
    pub nbf: Option<u64>,
    /// The session (OpenID Connect Front-Channel Logout §3).
    #[serde(default, deserialize_with = "present")]
    pub sid: Option<ForeignId>,
    /// The client that it was given to (RFC 8693 §4.3).
    #[serde(default, deserialize_with = "present")]
    pub client_id: Option<String>,
    /// The same, as OpenID Connect Core §2 and some issuers spell it.
    #[serde(default, deserialize_with = "present")]
    pub azp: Option<String>,
    /// What it allows: names separated by spaces (RFC 8693 §4.2).
    #[serde(default)]
    pub scope: String,
    /// The same, as some issuers spell it: a list, or names separated by spaces.
    #[serde(default, deserialize_with = "names")]
    pub scp: Vec<String>,
    /// It is bound to a key (RFC 7800 §3.1).
    #[serde(default, deserialize_with = "is_there")]
    pub cnf: bool,
    /// It is a log-out token or another security event (RFC 8417 §2.2).
    #[serde(default, deserialize_with = "is_there")]
    pub events: bool,
    /// It is an ID token, which alone speaks of the hash of an access token (OpenID Connect Core §3.1.3.6).
    #[serde(default, deserialize_with = "is_there")]
    pub at_hash: bool,
}

impl ForeignClaims {
    /// The client, however it is spelled.
    pub fn client(&self) -> Option<&str> {
        self.client_id.as_deref().or(self.azp.as_deref())
    }

    /// Whether `name` is among the scopes.
    pub fn allows(&self, name: &str) -> bool {
        self.scope.split(' ').any(|scope| scope == name) || self.scp.iter().any(|scope| scope == name)
    }
}

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn seconds_if_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    seconds(deserializer).map(Some)
}

/// A `NumericDate`, which may have a fraction (RFC 7519 §2): the second that it lies in.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Seconds;

    impl Visitor<'_> for Seconds {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("seconds since 1970")
        }

        fn visit_u64<E>(self, seconds: u64) -> Result<u64, E> {
            Ok(seconds)
        }

        fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<u64, E> {
            /// Up to here, every second is a number of its own.
            const EXACT: f64 = 9_007_199_254_740_992.0;
            if !(0.0..EXACT).contains(&seconds) {
                return Err(E::custom("a time before 1970, or beyond all times"));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^53: exact")]
            Ok(seconds as u64)
        }
    }

    deserializer.deserialize_any(Seconds)
}

/// A list of names, or one text of names with spaces between them.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("names")
        }

        fn visit_str<E>(self, names: &str) -> Result<Vec<String>, E> {
            Ok(names.split(' ').map(str::to_owned).collect())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
            let mut names = Vec::new();
            while let Some(name) = items.next_element()? {
                if names.len() == MOST {
                    return Err(A::Error::custom("too many names"));
                }
                names.push(name);
            }
            Ok(names)
        }
    }

    /// More than any token has that is not an attack.
    const MOST: usize = 256;
    deserializer.deserialize_any(Names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_issued_up_to_the_cut_and_the_tolerance_is_covered_and_a_later_one_is_not() {
        let cut_at = 1_800_000_000_500;
        for (issued_at, covered) in [
            (Some(0), true),
            (Some(1_799_999_999), true),
            (Some(1_800_000_000), true),
            (Some(1_800_000_030), true),
            (Some(1_800_000_031), false),
            (None, true),
            (Some(u64::MAX), false),
        ] {
            assert_eq!(is_cut(issued_at, cut_at, 30_000), covered, "{issued_at:?}");
        }
        assert!(is_cut(Some(u64::MAX), u64::MAX, 1), "the end of time wraps nothing around");
    }

    fn read(more: &str) -> Result<ForeignClaims, serde_json::Error> {
        serde_json::from_str(&format!(r#"{{"iss":"https://kc","sub":"a|b","aud":["x","api"],"exp":1800000300{more}}}"#))
    }

    #[test]
    fn claims_are_read_as_issuers_spell_them() {
        let plain = read("").expect("claims");
        assert_eq!(
            (plain.iat, plain.client(), plain.cnf, plain.events, plain.at_hash),
            (None, None, false, false, false)
        );
        let read = |more: &str| read(more).expect(more);
        assert_eq!(read(r#","iat":1800000000.9"#).iat, Some(1_800_000_000));
        assert_eq!(read(r#","azp":"shop""#).client(), Some("shop"));
        assert_eq!(read(r#","azp":"shop","client_id":"till""#).client(), Some("till"));
        for scopes in [r#","scope":"read write""#, r#","scp":"read write""#, r#","scp":["read","write"]"#] {
            let claims = read(scopes);
            assert!(claims.allows("write") && claims.allows("read") && !claims.allows("rea"), "{scopes}");
        }
        assert!(read(r#","cnf":{"jkt":"x"}"#).cnf && read(r#","cnf":null"#).cnf);
        assert!(read(r#","events":{}"#).events && read(r#","at_hash":"x""#).at_hash);
    }

    #[test]
    fn what_is_no_time_or_name_is_refused() {
        for bad in [
            r#","iat":-1"#,
            r#","iat":"1800000000""#,
            r#","iat":null"#,
            r#","iat":1e300"#,
            r#","sid":null"#,
            r#","sid":"""#,
            r#","scp":7"#,
            r#","azp":["a"]"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for lacking in ["iss", "sub", "aud", "exp"] {
            let mut claims: serde_json::Value =
                serde_json::from_str(r#"{"iss":"https://kc","sub":"a","aud":"api","exp":1}"#).expect("JSON");
            assert!(serde_json::from_value::<ForeignClaims>(claims.clone()).is_ok());
            claims.as_object_mut().expect("an object").remove(lacking);
            assert!(serde_json::from_value::<ForeignClaims>(claims).is_err(), "{lacking}");
        }
    }
}
