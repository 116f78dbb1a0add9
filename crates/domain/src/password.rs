//! Passwords: what may become one, how one travels, and the port that hashes and checks them.
//!
//! The rules are those of NIST SP 800-63B-4 §3.1.1.2 and OWASP ASVS 5.0 §6.2: length counts, composition does not,
//! nothing is cut off, and passwords that everybody tries first are refused.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use crate::boxed::Boxed;
use crate::throttle::Place;

/// Fewest characters (Unicode scalar values after NFC) of a new password.
pub const MIN_CHARACTERS: usize = 8;

/// Most bytes (UTF-8, as typed) of any password: 256 characters at four bytes each, so 128 of any script always fit.
/// There is a bound only because everything that a stranger may send has one.
pub const MAX_BYTES: usize = 1024;

/// A password as somebody typed it. Wiped when dropped; `Debug` prints none of it.
///
/// The same characters can arrive composed or decomposed, depending on the keyboard. Hashing uses the composed form
/// (NFC, as RFC 8265 §4.2.2 has it), so the same password works on every device.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Password {
    composed: Zeroizing<String>,
    /// What was typed, where that differs.
    typed: Option<Zeroizing<String>>,
}

impl Password {
    /// Takes a password of at most [`MAX_BYTES`]; whether it is good enough to be *set* is for [`check_new`] to say.
    ///
    /// # Errors
    /// [`WeakPassword::TooLong`], which depends on the input alone, so it says nothing about any account.
    pub fn new(typed: String) -> Result<Self, WeakPassword> {
        let typed = Zeroizing::new(typed);
        if typed.len() > MAX_BYTES {
            return Err(WeakPassword::TooLong);
        }
        if is_nfc(&typed) {
            return Ok(Self { composed: typed, typed: None });
        }
        Ok(Self { composed: compose(&typed), typed: Some(typed) })
    }

    /// The text that is hashed: NFC, whole.
    pub fn expose(&self) -> &str {
        &self.composed
    }

    /// [`expose`](Self::expose), as UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        self.composed.as_bytes()
    }

    /// What to try against a stored hash, best first: the composed text, then, where it differs, the text as typed,
    /// because the program that made an imported hash may not have composed it. How many there are depends on the
    /// input alone.
    pub fn forms(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.as_bytes()).chain(self.typed.iter().map(|typed| typed.as_bytes()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

impl TryFrom<String> for Password {
    type Error = WeakPassword;

    fn try_from(typed: String) -> Result<Self, WeakPassword> {
        Self::new(typed)
    }
}

/// An encoded password hash as it is stored: scheme, parameters, salt and hash in one text (PHC string, bcrypt, or a
/// form that `import` accepts). `Debug` prints the scheme alone.
///
/// Comparing two of them need not take constant time: both come from the store (is the stored hash still the one that
/// was checked?), neither from whoever is signing in.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a text from the store or from an import; it is parsed when it is first used.
    pub fn new(encoded: String) -> Self {
        Self(encoded)
    }

    /// The text to store.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The scheme's name, or `"unrecognised"`. Only names from a fixed list, so that no part of a hash in some unknown
    /// form ends up in a log.
    pub fn scheme(&self) -> &'static str {
        let first = self.0.split('$').find(|part| !part.is_empty()).unwrap_or_default();
        SCHEMES.iter().find(|(prefix, _)| *prefix == first).map_or("unrecognised", |(_, name)| name)
    }
}

/// First field of an encoded hash, and the scheme that it stands for.
const SCHEMES: [(&str, &str); 17] = [
    ("argon2id", "argon2id"),
    ("argon2i", "argon2i"),
    ("argon2d", "argon2d"),
    ("argon2", "argon2"),
    ("2a", "bcrypt"),
    ("2b", "bcrypt"),
    ("2y", "bcrypt"),
    ("bcrypt", "bcrypt"),
    ("bcrypt_sha256", "bcrypt_sha256"),
    ("scrypt", "scrypt"),
    ("pbkdf2", "pbkdf2"),
    ("pbkdf2-sha256", "pbkdf2"),
    ("pbkdf2-sha512", "pbkdf2"),
    ("pbkdf2_sha1", "pbkdf2"),
    ("pbkdf2_sha256", "pbkdf2"),
    ("pbkdf2_sha512", "pbkdf2"),
    ("keycloak", "pbkdf2"),
];

impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PasswordHash({})", self.scheme())
    }
}

/// Why a password may not be set. `Display` tells the person what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`MIN_CHARACTERS`].
    #[error("too short: use at least {MIN_CHARACTERS} characters; a few words in a row are easy to remember")]
    TooShort,
    /// More than [`MAX_BYTES`].
    #[error("too long: use at most {MAX_BYTES} bytes, which is at least {} characters", MAX_BYTES / 4)]
    TooLong,
    /// On the list of passwords that are tried first.
    #[error("too common: this password is among the first that anybody tries; choose another one")]
    Common,
    /// The login, or the part of it before the `@`.
    #[error("the same as your login: choose a password that nobody can read off your account")]
    SameAsLogin,
}

/// Whether `password` may be set by (or for) the user who signs in as `login`. Case does not make a common password
/// rarer, nor a login secret, so both are compared without it.
///
/// # Errors
/// The first rule that the password breaks.
pub fn check_new(password: &str, login: &str) -> Result<(), WeakPassword> {
    if password.len() > MAX_BYTES {
        return Err(WeakPassword::TooLong);
    }
    let composed = compose(password);
    if composed.chars().count() < MIN_CHARACTERS {
        return Err(WeakPassword::TooShort);
    }
    let folded = Zeroizing::new(composed.to_lowercase());
    let login = login.nfc().collect::<String>().to_lowercase();
    let local_part = login.rsplit_once('@').map_or(login.as_str(), |(local, _)| local);
    if *folded == login || *folded == local_part {
        return Err(WeakPassword::SameAsLogin);
    }
    if is_common(folded.as_bytes()) {
        return Err(WeakPassword::Common);
    }
    Ok(())
}

fn compose(text: &str) -> Zeroizing<String> {
    // NFC makes UTF-8 at most three times as long (Unicode Standard Annex #15 §12). Room for that up front means that
    // the string never moves and leaves no copy behind.
    let mut composed = Zeroizing::new(String::with_capacity(text.len() * 3));
    composed.extend(text.nfc());
    composed
}

/// Sorted by bytes, one lower-case password a line, the last line ended too; `data/README.md` names source and licence.
const COMMON: &[u8] = include_bytes!("../data/common-passwords.txt");

/// Binary search over the text itself: no table to build at start, nothing to hold.
fn is_common(folded: &[u8]) -> bool {
    let mut rest = COMMON;
    while !rest.is_empty() {
        let middle = rest.len() / 2;
        let begin = rest[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let end = rest[middle..].iter().position(|byte| *byte == b'\n').map_or(rest.len(), |offset| middle + offset);
        rest = match folded.cmp(&rest[begin..end]) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => &rest[..begin],
            std::cmp::Ordering::Greater => rest.get(end + 1..).unwrap_or_default(),
        };
    }
    false
}

/// What a password is checked against.
#[derive(Debug, Clone)]
pub enum Stored {
    /// The hash of a user who has one.
    Known(PasswordHash),
    /// There is no such user, or the user has no password. The login (normalised, as it was looked up) chooses the
    /// parameters of the hash that is computed instead, so that they stay the same however often it is tried.
    Unknown {
        /// The login that nobody has.
        login: String,
    },
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the user's password.
    Right {
        /// The stored hash is weaker than what is configured, or of another scheme: hash the password anew and store
        /// that, if the stored one is still the one that was checked.
        upgrade: bool,
    },
    /// It is not, or there is no such user.
    Wrong,
}

/// Why a password could be neither hashed nor checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashingError {
    /// The queue is full (HTTP 503 with Retry-After). Nothing was computed.
    #[error("too many passwords are being checked; try again in {} s", retry_after.as_secs().max(1))]
    Busy {
        /// When the queue should have drained, at least one second.
        retry_after: Duration,
    },
    /// The stored hash is damaged, or asks for more than is allowed. The operator has to act, so answer the person as
    /// for a wrong password: the same work was done.
    #[error("the stored hash ({scheme}) cannot be checked")]
    Unreadable {
        /// [`PasswordHash::scheme`].
        scheme: String,
    },
}

/// The port that hashes passwords and checks them, away from the asynchronous threads.
pub trait Passwords: Send + Sync {
    /// Hashes the whole password with the configured parameters and a fresh salt. Does not ask [`check_new`].
    fn hash(&self, password: Password) -> Boxed<'_, Result<PasswordHash, HashingError>>;

    /// As [`hash`](Self::hash), for somebody with a place in the queue, which is free once the password was hashed, or has
    /// left the queue without that: not as soon as nobody waits for the answer any more.
    fn hash_at(&self, password: Password, place: Place) -> Boxed<'_, Result<PasswordHash, HashingError>> {
        let hashed = self.hash(password);
        Box::pin(async move {
            let hashed = hashed.await;
            drop(place);
            hashed
        })
    }

    /// Checks a password. [`Stored::Unknown`] does the same work as a wrong password, then answers
    /// [`Verdict::Wrong`] (OWASP ASVS 5.0 §6.3.8: no enumeration).
    fn verify(&self, stored: Stored, password: Password) -> Boxed<'_, Result<Verdict, HashingError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), WeakPassword> {
        check_new(password, "ada@example.org")
    }

    #[test]
    fn eight_characters_are_enough_and_seven_are_not_in_any_script() {
        assert_eq!(check("xvq pmzk"), Ok(()));
        assert_eq!(check("xvq pmz"), Err(WeakPassword::TooShort));
        assert_eq!(check("žluťoučk"), Ok(()));
        assert_eq!(check("密码密码密码密"), Err(WeakPassword::TooShort));
        // Seven letters, one of them typed as letter and accent: what is seen is what counts.
        assert_eq!(check("cafe\u{301}xyz"), Err(WeakPassword::TooShort));
    }

    #[test]
    fn one_hundred_and_twenty_eight_characters_of_the_widest_script_pass_whole() {
        let wide = "𒀀𒁀".repeat(64);
        assert_eq!((wide.chars().count(), wide.len()), (128, 512));
        assert_eq!(check(&wide), Ok(()));
        assert_eq!(Password::new(wide.clone()).expect("short enough").expose(), wide);
    }

    #[test]
    fn one_thousand_and_twenty_four_bytes_pass_and_one_more_does_not() {
        assert_eq!(check(&"ab".repeat(512)), Ok(()));
        let long = "ab".repeat(512) + "c";
        assert_eq!(check(&long), Err(WeakPassword::TooLong));
        assert_eq!(Password::new(long.clone()).err(), Some(WeakPassword::TooLong));
        let json = serde_json::to_string(&long).expect("a string");
        let refusal = serde_json::from_str::<Password>(&json).expect_err("too long").to_string();
        assert!(refusal.starts_with("too long: use at most 1024 bytes") && !refusal.contains("abab"), "{refusal}");
    }

    #[test]
    fn no_composition_is_asked_for() {
        for plain in ["aaaaaaaaaaaab", "correcthorsebatterystaple", "        x       ", "73519462807", "⚀⚁⚂⚃⚄⚅⚄⚃"]
        {
            assert_eq!(check(plain), Ok(()), "{plain}");
        }
    }

    #[test]
    fn common_passwords_are_refused_in_any_case() {
        for common in ["password", "PassWord", "12345678", "QWERTYUIOP", "iloveyou", "trustno1"] {
            assert_eq!(check(common), Err(WeakPassword::Common), "{common}");
        }
    }

    #[test]
    fn the_login_and_its_local_part_are_refused_in_any_case() {
        assert_eq!(check_new("Ada.Lovelace", "ada.lovelace@example.org"), Err(WeakPassword::SameAsLogin));
        assert_eq!(check_new("ada.lovelace@EXAMPLE.org", "ada.lovelace@example.org"), Err(WeakPassword::SameAsLogin));
        assert_eq!(check_new("ADALOVELACE", "adalovelace"), Err(WeakPassword::SameAsLogin));
        assert_eq!(check_new("ada.lovelace.1", "ada.lovelace@example.org"), Ok(()));
    }

    #[test]
    fn the_list_is_sorted_long_enough_and_every_entry_is_found() {
        let text = std::str::from_utf8(COMMON).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() > 5_000 && text.ends_with('\n'));
        assert!(lines.windows(2).all(|pair| pair[0].as_bytes() < pair[1].as_bytes()));
        for line in &lines {
            assert!(line.chars().count() >= MIN_CHARACTERS && *line == line.to_lowercase() && is_nfc(line), "{line}");
            assert!(is_common(line.as_bytes()), "{line}");
            assert!(!is_common(format!("{line} ").as_bytes()), "{line}");
        }
        assert!(!is_common(b"") && !is_common(b"!") && !is_common(&[0xff; 9]));
    }

    #[test]
    fn composed_and_decomposed_typing_are_one_password() {
        let composed = Password::new("caf\u{e9} au lait".into()).expect("short enough");
        let decomposed = Password::new("cafe\u{301} au lait".into()).expect("short enough");
        assert_eq!(composed.as_bytes(), decomposed.as_bytes());
        assert_eq!(composed.forms().count(), 1);
        assert_eq!(decomposed.forms().nth(1), Some("cafe\u{301} au lait".as_bytes()));
    }

    #[test]
    fn debug_shows_neither_password_nor_hash() {
        let password = Password::new("correct horse".into()).expect("short enough");
        assert_eq!(format!("{password:?}"), "Password(…)");
        for (encoded, shown) in [
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "PasswordHash(argon2id)"),
            ("$2b$12$abcdefghijklmnopqrstuu", "PasswordHash(bcrypt)"),
            ("pbkdf2_sha256$1000$salt$hash", "PasswordHash(pbkdf2)"),
            ("5f4dcc3b5aa765d61d8327deb882cf99", "PasswordHash(unrecognised)"),
            ("", "PasswordHash(unrecognised)"),
        ] {
            assert_eq!(format!("{:?}", PasswordHash::new(encoded.into())), shown);
        }
    }
}
